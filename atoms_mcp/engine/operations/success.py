"""What a tool gave, as a result."""

from collections.abc import Mapping

import orjson

from atoms_mcp.engine.offer.tool import Content
from atoms_mcp.engine.offer.toolbox import Prepared
from atoms_mcp.protocol.outputs import WrongOutput
from atoms_mcp.protocol.results import ToolResult
from atoms_mcp.protocol.revisions.revision import encode


def render_success(found: object, tool: Prepared) -> ToolResult:
    """Give the result of a call whose handler answered a dict or `Content`, as it has to.

    `Content` may call itself an error.

    Raises:
        WrongOutput: it is not what the tool promised.
    """
    if type(found) is dict and tool.output is None:  # nearly always
        return ToolResult(orjson.dumps(found))
    if isinstance(found, Content) and isinstance(found.structured, Mapping | None):
        structured = None if found.structured is None else encode(found.structured)
        result = ToolResult(structured, found.blocks, "tool" if found.is_error else None)
    elif isinstance(found, dict):
        result = ToolResult(orjson.dumps(found))
    else:
        kind = type(found).__name__
        raise WrongOutput(f"tool {tool.name}: its handler gave {kind}, neither a dict nor Content")
    if result.error_code is None:
        _check(result.structured, tool)
    return result


def _check(structured: bytes | None, tool: Prepared) -> None:
    """Hold a tool to its output schema; errors need not fit it."""
    if structured is None:
        if tool.tool.output_schema is not None:
            raise WrongOutput(f"tool {tool.name}: output_schema: its Content has no structured")
    elif tool.output is not None:
        try:
            tool.output.check(structured)
        except WrongOutput as exc:
            raise WrongOutput(f"tool {tool.name}: output_schema: {exc}") from None
