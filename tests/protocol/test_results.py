import orjson
import pytest

from atoms_mcp.protocol.results import ToolResult, render_content, render_structured


@pytest.mark.requirement("tools-structured-text")
def test_the_text_block_repeats_the_structured_content():
    result = ToolResult(orjson.dumps({"said": 'a "quoted" ü'}))

    members = orjson.loads(b"{%b}" % render_structured(result))

    assert orjson.loads(members["content"][0]["text"]) == members["structuredContent"]
    assert members["isError"] is False


def test_an_error_has_a_text_of_its_own():
    result = ToolResult(b'{"ok":false}', "not_found: no.", "not_found")

    assert render_structured(result) == (
        b'"content":[{"type":"text","text":"not_found: no."}],'
        b'"structuredContent":{"ok":false},"isError":true'
    )
    assert render_content(result) == (
        b'"content":[{"type":"text","text":"not_found: no."}],"isError":true'
    )


def test_blocks_are_content_as_they_are():
    blocks = [{"type": "text", "text": "hi"}]

    assert render_structured(ToolResult(None, blocks)) == (
        b'"content":[{"type":"text","text":"hi"}],"isError":false'
    )
    assert render_structured(ToolResult(b"{}", blocks)) == (
        b'"content":[{"type":"text","text":"hi"}],"structuredContent":{},"isError":false'
    )
