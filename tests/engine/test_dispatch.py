"""The engine as a whole: what is asked, and what comes back."""

import pytest
from engine_double import (
    ALL,
    CAPABILITIES_KEY,
    LEGACY,
    META,
    MODERN,
    SAY_HI,
    VERSION_KEY,
    fault,
    modern,
    told,
)
from structlog.testing import capture_logs

# Exact bytes, one of each era.


@pytest.mark.requirement("base-response-id", "base-client-info")
async def test_a_modern_call_is_answered_with_these_bytes(bench):
    reply = await bench.ask(MODERN, "tools/call", SAY_HI, call_id="a7")

    assert reply.status == 200
    assert reply.body == (
        b'{"jsonrpc":"2.0","id":"a7","result":{"resultType":"complete",'
        b'"content":[{"type":"text","text":"{\\"ok\\":true,\\"said\\":\\"hi\\"}"}],'
        b'"structuredContent":{"ok":true,"said":"hi"},"isError":false,'
        b'"_meta":{"io.modelcontextprotocol/serverInfo":'
        b'{"name":"atoms-mcp","title":"Atoms","version":"0.1.0"}}}}'
    )
    assert (reply.rpc_method, reply.tool, reply.error_code) == ("tools/call", "say", None)


@pytest.mark.requirement("life-respect-version")
async def test_a_legacy_call_is_answered_with_these_bytes(bench):
    reply = await bench.ask("2025-11-25", "tools/call", SAY_HI, call_id=7)

    assert reply.status == 200
    assert reply.body == (
        b'{"jsonrpc":"2.0","id":7,"result":{'
        b'"content":[{"type":"text","text":"{\\"ok\\":true,\\"said\\":\\"hi\\"}"}],'
        b'"structuredContent":{"ok":true,"said":"hi"},"isError":false}}'
    )


# The ladder of stateless requests: each rung with status, id, code and data.


async def send_modern(bench, *, drop=(), headers=None, meta=None, method="tools/list", **params):
    message, sent = modern(method, params)
    message["params"]["_meta"] = META if meta is None else meta
    sent = {key: value for key, value in {**sent, **(headers or {})}.items() if key not in drop}
    return await bench.send(message, headers=sent)


@pytest.mark.requirement("base-shape", "http-no-responses")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "absent", -32700)),
        (b"[]", (400, "absent", -32600)),
        (b"[{}]", (400, "absent", -32600)),
        (b"5", (400, "absent", -32600)),
        (b"{}", (400, "absent", -32600)),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', (400, "absent", -32600)),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', (400, "absent", -32600)),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', (400, "absent", -32600)),
        (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', (400, "a", -32600)),
        (b'{"jsonrpc":"2.0","id":4,"method":5}', (400, 4, -32600)),
        (b'{"jsonrpc":"2.0","id":4,"result":{}}', (400, 4, -32600)),
        (b'{"jsonrpc":"2.0","id":4,"method":"x","params":[]}', (400, 4, -32602)),
        (b'{"jsonrpc":"2.0","id":4,"method":"x","params":1}', (400, 4, -32600)),
    ],
)
async def test_rung_1_is_the_shape_of_the_message(bench, body, expected):
    assert fault(await bench.send(body, headers={"MCP-Protocol-Version": MODERN})) == expected


@pytest.mark.requirement("base-meta")
@pytest.mark.parametrize(
    "meta",
    [
        {},
        {VERSION_KEY: MODERN},
        {CAPABILITIES_KEY: {}},
        {VERSION_KEY: 5, CAPABILITIES_KEY: {}},
        {VERSION_KEY: MODERN, CAPABILITIES_KEY: []},
        "text",
    ],
)
async def test_rung_2_is_the_metadata(bench, meta):
    # Whatever else is wrong below counts for nothing yet.
    reply = await send_modern(bench, meta=meta, method="no/such", drop=("Mcp-Method",))

    assert fault(reply) == (400, 1, -32602)


@pytest.mark.requirement(
    "http-version-header", "http-method-header", "http-name-header", "http-header-values"
)
@pytest.mark.parametrize(
    ("drop", "headers"),
    [
        (("MCP-Protocol-Version",), {}),
        (("Mcp-Method",), {}),
        (("Mcp-Name",), {}),
        ((), {"MCP-Protocol-Version": "2025-06-18"}),
        ((), {"MCP-Protocol-Version": "1900-01-01"}),
        ((), {"Mcp-Method": "tools/list"}),
        ((), {"Mcp-Method": "Tools/Call"}),
        ((), {"Mcp-Name": "whoami"}),
        ((), {"Mcp-Name": "SAY"}),
        ((), {"Mcp-Name": "=?base64?%%?="}),
        ((), {"Mcp-Name": "=?base64?d2hvYW1p?="}),
    ],
)
async def test_rung_3_is_the_mirror_of_the_headers(bench, drop, headers):
    reply = await send_modern(bench, drop=drop, headers=headers, method="tools/call", **SAY_HI)

    assert fault(reply) == (400, 1, -32020)
    assert bench.tools.seen == []


@pytest.mark.requirement("t23-doubled-headers")
@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"])
async def test_rung_3_refuses_a_header_that_came_twice(bench, name):
    message, sent = modern("tools/call", SAY_HI)

    reply = await bench.send(message, headers=[*sent.items(), (name.upper(), sent[name])])

    assert fault(reply) == (400, 1, -32020)


@pytest.mark.requirement("http-no-session", "http-base64")
@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Name": " say\t"},
        {"Mcp-Name": "=?base64?c2F5?="},
        {"Mcp-Session-Id": "ignored", "Last-Event-ID": "7"},
    ],
)
async def test_rung_3_lets_pass_what_says_the_same(bench, headers):
    reply = await send_modern(bench, headers=headers, method="tools/call", **SAY_HI)

    assert reply.status == 200
    assert reply.session_id is None


@pytest.mark.requirement("ver-unsupported")
@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("1900-01-01", list(ALL)),
        ("2031-01-01", list(ALL)),
        *[(name, [MODERN]) for name in LEGACY],
    ],
)
async def test_rung_4_is_the_version(bench, version, supported):
    message, sent = modern("no/such", version=version)

    assert fault(await bench.send(message, headers=sent)) == (
        400,
        1,
        -32022,
        {"supported": supported, "requested": version},
    )


@pytest.mark.requirement("http-unknown-method")
@pytest.mark.parametrize(
    "method",
    [
        "no/such",
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
    ],
)
async def test_rung_5_is_the_method(bench, method):
    assert fault(await bench.ask(MODERN, method)) == (404, 1, -32601)


@pytest.mark.requirement(
    "http-param-header", "http-param-omitted", "http-param-null", "http-param-integers"
)
@pytest.mark.parametrize(
    ("sent", "arguments", "expected"),
    [
        ({"Mcp-Param-Region": "eu"}, {"region": "eu"}, None),
        ({"Mcp-Param-Region": "=?base64?S8O2bG4=?="}, {"region": "Köln"}, None),
        ({"Mcp-Param-Limit": "42.0"}, {"limit": 42}, None),
        ({"Mcp-Param-Dry": "true"}, {"dry": True}, None),
        ({"Mcp-Param-Zone": "a"}, {"at": {"zone": "a"}}, None),
        ({}, {"region": None}, None),
        ({}, {}, None),
        ({}, {"region": "eu"}, -32020),
        ({"Mcp-Param-Region": "us"}, {"region": "eu"}, -32020),
        ({"Mcp-Param-Region": "eu"}, {}, -32020),
        ({"Mcp-Param-Limit": "41"}, {"limit": 42}, -32020),
    ],
)
async def test_rung_7_is_the_mirror_of_the_arguments(bench, sent, arguments, expected):
    reply = await send_modern(
        bench, headers=sent, method="tools/call", name="routed", arguments=arguments
    )

    if expected is None:
        assert reply.status == 200
    else:
        assert fault(reply) == (400, 1, expected)


async def test_a_legacy_call_mirrors_no_arguments(bench):
    reply = await bench.ask(
        "2025-11-25", "tools/call", {"name": "routed", "arguments": {"region": "eu"}}
    )

    assert told(reply)["result"]["isError"] is False


BAD_PARAMS = [
    ("tools/call", {"name": "no-such"}),
    ("tools/call", {}),
    ("tools/call", {"name": 5}),
    ("tools/call", {"name": "say", "arguments": "text"}),
    ("tools/call", {"name": "say", "arguments": []}),
    ("tools/list", {"cursor": "made-up"}),
    ("tools/list", {"cursor": ""}),
    ("tools/list", {"cursor": 5}),
]


@pytest.mark.requirement("page-bad-cursor", "tools-unknown", "t24-cursors")
@pytest.mark.parametrize(("method", "params"), BAD_PARAMS)
async def test_rung_8_is_the_parameters_of_the_method(bench, method, params):
    assert fault(await bench.ask(MODERN, method, params)) == (400, 1, -32602)


@pytest.mark.requirement("base-unknown-method", "page-bad-cursor")
@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize(("method", "params"), [*BAD_PARAMS, ("no/such", {}), ("tasks/get", {})])
async def test_errors_of_a_session_travel_with_status_200(bench, revision, method, params):
    status, call_id, code = fault(await bench.ask(revision, method, params))

    assert (status, call_id) == (200, 1)
    assert code == (-32602 if method.startswith("tools/") else -32601)


@pytest.mark.requirement("base-internal-error")
@pytest.mark.parametrize("revision", ALL)
async def test_rung_9_is_a_fault_of_ours_with_the_request_id_and_no_internals(bench, revision):
    bench.tools.fault = RuntimeError("an internal detail")

    with capture_logs() as lines:
        reply = await bench.ask(revision, "tools/call", {"name": "fail"})

    assert fault(reply) == (200, 1, -32603)
    assert "r-1" in told(reply)["error"]["message"]
    assert b"detail" not in reply.body
    assert [line["event"] for line in lines] == ["call.failed"]
    assert lines[0]["request_id"] == "r-1"


# Operations, in every revision.


@pytest.mark.requirement("disc-method", "disc-capabilities", "tools-capability")
async def test_discovery_names_every_revision_and_what_there_is(bench):
    result = told(await bench.ask(MODERN, "server/discover"))["result"]

    assert result["supportedVersions"] == list(ALL)
    assert result["capabilities"] == {"logging": {}, "tools": {}}
    assert result["instructions"] == "Read first."


@pytest.mark.requirement("life-ping")
@pytest.mark.parametrize("revision", LEGACY)
async def test_ping_is_answered_with_nothing(bench, revision):
    assert told(await bench.ask(revision, "ping"))["result"] == {}


@pytest.mark.requirement("tools-order", "tools-not-by-connection")
@pytest.mark.parametrize("revision", ALL)
async def test_the_list_is_the_same_bytes_every_time(bench, revision):
    first = await bench.ask(revision, "tools/list")
    again = await bench.ask(revision, "tools/list", {"cursor": None}, who="bob")

    assert first.body == again.body
    names = [tool["name"] for tool in told(first)["result"]["tools"]]
    assert names == [tool.name for tool in bench.tools.listed()]


# Notifications.


@pytest.mark.requirement("base-notification", "http-accepted", "canc-unknown")
@pytest.mark.parametrize("method", ["notifications/cancelled", "notifications/progress", "x/y"])
@pytest.mark.parametrize("revision", ALL)
async def test_a_notification_is_taken_without_a_word(bench, method, revision):
    headers = {"MCP-Protocol-Version": MODERN} if revision == MODERN else await bench.open(revision)

    message = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}
    reply = await bench.send(message, headers=headers)

    assert (reply.status, reply.body) == (202, None)


@pytest.mark.requirement("base-notification")
async def test_a_request_sent_as_a_notification_does_nothing(bench):
    message, headers = modern("tools/call", SAY_HI)
    del message["id"]

    assert (await bench.send(message, headers=headers)).status == 202
    assert bench.tools.seen == []
