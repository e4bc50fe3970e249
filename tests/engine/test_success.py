from types import MappingProxyType

from atoms_mcp.engine.success import render_success
from atoms_mcp.engine.tool import Content
from atoms_mcp.protocol.results import ToolResult

BLOCKS = [{"type": "text", "text": "Hello."}]


def test_data_is_structured_and_shown_as_text():
    assert render_success({"ok": True}) == ToolResult(b'{"ok":true}')


def test_blocks_are_shown_as_they_are():
    assert render_success(Content(BLOCKS)) == ToolResult(None, BLOCKS)


def test_blocks_may_have_data_besides_and_may_say_that_they_are_an_error():
    found = render_success(Content(BLOCKS, MappingProxyType({"a": 1}), is_error=True))

    assert found == ToolResult(b'{"a":1}', BLOCKS, "tool")
