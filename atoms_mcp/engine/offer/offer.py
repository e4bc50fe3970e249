"""All that a server offers, as data."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from atoms_mcp.engine.offer.prompt import Prompt
from atoms_mcp.engine.offer.resource import Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.protocol.task import TASKS

LISTS: Final = ("tools", "prompts", "resources")


@dataclass(frozen=True, slots=True)
class Offer:
    """Tools, resources and prompts, each in the order in which they are listed.

    `changing` names the lists ("tools", "prompts", "resources") that may change while the
    server runs, so that clients can listen for that. `extensions` are the ids of those that are
    served, with their settings.
    """

    tools: tuple[Tool, ...] = ()
    resources: tuple[Resource, ...] = ()
    templates: tuple[ResourceTemplate, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    changing: Collection[str] = ()
    extensions: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def __add__(self, other: "Offer") -> "Offer":
        """Give both, this one's first."""
        return Offer(
            self.tools + other.tools,
            self.resources + other.resources,
            self.templates + other.templates,
            self.prompts + other.prompts,
            frozenset(self.changing) | frozenset(other.changing),
            {**self.extensions, **other.extensions},
        )

    @property
    def has_resources(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.resources or self.templates)

    @property
    def has_completions(self) -> bool:
        """Whether there is any argument or variable for which values are suggested."""
        arguments = (argument for prompt in self.prompts for argument in prompt.arguments)
        return any(one.complete for one in arguments) or any(one.complete for one in self.templates)

    @property
    def has_tasks(self) -> bool:
        """Whether a call may go on as a task."""
        return any(tool.as_task is not None for tool in self.tools)

    def declare(self) -> dict[str, Any]:
        """Give the server's capabilities, in their newest form: what is honoured, and no more.

        Source: MCP 2026-07-28 schema, ServerCapabilities.
        """
        changes = {name: {"listChanged": True} if name in self.changing else {} for name in LISTS}
        declared: dict[str, Any] = {"logging": {}}
        if self.tools:
            declared["tools"] = changes["tools"]
        if self.prompts:
            declared["prompts"] = changes["prompts"]
        if self.has_resources:
            declared["resources"] = {**changes["resources"], "subscribe": True}
        if self.has_completions:
            declared["completions"] = {}
        tasks: dict[str, Any] = {TASKS: {}} if self.has_tasks else {}
        if self.extensions or tasks:
            declared["extensions"] = {**tasks, **self.extensions}
        return declared
