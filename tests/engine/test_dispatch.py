"""The engine as a whole: what is asked, by whom, and what comes back."""

import asyncio

import orjson
import pytest
from engine_double import (
    ALL,
    CAPABILITIES_KEY,
    LEGACY,
    META,
    MODERN,
    VERSION_KEY,
    Bench,
    caller,
    fault,
    frame_of,
    initialize,
    modern,
    told,
)
from structlog.testing import capture_logs

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.inflight import InFlight
from atoms_mcp.engine.toolbox import UnknownTool
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import READ_SCOPE
from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError

SAY_HI = {"name": "say", "arguments": {"text": "hi"}}
STRUCTURED = {MODERN, "2025-11-25", "2025-06-18"}


@pytest.fixture
def bench():
    return Bench()


def request(method="tools/list", call_id=1, **params):
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


def say(call_id=1, **arguments):
    return request("tools/call", call_id, name="say", arguments={"text": "hi", **arguments})


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
        "subscriptions/listen",
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
    assert result["capabilities"] == {"tools": {}}
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


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize("arguments", [{}, {"arguments": None}, {"arguments": {}}])
async def test_missing_arguments_are_none(bench, revision, arguments):
    reply = await bench.ask(revision, "tools/call", {"name": "whoami", **arguments})

    assert orjson.loads(told(reply)["result"]["content"][0]["text"]) == {"user": "id-ada"}


@pytest.mark.requirement("tools-wrong-arguments")
@pytest.mark.parametrize("revision", ALL)
async def test_what_a_model_can_mend_is_a_result(bench, revision):
    bench.tools.fault = ToolError("conflict", "It changed.", fix="Read it.", details={"at": 4})

    reply = await bench.ask(revision, "tools/call", {"name": "fail"})
    result = told(reply)["result"]

    assert reply.status == 200
    assert reply.error_code == "conflict"
    assert result["isError"] is True
    assert result["content"] == [{"type": "text", "text": "conflict: It changed. Fix: Read it."}]
    if revision in STRUCTURED:
        assert result["structuredContent"] == {
            "ok": False,
            "error": {"code": "conflict", "message": "It changed.", "fix": "Read it.", "at": 4},
        }
    else:
        assert "structuredContent" not in result


@pytest.mark.requirement("tools-wrong-arguments", "tools-validate")
@pytest.mark.parametrize("revision", ALL)
async def test_wrong_arguments_are_a_result_and_reach_no_handler(bench, revision):
    reply = await bench.ask(revision, "tools/call", {"name": "say", "arguments": {"txt": "hi"}})

    text = told(reply)["result"]["content"][0]["text"]
    assert text.startswith("invalid_argument: unknown field txt. Did you mean text?")
    assert bench.tools.seen == []


async def test_older_spellings_reach_the_handler_as_listed_ones(bench):
    await bench.ask(MODERN, "tools/call", {"name": "say", "arguments": {"words": "hi"}})

    assert bench.tools.seen == [("id-ada", {"text": "hi"})]


@pytest.mark.requirement("tools-failures")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SupabaseError("down", "x"), "unavailable"),
        (SupabaseError("slow", "x"), "unavailable"),
        (SupabaseError("wrong", "x"), "unavailable"),
        (SupabaseError("busy", "x", retry_after_s=3), "rate_limited"),
        (SupabaseError("refused", "x"), "internal"),
    ],
)
async def test_what_the_database_does_is_told_as_a_result(bench, error, code):
    bench.tools.fault = error

    reply = await bench.ask(MODERN, "tools/call", {"name": "fail"})

    assert told(reply)["result"]["structuredContent"]["error"]["code"] == code


async def test_a_call_that_takes_too_long_is_stopped_and_says_so():
    bench = Bench(call_limit_s=0.01)

    async with asyncio.timeout(5):
        reply = await bench.ask(MODERN, "tools/call", {"name": "wait"})

    assert told(reply)["result"]["structuredContent"]["error"]["code"] == "unavailable"
    assert bench.tools.cancelled.is_set()


@pytest.mark.requirement("http-close-cancels")
async def test_a_client_that_leaves_stops_a_modern_call(bench):
    task = asyncio.ensure_future(
        bench.ask(MODERN, "tools/call", {"name": "wait"}, is_gone=lambda: True)
    )

    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert bench.tools.cancelled.is_set()


@pytest.mark.requirement("http-close-is-no-cancel")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_client_that_leaves_stops_no_legacy_call(bench, revision):
    looked = []

    def is_gone():
        looked.append(1)
        return True

    task = asyncio.ensure_future(
        bench.ask(revision, "tools/call", {"name": "wait"}, is_gone=is_gone)
    )
    async with asyncio.timeout(5):
        await bench.tools.entered.wait()
        bench.tools.go.set()
        reply = await task
    assert told(reply)["result"]["isError"] is False
    assert looked == []


# Negotiation and the life of a session.


@pytest.mark.requirement("ver-same")
@pytest.mark.parametrize("asked", LEGACY)
async def test_a_handshake_is_answered_in_the_revision_asked_for(bench, asked):
    reply = await bench.send(initialize(asked))
    result = told(reply)["result"]

    assert (reply.status, told(reply)["id"]) == (200, 0)
    assert result["protocolVersion"] == asked
    assert result["capabilities"] == {"tools": {}}
    assert result["serverInfo"]["name"] == "atoms-mcp"
    assert reply.session_id


@pytest.mark.requirement("ver-other")
@pytest.mark.parametrize("asked", [MODERN, "1900-01-01", "2031-01-01", ""])
async def test_any_other_handshake_is_answered_in_the_newest_of_its_kind(bench, asked):
    reply = await bench.send(initialize(asked), headers={"MCP-Protocol-Version": asked})

    assert told(reply)["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    "params", [{"protocolVersion": None}, {"protocolVersion": 5}, {"capabilities": []}]
)
async def test_a_handshake_that_cannot_be_read_is_refused(bench, params):
    reply = await bench.send(initialize("2025-06-18", **params))

    assert fault(reply) == (200, 0, -32602)
    assert reply.session_id is None


async def test_a_handshake_is_a_request(bench):
    message = initialize("2025-06-18")
    del message["id"]

    assert fault(await bench.send(message)) == (400, None, -32600)


@pytest.mark.requirement("life-once", "life-respect-version")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_session_lives_from_its_handshake_to_its_end(bench, revision):
    headers = await bench.open(revision)
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    noted = await bench.send(note, headers=headers)
    called = await bench.send(say(), headers=headers)
    again = await bench.send(initialize(revision, 5), headers=headers)

    assert (noted.status, noted.body) == (202, None)
    assert told(called)["result"]["isError"] is False
    assert fault(again) == (400, 5, -32600)
    assert fault(await bench.send(say(), headers=headers, who="bob")) == (404, 1, -32600)
    await bench.sessions.end(headers["Mcp-Session-Id"], "id-ada")
    assert fault(await bench.send(say(), headers=headers)) == (404, 1, -32600)
    assert (await bench.send(initialize(revision), headers=headers)).session_id


@pytest.mark.requirement("base-any-connection")
async def test_a_session_is_served_by_any_replica(bench):
    headers = await bench.open("2025-06-18")

    assert (await Bench().send(say(), headers=headers)).status == 200


@pytest.mark.requirement("life-first", "sess-missing")
@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 400), ({"Mcp-Session-Id": "made-up"}, 404), ({"Mcp-Session-Id": ""}, 404)],
)
@pytest.mark.parametrize("named", [None, "2025-06-18"])
async def test_a_request_without_a_live_session_is_refused(bench, headers, status, named):
    if named:
        headers = {**headers, "MCP-Protocol-Version": named}

    assert fault(await bench.send(say(), headers=headers)) == (status, 1, -32600)


@pytest.mark.requirement("http-response-accepted", "http-not-accepted")
@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 3, "result": {}},
    ],
)
async def test_what_needs_no_answer_needs_a_session_all_the_same(bench, message):
    assert fault(await bench.send(message))[0] == 400
    assert fault(await bench.send(message, headers={"Mcp-Session-Id": "x"}))[0] == 404
    assert (await bench.send(message, headers=await bench.open("2025-06-18"))).status == 202


@pytest.mark.requirement("ver-no-header")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_session_is_served_with_its_own_version_or_none_named(bench, revision):
    headers = await bench.open(revision)
    assert (await bench.send(say(), headers=headers)).status == 200
    del headers["MCP-Protocol-Version"]
    assert (await bench.send(say(), headers=headers)).status == 200


@pytest.mark.requirement("ver-session-header")
@pytest.mark.parametrize("named", ["garbage", "1900-01-01", "2024-11-05", ""])
async def test_a_session_is_not_served_under_another_version(bench, named):
    headers = {**await bench.open("2025-06-18"), "MCP-Protocol-Version": named}

    assert fault(await bench.send(say(), headers=headers)) == (400, 1, -32600)


@pytest.mark.requirement("ver-eras")
async def test_the_modern_version_in_the_header_wants_its_metadata_even_in_a_session(bench):
    headers = {**await bench.open("2025-06-18"), "MCP-Protocol-Version": MODERN}

    assert fault(await bench.send(say(), headers=headers)) == (400, 1, -32602)


async def test_legacy_traffic_may_carry_modern_headers(bench):
    headers = {**await bench.open("2025-11-25"), "Mcp-Method": "initialize", "Mcp-Name": "x"}

    assert (await bench.send(say(), headers=headers)).status == 200


async def test_its_owner_ends_a_session(bench):
    headers = await bench.open("2025-06-18")
    session_id = headers["Mcp-Session-Id"]
    for frame in (
        frame_of(session_id="made-up"),
        frame_of("bob", session_id=session_id),
        frame_of(session_id=session_id, named="2025-11-25"),
    ):
        with pytest.raises(RpcError, match="-32600"):
            await bench.engine.end_session(frame)
    assert (await bench.send(say(), headers=headers)).status == 200

    await bench.engine.end_session(frame_of(session_id=session_id))

    assert fault(await bench.send(say(), headers=headers))[0] == 404


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


# Batches.


@pytest.mark.requirement("batch-receive", "batch-initialize")
async def test_a_batch_is_answered_in_the_one_revision_that_has_them(bench):
    headers = await bench.open("2025-03-26")
    batch = [
        say(1),
        {"jsonrpc": "2.0", "method": "notifications/x"},
        say("1"),
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        initialize("2025-03-26", 3),
        {"jsonrpc": "1.0", "id": 4},
        7,
        request("no/such", 5),
    ]
    reply = await bench.send(batch, headers=headers)

    answers = [(one["id"], one.get("error", {}).get("code")) for one in told(reply)]
    assert reply.status == 200
    assert answers == [
        (1, None),
        ("1", None),
        (3, -32600),
        (4, -32600),
        (None, -32600),
        (5, -32601),
    ]


@pytest.mark.requirement("batch-accepted")
async def test_a_batch_without_requests_is_taken_without_a_word(bench):
    note = {"jsonrpc": "2.0", "method": "notifications/x"}

    reply = await bench.send([note, note], headers=await bench.open("2025-03-26"))

    assert (reply.status, reply.body) == (202, None)


@pytest.mark.requirement("batch-empty", "t24-batches")
@pytest.mark.parametrize("count", [0, 51])
async def test_a_batch_has_one_to_fifty_messages(bench, count):
    headers = await bench.open("2025-03-26")

    assert fault(await bench.send([say()] * count, headers=headers)) == (400, None, -32600)
    assert bench.tools.seen == []


async def test_the_members_of_a_batch_are_worked_on_side_by_side(bench):
    bench.tools.go.set()
    wait = request("tools/call", 2, name="wait")

    reply = await bench.send([say()] * 49 + [wait], headers=await bench.open("2025-03-26"))

    assert len(told(reply)) == 50


@pytest.mark.requirement("http-one-message")
@pytest.mark.parametrize("revision", ["2025-11-25", "2025-06-18", "2024-11-05"])
async def test_other_sessions_have_no_batches(bench, revision):
    headers = await bench.open(revision)

    assert fault(await bench.send([say()], headers=headers)) == (400, None, -32600)


@pytest.mark.requirement("http-one-message")
async def test_there_is_no_batch_without_a_session_or_in_the_modern_era(bench):
    message, headers = modern("tools/list")

    assert fault(await bench.send([message])) == (400, None, -32600)
    assert fault(await bench.send([message], headers=headers)) == (400, "absent", -32600)


async def test_a_member_without_the_right_does_not_undo_the_others(bench):
    headers = await bench.open("2025-03-26")
    batch = [say(1), request("tools/call", 2, name="write")]

    reply = await bench.send(batch, headers=headers, scopes=frozenset({READ_SCOPE}))

    first, second = told(reply)
    assert first["result"]["isError"] is False
    assert second["result"]["content"][0]["text"].startswith("forbidden: ")


async def test_a_batch_with_a_foreign_token_is_refused_before_anything_is_done(bench):
    headers = await bench.open("2025-03-26")

    with pytest.raises(Unauthenticated):
        await bench.send([say(1), say(2, auth_token="t-bob")], headers=headers)
    assert bench.tools.seen == []


# Who calls.


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":[]}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"arguments":{"auth_token":"t-ada"}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"auth_token":"t-ada"}}',
        b'{"auth_token":"t-ada"}',
        b'[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"auth_token":"t-ada"}}}]',
    ],
)
async def test_a_stranger_learns_nothing_but_to_sign_in(bench, raw):
    with pytest.raises(Unauthenticated) as refused:
        await bench.send(raw, who=None)

    assert refused.value.reason is None


def with_token(token, name="whoami"):
    return modern("tools/call", {"name": name, "arguments": {"auth_token": token}})


async def test_a_token_among_the_arguments_says_who_calls_where_no_header_does(bench):
    message, headers = with_token("t-bob")

    reply = await bench.send(message, who=None, headers=headers)

    assert told(reply)["result"]["structuredContent"] == {"user": "id-bob"}
    assert bench.book.asked == ["t-bob"]


@pytest.mark.parametrize("token", ["t-eve", ""])
async def test_a_token_that_is_not_accepted_says_why(bench, token):
    message, headers = with_token(token)

    with pytest.raises(Unauthenticated, match="expired"):
        await bench.send(message, who=None, headers=headers)


@pytest.mark.parametrize("token", [5, True, ["t-ada"], {"a": 1}])
async def test_a_token_that_is_no_text_is_refused(bench, token):
    message, headers = with_token(token)

    for who in (None, "ada"):
        with pytest.raises(Unauthenticated):
            await bench.send(message, who=who, headers=headers)
    assert bench.book.asked == []


async def test_an_argument_never_changes_the_user_of_the_header(bench):
    message, headers = with_token("t-bob")

    with pytest.raises(Unauthenticated, match="differs"):
        await bench.send(message, who="ada", headers=headers)


@pytest.mark.parametrize("token", ["t-ada", None])
async def test_the_token_is_gone_before_anything_sees_the_arguments(bench, token):
    message, headers = modern("tools/call", SAY_HI)
    message["params"]["arguments"]["auth_token"] = token

    with capture_logs() as lines:
        reply = await bench.send(message, headers=headers)

    assert reply.error_code is None
    assert bench.tools.seen == [("id-ada", {"text": "hi"})]
    assert lines == []


async def test_a_token_that_cannot_be_checked_is_no_answer_about_it(bench):
    bench.book.known["t-x"] = SupabaseError("down", "x")
    message, headers = with_token("t-x")

    with pytest.raises(SupabaseError):
        await bench.send(message, who=None, headers=headers)


@pytest.mark.requirement("sess-is-no-right")
async def test_a_session_needs_its_owner_also_by_argument(bench):
    headers = await bench.open("2025-06-18", who="ada")

    reply = await bench.send(say(auth_token="t-bob"), who=None, headers=headers)

    assert fault(reply) == (404, 1, -32600)


@pytest.mark.requirement("tools-access")
async def test_a_call_beyond_the_granted_scopes_is_a_challenge(bench):
    message, headers = modern("tools/call", {"name": "write"})

    with pytest.raises(InsufficientScope) as refused:
        await bench.send(message, headers=headers, scopes=frozenset({READ_SCOPE}))
    assert refused.value.needed == "atoms:write"


async def test_a_token_that_expires_on_the_way_is_a_challenge(bench):
    bench.tools.fault = CallerExpired("PGRST303")

    with pytest.raises(CallerExpired):
        await bench.ask(MODERN, "tools/call", {"name": "fail"})


@pytest.mark.requirement("t22-answers")
@pytest.mark.parametrize("revision", ALL)
async def test_two_users_under_equal_ids_get_their_own_answers(bench, revision):
    users = ["ada", "bob"] * 10

    replies = await asyncio.gather(
        *(bench.ask(revision, "tools/call", {"name": "whoami"}, call_id=1, who=u) for u in users)
    )

    found = [orjson.loads(told(reply)["result"]["content"][0]["text"])["user"] for reply in replies]
    assert found == [f"id-{user}" for user in users]


# Without MCP.


async def test_a_tool_is_called_without_mcp_and_gives_the_bare_result(bench):
    reply = await bench.engine.call_tool("say", {"text": "hi"}, frame_of())

    assert orjson.loads(reply.body) == {
        "content": [{"type": "text", "text": '{"ok":true,"said":"hi"}'}],
        "structuredContent": {"ok": True, "said": "hi"},
        "isError": False,
    }
    assert (reply.tool, reply.error_code) == ("say", None)


async def test_a_token_counts_without_mcp_as_well(bench):
    reply = await bench.engine.call_tool("whoami", {"auth_token": "t-bob"}, frame_of(None))

    assert orjson.loads(reply.body)["structuredContent"] == {"user": "id-bob"}
    with pytest.raises(Unauthenticated):
        await bench.engine.call_tool("whoami", {}, frame_of(None))
    with pytest.raises(Unauthenticated):
        await bench.engine.call_tool("whoami", {"auth_token": "t-bob"}, frame_of("ada"))


async def test_an_unknown_tool_is_told_without_mcp_as_well(bench):
    with pytest.raises(UnknownTool):
        await bench.engine.call_tool("no-such", {}, frame_of())


# On a transport with one client, without headers or challenges.


class Pipe:
    """One connection: keeps the session that was opened on it."""

    def __init__(self, bench, who="ada"):
        self.engine = bench.engine
        self.who = who
        self.session = None
        self.calls = InFlight()

    async def find_caller(self):
        if self.who is None:
            raise Unauthenticated("no login is kept")
        return caller(self.who)

    async def send(self, message):
        frame = Frame("r-1", find_caller=self.find_caller, session=self.session, calls=self.calls)
        reply = await self.engine.answer(orjson.dumps(message), frame)
        self.session = reply.session or self.session
        return reply

    async def call(self, name, call_id=1, **arguments):
        message, _ = modern("tools/call", {"name": name, "arguments": arguments}, call_id=call_id)
        return told(await self.send(message))["result"]


async def test_a_modern_request_needs_no_headers_where_there_are_none(bench):
    assert (await Pipe(bench).call("whoami"))["structuredContent"] == {"user": "id-ada"}


async def test_discovery_and_lists_need_no_login_there(bench):
    for method in ("server/discover", "tools/list"):
        message, _ = modern(method)
        assert "result" in told(await Pipe(bench, who=None).send(message))


async def test_a_missing_login_is_told_as_a_result_there(bench):
    error = (await Pipe(bench, who=None).call("whoami"))["structuredContent"]["error"]

    assert (error["code"], error["message"]) == (
        "unauthenticated",
        "Nobody is signed in: no login is kept.",
    )


async def test_a_token_among_the_arguments_counts_there(bench):
    pipe = Pipe(bench, who=None)

    found = await pipe.call("whoami", auth_token="t-bob")
    assert found["structuredContent"] == {"user": "id-bob"}
    refused = await pipe.call("whoami", auth_token="t-eve")
    assert refused["structuredContent"]["error"]["code"] == "unauthenticated"


@pytest.mark.requirement("life-once")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_handshake_opens_the_connection_once(bench, revision):
    pipe = Pipe(bench)
    assert fault(await pipe.send(say()))[1:] == (1, -32600)
    opened = await pipe.send(initialize(revision))

    assert opened.session_id is None
    assert told(opened)["result"]["protocolVersion"] == revision
    assert "isError" in told(await pipe.send(say()))["result"]
    assert fault(await pipe.send(initialize(revision)))[1:] == (0, -32600)
    assert (await pipe.call("whoami"))["structuredContent"] == {"user": "id-ada"}
    batch = await pipe.send([say()])
    assert isinstance(told(batch), list) == (revision == "2025-03-26")


async def test_a_notification_is_let_go_before_the_handshake_there(bench):
    reply = await Pipe(bench).send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert reply.body is None


@pytest.mark.requirement("canc-stop")
@pytest.mark.parametrize("call_id", [7, "7"])
async def test_a_request_is_cancelled_by_its_id_and_gets_no_answer(bench, call_id):
    pipe = Pipe(bench)
    task = asyncio.ensure_future(pipe.call("wait", call_id=call_id))
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    async with asyncio.timeout(5):
        await bench.tools.entered.wait()
        other = str(call_id) if isinstance(call_id, int) else int(call_id)
        await pipe.send({**cancel, "params": {"requestId": other}})
        assert not bench.tools.cancelled.is_set()
        await pipe.send({**cancel, "params": {"requestId": call_id}})
        with pytest.raises(asyncio.CancelledError):
            await task
    assert bench.tools.cancelled.is_set()
