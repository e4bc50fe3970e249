"""A tool as data."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.tasks.use import TaskUse
from atoms_mcp.identity.caller import READ_SCOPE, WRITE_SCOPE
from atoms_mcp.protocol.content import Block

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """A result that is not only data: blocks, as `protocol.content` makes them.

    `structured` is what a tool with an output schema has to give besides.
    """

    blocks: Sequence[Block]
    structured: Mapping[str, Any] | None = None
    is_error: bool = False


Handler = Callable[[Context, Arguments], Awaitable[dict[str, Any] | Content]]


def as_given(arguments: Arguments) -> Arguments:
    """Leave the arguments as they came: most tools know no older spellings."""
    return arguments


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: how it is listed, how its arguments are read, and what it does.

    `handler` answers the structured content as a dict (which is shown as text, too), or
    `Content`; it raises `ToolError` for what the caller can mend.
    `input_schema` and `output_schema` are JSON Schema 2020-12, the one dialect that is served.
    `accept` turns older spellings into listed ones before the arguments are checked against
    `input_schema` (pure; may raise `ToolError`). `scope` names the scope that a call with
    these (checked) arguments needs; without it, the annotations decide for all calls alike.
    `read_only` is how it is listed for those who may not change anything: None for a tool that
    changes things says that they do not see it.
    `limit_s` is how long a call may take, where that is not what all may. `stops_itself` says
    that a cancelled call looks at `Context.is_cancelled`, and is left to end by itself.
    `keeps_output_schema` says that its own tests show that all it gives fits its
    `output_schema`, so that its results are sent unchecked. Of other tools, a result that does
    not fit is an internal error: no client would take it.
    `as_task` says when a call goes on as a task, for clients that know tasks; None for never.
    """

    name: str
    description: str
    handler: Handler
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None
    title: str = ""
    annotations: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    icons: Sequence[Mapping[str, Any]] = ()
    scope: Callable[[Mapping[str, Any]], str] | None = None
    accept: Callable[[Arguments], Arguments] = as_given
    read_only: "Tool | None" = None
    limit_s: float | None = None
    stops_itself: bool = False
    keeps_output_schema: bool = False
    as_task: TaskUse | None = None

    @property
    def only_reads(self) -> bool:
        """Whether it says of itself that it changes nothing."""
        return self.annotations.get("readOnlyHint") is True

    def find_scope(self, arguments: Mapping[str, Any]) -> str:
        """Name the scope that a call with these arguments needs."""
        if self.scope is not None:
            return self.scope(arguments)
        return READ_SCOPE if self.only_reads else WRITE_SCOPE
