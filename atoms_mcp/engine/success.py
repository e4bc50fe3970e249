"""What a tool gave, as a result."""

from typing import Any

import orjson

from atoms_mcp.engine.tool import Content
from atoms_mcp.protocol.results import ToolResult
from atoms_mcp.protocol.revisions.revision import encode


def render_success(found: dict[str, Any] | Content) -> ToolResult:
    """Give the result of a call whose handler answered; `Content` may call it an error."""
    if type(found) is dict or not isinstance(found, Content):
        return ToolResult(orjson.dumps(found))
    structured = None if found.structured is None else encode(found.structured)
    return ToolResult(structured, found.blocks, "tool" if found.is_error else None)
