import orjson
import pytest
from multidict import CIMultiDict

from atoms_mcp.protocol.jsonrpc import Call, RpcError
from atoms_mcp.protocol.results import Cache, Result, Server, ToolResult
from atoms_mcp.protocol.revisions import SUPPORTED
from atoms_mcp.protocol.revisions.stateless import (
    Stateless,
    admit,
)

VERSION = "io.modelcontextprotocol/protocolVersion"
LEVEL = "io.modelcontextprotocol/logLevel"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
INFO = {"io.modelcontextprotocol/serverInfo": {"name": "s", "title": "S", "version": "1"}}
SERVER = Server("s", "S", "1", "Read first.", {"tools": {}})
REVISION = Stateless("2026-07-28", SERVER, SUPPORTED)


def call(method="tools/list", *, version="2026-07-28", **params):
    return Call(method, {**params, "_meta": {VERSION: version, CAPABILITIES: {}}}, 1)


def headers(version="2026-07-28", method="tools/list", **more):
    return CIMultiDict({"MCP-Protocol-Version": version, "Mcp-Method": method, **more})


@pytest.mark.requirement("base-result-type", "disc-versions", "cache-hints")
def test_discovery_says_everything_once():
    assert orjson.loads(REVISION.opening) == {
        "resultType": "complete",
        "supportedVersions": list(SUPPORTED),
        "capabilities": {"tools": {}},
        "instructions": "Read first.",
        "ttlMs": 300000,
        "cacheScope": "public",
        "_meta": INFO,
    }


def test_there_are_no_empty_instructions():
    opening = Stateless("2026-07-28", Server("s", "S", "1", "", {}), SUPPORTED).opening

    assert b"instructions" not in opening


@pytest.mark.requirement("base-result-type", "cache-hints")
def test_what_is_the_same_for_everybody_may_be_kept_by_anybody():
    tools = {"tools": [{"name": "say", "title": "Say"}]}

    assert orjson.loads(REVISION.render(Result(tools, Cache(7, is_public=True)))) == {
        "resultType": "complete",
        **tools,
        "ttlMs": 7,
        "cacheScope": "public",
        "_meta": INFO,
    }


@pytest.mark.requirement("cache-private")
def test_what_is_for_one_user_says_so():
    told = orjson.loads(REVISION.render(Result({"contents": []}, Cache())))

    assert (told["ttlMs"], told["cacheScope"]) == (0, "private")


def test_a_result_without_hints_has_none():
    assert orjson.loads(REVISION.render(Result({"messages": []}))) == {
        "resultType": "complete",
        "messages": [],
        "_meta": INFO,
    }


@pytest.mark.requirement("mrtr-something", "cache-not-on-rounds")
def test_questions_are_an_answer_with_a_state():
    questions = {"where": {"method": "roots/list", "params": {}}}

    assert orjson.loads(REVISION.render_questions(questions, "sealed")) == {
        "resultType": "input_required",
        "inputRequests": questions,
        "requestState": "sealed",
        "_meta": INFO,
    }


@pytest.mark.requirement("log-bad-level")
@pytest.mark.parametrize("level", ["loud", 5, None, [], "INFO"])
def test_a_log_level_that_there_is_not_is_refused(level):
    asked = call()
    asked.params["_meta"][LEVEL] = level

    with pytest.raises(RpcError, match="-32602"):
        admit(asked, headers(), SUPPORTED)


def test_a_request_says_what_it_wants_to_hear_and_what_its_client_can():
    asked = call()
    assert (REVISION.read_wanted_level(asked), REVISION.read_declared(asked)) == (None, ())
    asked.params["_meta"] |= {LEVEL: "info", CAPABILITIES: {"roots": {}}}
    assert admit(asked, headers(), SUPPORTED)

    assert (REVISION.read_wanted_level(asked), REVISION.read_declared(asked)) == (
        "info",
        ("roots",),
    )


@pytest.mark.requirement("base-result-type", "base-server-info", "base-meta-keys")
def test_a_tool_result_is_complete_and_says_who_answered():
    assert orjson.loads(REVISION.render_tool_result(ToolResult(b'{"a":1}'))) == {
        "resultType": "complete",
        "content": [{"type": "text", "text": '{"a":1}'}],
        "structuredContent": {"a": 1},
        "isError": False,
        "_meta": INFO,
    }


@pytest.mark.parametrize(
    ("code", "status"), [(-32601, 404), (-32602, 400), (-32603, 200), (1000, 200)]
)
def test_each_error_has_its_status(code, status):
    assert REVISION.find_status(code) == status


@pytest.mark.requirement("http-name-header")
def test_a_request_that_agrees_with_its_headers_is_admitted():
    assert admit(call(), headers(), SUPPORTED) == "2026-07-28"
    assert admit(call(), None, SUPPORTED) == "2026-07-28"
    assert admit(
        call("tools/call", name="say"),
        headers(method="tools/call", **{"Mcp-Name": "=?base64?c2F5?="}),
        SUPPORTED,
    )


@pytest.mark.requirement("http-base64-markers")
def test_a_name_that_looks_like_base64_has_to_be_sent_in_it():
    name = "=?base64?c2F5?="
    coded = "=?base64?PT9iYXNlNjQ/YzJGNT89?="

    assert admit(
        call("tools/call", name=name),
        headers(method="tools/call", **{"Mcp-Name": coded}),
        SUPPORTED,
    )
    with pytest.raises(RpcError, match="-32020"):
        admit(
            call("tools/call", name=name),
            headers(method="tools/call", **{"Mcp-Name": name}),
            SUPPORTED,
        )


@pytest.mark.parametrize("name", [None, 5])
def test_a_name_that_is_missing_in_the_body_is_left_to_the_method(name):
    assert admit(call("tools/call", name=name), headers(method="tools/call"), SUPPORTED)


@pytest.mark.requirement("base-meta")
@pytest.mark.parametrize(
    "meta",
    [None, [], {}, {VERSION: "2026-07-28"}, {CAPABILITIES: {}}, {VERSION: 1, CAPABILITIES: {}}],
)
def test_metadata_comes_first(meta):
    with pytest.raises(RpcError, match="-32602"):
        admit(Call("tools/list", {"_meta": meta}, 1), headers("other"), SUPPORTED)


@pytest.mark.requirement("http-version-header")
@pytest.mark.parametrize("version", ["2026-07-28", "2025-06-18", "1900-01-01"])
def test_headers_come_before_the_version(version):
    with pytest.raises(RpcError, match="-32020"):
        admit(call(version=version), headers("2027-01-01"), SUPPORTED)


@pytest.mark.requirement("ver-unsupported")
@pytest.mark.parametrize(
    ("version", "offered"),
    [("1900-01-01", list(SUPPORTED)), ("2025-06-18", ["2026-07-28"]), ("", list(SUPPORTED))],
)
def test_a_version_that_is_not_served_so_brings_those_that_are(version, offered):
    with pytest.raises(RpcError) as refused:
        admit(call(version=version), headers(version), SUPPORTED)

    error = refused.value
    assert (error.code, error.status) == (-32022, 400)
    assert error.data == {"supported": offered, "requested": version}
