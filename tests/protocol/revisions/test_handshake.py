import orjson
import pytest
from multidict import CIMultiDict

from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.protocol.results import Result, Server, ToolResult
from atoms_mcp.protocol.revisions.handshake import ROWS, Handshake, read_opening

TOOL = {
    "name": "say",
    "title": "Say",
    "description": "To say.",
    "inputSchema": {"type": "object"},
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
    "icons": [{"src": "https://x.test/i.png"}],
}
SERVER = Server("s", "S", "1", "Read first.", {"tools": {}, "completions": {}, "extensions": {}})
ROW = {row.name: Handshake(row, SERVER) for row in ROWS}


@pytest.mark.requirement("ver-no-leftovers")
@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("2025-11-25", set()),
        ("2025-06-18", {"icons"}),
        ("2025-03-26", {"title", "outputSchema", "icons"}),
        ("2024-11-05", {"title", "outputSchema", "icons", "annotations"}),
    ],
)
def test_a_tool_is_listed_with_what_the_revision_has(name, dropped):
    expected = {key: value for key, value in TOOL.items() if key not in dropped}

    assert orjson.loads(ROW[name].render(Result({"tools": [TOOL]}))) == {"tools": [expected]}


@pytest.mark.parametrize("name", ["2025-11-25", "2025-06-18"])
def test_a_result_is_structured_from_2025_06_18_on(name):
    assert ROW[name].render_tool_result(ToolResult(b'{"a":1}')) == (
        b'{"content":[{"type":"text","text":"{\\"a\\":1}"}],'
        b'"structuredContent":{"a":1},"isError":false}'
    )


@pytest.mark.requirement("ver-no-leftovers")
@pytest.mark.parametrize("name", ["2025-03-26", "2024-11-05"])
def test_an_older_result_is_text(name):
    assert ROW[name].render_tool_result(ToolResult(b'{"a":1}')) == (
        b'{"content":[{"type":"text","text":"{\\"a\\":1}"}],"isError":false}'
    )
    assert ROW[name].render_tool_result(ToolResult(b"{}", "no", "bad")) == (
        b'{"content":[{"type":"text","text":"no"}],"isError":true}'
    )


@pytest.mark.requirement("life-opening", "tools-capability")
def test_the_opening_says_revision_server_and_instructions():
    assert orjson.loads(ROW["2025-06-18"].opening) == {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}, "completions": {}},
        "serverInfo": {"name": "s", "title": "S", "version": "1"},
        "instructions": "Read first.",
    }


@pytest.mark.requirement("ver-no-leftovers")
def test_an_older_opening_has_no_title_and_none_has_empty_instructions():
    opening = orjson.loads(Handshake(ROWS[-1], Server("s", "S", "1", "", {})).opening)

    assert opening["serverInfo"] == {"name": "s", "version": "1"}
    assert orjson.loads(ROW["2024-11-05"].opening)["capabilities"] == {"tools": {}}
    assert "instructions" not in opening


def test_only_2025_03_26_has_batches():
    assert [name for name, revision in ROW.items() if revision.has_batches] == ["2025-03-26"]


@pytest.mark.parametrize("code", [-32600, -32601, -32602, -32603])
def test_errors_travel_in_bodies_of_status_200(code):
    assert ROW["2025-11-25"].find_status(code) == 200


@pytest.mark.requirement("ver-no-header")
@pytest.mark.parametrize("named", ROW)
def test_the_header_may_be_missing_or_name_a_revision_of_the_family(named):
    ROW["2025-06-18"].check_header(CIMultiDict())
    ROW["2025-06-18"].check_header(CIMultiDict({"mcp-protocol-version": f" {named} "}))


@pytest.mark.requirement("ver-session-header")
@pytest.mark.parametrize("named", [["2026-07-28"], ["x"], [""], ["2025-06-18", "2025-11-25"]])
def test_a_header_that_names_a_revision_without_sessions_is_refused(named):
    headers = CIMultiDict([("MCP-Protocol-Version", value) for value in named])

    with pytest.raises(RpcError) as refused:
        ROW["2025-06-18"].check_header(headers)

    assert (refused.value.code, refused.value.status) == (-32600, 400)


@pytest.mark.requirement("t23-doubled-headers")
@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Session-Id"])
def test_a_header_that_comes_twice_is_refused_whatever_it_says(name):
    headers = CIMultiDict([(name, "2025-06-18"), (name.lower(), "2025-06-18")])

    with pytest.raises(RpcError) as refused:
        ROW["2025-06-18"].check_header(headers)

    assert (refused.value.code, refused.value.status) == (-32600, 400)


def test_an_opening_asks_for_a_revision_and_names_capabilities():
    params = {
        "protocolVersion": "x",
        "capabilities": {"sampling": {}, "elicitation": {"form": {}}, "roots": 1, "other": {}},
    }

    assert read_opening(params) == ("x", ("elicitation", "sampling"))
    assert read_opening({"protocolVersion": "x"}) == ("x", ())


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"protocolVersion": 1},
        {"protocolVersion": None},
        {"protocolVersion": "x", "capabilities": []},
    ],
)
def test_an_opening_that_cannot_be_read_is_refused(params):
    with pytest.raises(RpcError, match="-32602"):
        read_opening(params)
