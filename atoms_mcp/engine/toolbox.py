"""The tools of a server: found by name, listed, and run with checked arguments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atoms_mcp.engine.tool import Arguments, Handler, Tool, as_given
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.errors import InsufficientScope
from atoms_mcp.protocol.arguments import ArgumentCheck
from atoms_mcp.protocol.headers import MirroredArgument, find_mirrored
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, RpcError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class UnknownTool(RpcError):  # noqa: N818 - says what is the case
    """There is no tool of that name."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A tool with all that can be made ready before its first call."""

    name: str
    tool: Tool
    handler: Handler
    check: ArgumentCheck
    mirrored: tuple[MirroredArgument, ...]

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
        needed = tool.find_scope(arguments)
        if needed not in caller.scopes:
            raise InsufficientScope(needed)
        return arguments


class Toolbox:
    """The tools, in the order in which they are listed."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Prepare every tool.

        Raises:
            ValueError: a name or a schema that clients would refuse, or a name given twice.
        """
        self._tools: dict[str, Prepared] = {}
        for tool in tools:
            if not _NAME.fullmatch(tool.name) or tool.name in self._tools:
                raise ValueError(f"tool name {tool.name!r} is taken or not 1 to 64 of A-Za-z0-9_.-")
            self._tools[tool.name] = _prepare(tool)
        self.listing = [_list(tool) for tool in tools]

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


def _prepare(tool: Tool) -> Prepared:
    try:
        check = ArgumentCheck(tool.input_schema)
        return Prepared(tool.name, tool, tool.handler, check, find_mirrored(tool.input_schema))
    except ValueError as exc:
        raise ValueError(f"input_schema of {tool.name}: {exc}") from exc


def _list(tool: Tool) -> Mapping[str, Any]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": dict(tool.annotations),
    }
