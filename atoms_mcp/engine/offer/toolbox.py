"""The tools of a server: found by name, listed, and made ready for their calls."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atoms_mcp.engine.offer.tool import Arguments, Handler, Tool, as_given
from atoms_mcp.engine.tasks.use import TaskUse
from atoms_mcp.identity.caller import WRITE_SCOPE, Caller
from atoms_mcp.identity.errors import InsufficientScope
from atoms_mcp.protocol.arguments import ArgumentCheck
from atoms_mcp.protocol.headers import MirroredArgument, find_mirrored
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, RpcError
from atoms_mcp.protocol.outputs import OutputCheck, demands_nothing

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class UnknownTool(RpcError):  # noqa: N818 - says what is the case
    """There is no tool of that name."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A tool with all that can be made ready before its first call.

    `output` is None where every dict is right, or known to be.
    """

    name: str
    tool: Tool
    handler: Handler
    check: ArgumentCheck
    output: OutputCheck | None
    mirrored: tuple[MirroredArgument, ...]
    find_scope: Callable[[Mapping[str, Any]], str]
    limit_s: float | None
    stops_itself: bool
    as_task: TaskUse | None

    def admit(self, caller: Caller, arguments: Arguments) -> Arguments:
        """Give the arguments as the handler takes them.

        Raises:
            ToolError: they do not fit.
            InsufficientScope: the caller was not granted what they need.
        """
        tool = self.tool
        if tool.accept is not as_given:
            arguments = tool.accept(arguments)
        self.check.check(arguments)
        needed = self.find_scope(arguments)
        if needed not in caller.scopes:
            raise InsufficientScope(needed)
        return arguments


class Toolbox:
    """The tools, in the order in which they are listed."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Prepare every tool.

        Raises:
            ValueError: a name or a schema that no client could use, or a name given twice.
        """
        self._tools: dict[str, Prepared] = {}
        for tool in tools:
            if not _NAME.fullmatch(tool.name) or tool.name in self._tools:
                raise ValueError(f"tool name {tool.name!r} is taken or not 1 to 64 of A-Za-z0-9_.-")
            self._tools[tool.name] = _prepare(tool)

    def find(self, name: str) -> Prepared:
        """Give a tool.

        Raises:
            UnknownTool: -32602.
        """
        found = self._tools.get(name)
        if found is None:
            known = ", ".join(self._tools)
            raise UnknownTool(INVALID_PARAMS, f"there is no such tool; the tools are {known}")
        return found

    @property
    def headers(self) -> frozenset[str]:
        """The headers in which clients repeat arguments of the tools."""
        return frozenset(
            argument.header for tool in self._tools.values() for argument in tool.mirrored
        )

    def list(self, scopes: frozenset[str]) -> list[dict[str, Any]]:
        """Give the tools as the newest revision lists them for those who may do so much."""
        offered = (prepared.tool for prepared in self._tools.values())
        if WRITE_SCOPE not in scopes:
            readers = (tool if tool.only_reads else tool.read_only for tool in offered)
            offered = (tool for tool in readers if tool is not None)
        return [_list(tool) for tool in offered]


def _prepare(tool: Tool) -> Prepared:
    try:
        check = ArgumentCheck(tool.input_schema)
        mirrored = find_mirrored(tool.input_schema)
    except ValueError as exc:
        raise ValueError(f"input_schema of {tool.name}: {exc}") from exc
    try:
        output = _prepare_output(tool)
    except ValueError as exc:
        raise ValueError(f"output_schema of {tool.name}: {exc}") from exc
    return Prepared(
        name=tool.name,
        tool=tool,
        handler=tool.handler,
        check=check,
        output=output,
        mirrored=mirrored,
        find_scope=tool.scope or tool.find_scope,
        limit_s=tool.limit_s,
        stops_itself=tool.stops_itself,
        as_task=tool.as_task,
    )


def _prepare_output(tool: Tool) -> OutputCheck | None:
    schema = tool.output_schema
    if schema is None or tool.keeps_output_schema or demands_nothing(schema):
        return None
    return OutputCheck(schema)


def _list(tool: Tool) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "name": tool.name,
        "title": tool.title or tool.name.replace("_", " ").capitalize(),
        "description": tool.description,
        "inputSchema": tool.input_schema,
    }
    more: Mapping[str, Any] = {
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations,
        "icons": tool.icons,
    }
    return listed | {name: value for name, value in more.items() if value}
