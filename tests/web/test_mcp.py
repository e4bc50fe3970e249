import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import web as aiohttp_web
from engine_double import LEGACY, Bench, initialize, modern
from web_double import WebDouble

from atoms_mcp.engine.pace import Pace
from atoms_mcp.errors import ToolError
from atoms_mcp.web import keys
from atoms_mcp.web.keys import Exchange

PATH = "/api/mcp"
BOTH = "application/json, text/event-stream"


@pytest.fixture
def token(supabase):
    return supabase.token()


def whoami(call_id=1):
    return modern("tools/call", {"name": "whoami", "arguments": {}}, call_id=call_id)


async def post(web, message, *, token=None, headers=None, raw=None, content="application/json"):
    return await web.ask(
        "POST",
        PATH,
        token=token,
        data=orjson.dumps(message) if raw is None else raw,
        headers={"Content-Type": content, "Accept": BOTH, **(headers or {})},
    )


def code(answer):
    return answer.told["error"]["code"]


async def open_session(web, token, revision="2025-06-18"):
    answer = await post(web, initialize(revision), token=token)
    return {
        "Mcp-Session-Id": answer.headers["Mcp-Session-Id"],
        "MCP-Protocol-Version": revision,
    }


@pytest.mark.requirement("http-endpoint", "http-no-session")
async def test_a_modern_call_is_answered_as_json(supabase, web, token, lines):
    message, headers = whoami("a7")

    answer = await post(web, message, token=token, headers=headers)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert "Mcp-Session-Id" not in answer.headers
    assert answer.told["id"] == "a7"
    assert answer.told["result"]["structuredContent"]["user_id"] == supabase.user_id
    assert lines[-1]["rpc_method"] == "tools/call"
    assert lines[-1]["tool"] == "whoami"
    assert lines[-1]["error_code"] is None


@pytest.mark.requirement("http-endpoint", "http-accepted", "life-ping", "sess-over")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_session_lives_from_initialize_to_delete(web, token, revision):
    opened = await post(web, initialize(revision), token=token)
    session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
    noted = await post(
        web, {"jsonrpc": "2.0", "method": "notifications/initialized"}, token=token, headers=session
    )
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    ponged = await post(web, ping, token=token, headers=session)
    ended = await web.ask("DELETE", PATH, token=token, headers=session)
    after = await post(web, ping, token=token, headers=session)
    again = await web.ask("DELETE", PATH, token=token, headers=session)

    assert opened.told["result"]["protocolVersion"] == revision
    assert (noted.status, noted.told) == (202, b"")
    assert ponged.told == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert (ended.status, ended.told) == (204, b"")
    assert (after.status, code(after)) == (404, -32600)
    assert (again.status, code(again)) == (404, -32600)


async def test_a_session_cannot_be_ended_under_a_version_without_sessions(web, token):
    session = await open_session(web, token, "2025-06-18")

    answer = await web.ask(
        "DELETE", PATH, token=token, headers={**session, "MCP-Protocol-Version": "1900-01-01"}
    )

    assert (answer.status, code(answer)) == (400, -32600)


async def test_who_asks_too_much_is_told_so_by_the_status_and_when_to_come_back(
    web, token, monkeypatch
):
    session = await open_session(web, token, "2025-06-18")

    def refuse(_pace, _user_id):
        raise ToolError("rate_limited", "Too much.", fix="Wait.", details={"retry_after_s": 9})

    monkeypatch.setattr(Pace, "take", refuse)
    level = {"method": "logging/setLevel", "params": {"level": "info"}}
    answers = [
        await post(web, {"jsonrpc": "2.0", "id": 1, **level}, token=token, headers=session),
        await post(web, initialize("2025-06-18"), token=token),
        await web.ask("DELETE", PATH, token=token, headers=session),
    ]

    assert [answer.status for answer in answers] == [429] * 3
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert [code(answer) for answer in answers[:2]] == [429] * 2
    assert answers[0].told["error"]["data"]["retry_after_s"] == 9


@pytest.mark.requirement("http-removed-methods", "http-sse-deprecated", "get-stream")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_nothing_to_get_and_nothing_to_delete_without_a_session(web, token, method):
    answer = await web.ask(method, PATH, token=token, headers={"Accept": "text/event-stream"})

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST, GET, DELETE"
    assert code(answer) == -32600


@pytest.mark.requirement("http-form")
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        (BOTH, "application/json"),
        ("text/event-stream", "text/event-stream"),
    ],
)
async def test_the_answer_comes_in_the_form_that_is_accepted(web, token, accept, content_type):
    message, headers = whoami()

    answer = await post(web, message, token=token, headers={**headers, "Accept": accept})

    assert answer.status == 200
    assert answer.headers["Content-Type"] == content_type


@pytest.mark.requirement("http-response-ends", "http-response-comes", "http-no-buffering")
async def test_one_event_carries_the_one_answer(web, token):
    message, headers = whoami()

    answer = await post(
        web, message, token=token, headers={**headers, "Accept": "text/event-stream"}
    )

    event, data, *end = answer.told.split(b"\n")
    assert (event, end) == (b"event: message", [b"", b""])
    assert orjson.loads(data.removeprefix(b"data: "))["id"] == 1
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Accel-Buffering"] == "no"


async def test_an_opening_in_an_event_has_its_session(web, token):
    answer = await post(
        web, initialize("2025-06-18"), token=token, headers={"Accept": "text/event-stream"}
    )

    assert answer.headers["Mcp-Session-Id"]


async def test_a_refusal_is_json_whatever_is_accepted(web, token):
    answer = await post(web, None, raw=b"{", token=token, headers={"Accept": "text/event-stream"})

    assert (answer.status, code(answer)) == (400, -32700)


async def test_who_can_read_neither_form_is_told_so(web, token, lines):
    message, headers = whoami()

    answer = await post(web, message, token=token, headers={**headers, "Accept": "text/html"})

    assert (answer.status, code(answer)) == (406, -32600)
    assert "id" not in answer.told
    assert lines[-1]["error_code"] == -32600


@pytest.mark.parametrize(
    "content", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
)
async def test_a_body_is_json_by_name(web, token, content):
    answer = await post(web, whoami()[0], token=token, content=content)

    assert (answer.status, code(answer)) == (415, -32600)
    assert answer.told["id"] is None


@pytest.mark.parametrize("content", ["application/json; charset=utf-8", "Application/JSON"])
async def test_the_name_may_be_spelt_with_more(web, token, content):
    message, headers = whoami()

    assert (await post(web, message, token=token, headers=headers, content=content)).status == 200


async def in_pieces(data, size):
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.requirement("t17-body")
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_limited_with_and_without_a_length(make_web, token, chunked):
    web = await make_web(ATOMS_MAX_BODY_BYTES="2048")
    message, headers = whoami()
    message["params"]["x"] = "y" * 3000
    body = orjson.dumps(message)

    answer = await post(
        web, None, raw=in_pieces(body, 500) if chunked else body, token=token, headers=headers
    )

    assert (answer.status, code(answer)) == (413, -32600)
    assert answer.headers["Connection"] == "close"


async def test_a_body_may_come_in_pieces(web, token):
    message, headers = whoami()

    answer = await post(
        web, None, raw=in_pieces(orjson.dumps(message), 40), token=token, headers=headers
    )

    assert answer.status == 200


@pytest.mark.requirement("t19-slow-body")
async def test_a_body_that_does_not_come_is_not_waited_for(web, token, monkeypatch):
    monkeypatch.setattr("atoms_mcp.web.fields.READ_S", 0.02)
    release = asyncio.Event()

    async def stuck():
        yield b"{"
        await release.wait()

    asyncio.get_running_loop().call_later(1, release.set)
    answer = await post(web, None, raw=stuck(), token=token)

    assert (answer.status, code(answer)) == (408, -32600)


@pytest.mark.requirement("http-authentication", "auth-challenge")
@pytest.mark.parametrize(
    ("headers", "raw"),
    [
        ({}, b"{"),
        ({"Content-Type": "text/plain"}, b"{}"),
        ({"Accept": "text/html"}, b"{}"),
        ({}, b""),
        ({}, b"[]"),
        ({}, b'{"jsonrpc":"2.0","id":1,"method":"server/discover"}'),
    ],
)
async def test_a_stranger_is_asked_to_sign_in_before_anything_else(web, headers, raw):
    answer = await post(web, None, raw=raw, headers=headers)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == web.challenge


@pytest.mark.requirement("http-authentication", "sess-is-no-right")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_stranger_is_asked_to_sign_in_by_every_method(web, method):
    answer = await web.ask(method, PATH)

    assert answer.headers["WWW-Authenticate"] == web.challenge


async def test_a_token_among_the_arguments_does_where_there_is_no_header(supabase, web, token):
    message, headers = whoami()
    message["params"]["arguments"]["auth_token"] = token

    answer = await post(web, message, headers=headers)

    assert answer.told["result"]["structuredContent"]["user_id"] == supabase.user_id


async def test_a_different_token_beside_the_header_is_refused(supabase, web, token):
    message, headers = whoami()
    message["params"]["arguments"]["auth_token"] = supabase.token(session_id="other")

    answer = await post(web, message, token=token, headers=headers)

    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a_fault_of_ours_is_an_answer_with_the_request_id(web, token):
    message, headers = modern("tools/call", {"name": "broken"})

    answer = await post(web, message, token=token, headers={**headers, "X-Request-Id": "mine-1"})

    assert (answer.status, code(answer)) == (200, -32603)
    assert "mine-1" in answer.told["error"]["message"]


def test_who_has_left_already_is_known_to_be_gone():
    class Left:
        headers = {}  # noqa: RUF012 - a stand-in
        transport = None

    from atoms_mcp.web.mcp import make_frame  # noqa: PLC0415 - beside what it is for

    assert make_frame(Left(), Exchange("r", None, None, None, {}, 0.0, [])).is_gone()


# With a client that leaves, on a server as production runs it.


@asynccontextmanager
async def running(supabase, clock):
    """Serve as production does: aiohttp's test server cancels handlers, its runner does not."""
    double = WebDouble(supabase, clock)
    bench = Bench()
    double.app[keys.ENGINE] = bench.engine
    runner = aiohttp_web.AppRunner(double.app)
    await runner.setup()
    await aiohttp_web.SockSite(runner, double.socket).start()
    try:
        yield double, bench
    finally:
        bench.tools.go.set()
        await runner.cleanup()
        await double.close()


async def send_and_leave(double, bench, message, headers, token):
    """Send a request, and close the connection as soon as its tool is at work."""
    body = orjson.dumps(message)
    lines = {
        "Host": f"127.0.0.1:{double.port}",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    _, writer = await asyncio.open_connection("127.0.0.1", double.port)
    writer.write(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body)
    await bench.tools.entered.wait()
    writer.close()
    await writer.wait_closed()


@pytest.mark.requirement("http-close-cancels", "http-close-stops", "http-close-silence")
async def test_leaving_stops_a_modern_call(supabase, clock, token):
    message, headers = modern("tools/call", {"name": "wait"})

    async with running(supabase, clock) as (double, bench), asyncio.timeout(5):
        await send_and_leave(double, bench, message, headers, token)
        await bench.tools.cancelled.wait()


@pytest.mark.requirement("http-close-is-no-cancel")
async def test_leaving_stops_no_legacy_call(supabase, clock, token):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wait"}}

    async with running(supabase, clock) as (double, bench), asyncio.timeout(5):
        session = bench.sessions.start(supabase.user_id, "2025-11-25", ())
        headers = {"Mcp-Session-Id": bench.sessions.seal(session)}
        await send_and_leave(double, bench, message, headers, token)
        # The same for a modern one: when that is stopped, both were looked at.
        bench.tools.entered.clear()
        other, sent = modern("tools/call", {"name": "wait"})
        await send_and_leave(double, bench, other, sent, token)
        await bench.tools.cancelled.wait()
        assert bench.tools.stopped == 1
