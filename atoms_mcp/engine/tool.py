"""A tool as data."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from atoms_mcp.engine.context import Context

Arguments = dict[str, Any]
Handler = Callable[[Context, Arguments], Awaitable[dict[str, Any]]]


def as_given(arguments: Arguments) -> Arguments:
    """Leave the arguments as they came: most tools know no older spellings."""
    return arguments


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: how it is listed, how its arguments are read, and what it does.

    `accept` turns older spellings into listed ones before the arguments are checked against
    `input_schema` (pure; may raise `ToolError`). `scope` names the scope that a call with
    these (checked) arguments needs. `handler` answers the structured content, or raises
    `ToolError` for what the caller can mend.
    """

    name: str
    title: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    annotations: Mapping[str, bool]
    scope: Callable[[Mapping[str, Any]], str]
    handler: Handler
    accept: Callable[[Arguments], Arguments] = as_given
