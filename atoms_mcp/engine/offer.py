"""All that a server offers, as data."""

from collections.abc import Collection
from dataclasses import dataclass

from atoms_mcp.engine.prompt import Prompt
from atoms_mcp.engine.resource import Resource, ResourceTemplate
from atoms_mcp.engine.tool import Tool


@dataclass(frozen=True, slots=True)
class Offer:
    """Tools, resources and prompts, each in the order in which they are listed.

    `changing` names the lists ("tools", "prompts", "resources") that may change while the
    server runs, so that clients can listen for that.
    """

    tools: tuple[Tool, ...] = ()
    resources: tuple[Resource, ...] = ()
    templates: tuple[ResourceTemplate, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    changing: Collection[str] = ()

    def __add__(self, other: "Offer") -> "Offer":
        """Give both, this one's first."""
        return Offer(
            self.tools + other.tools,
            self.resources + other.resources,
            self.templates + other.templates,
            self.prompts + other.prompts,
            frozenset(self.changing) | frozenset(other.changing),
        )
