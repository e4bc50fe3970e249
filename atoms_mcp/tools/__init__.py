"""What models can call: one module per tool, built here in the order in which they are listed."""

from atoms_mcp.engine.tool import Tool
from atoms_mcp.entities.catalogue import Catalogue
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.tools.entity import build_entity_tool
from atoms_mcp.tools.workspace import build_workspace_tool


def build_tools(catalogue: Catalogue, cursor_key: bytes) -> tuple[Tool, ...]:
    """Build all tools; cursors are signed with `cursor_key` (32 bytes)."""
    cursors = Cursors(cursor_key)
    return (build_entity_tool(catalogue, cursors), build_workspace_tool(catalogue, cursors))
