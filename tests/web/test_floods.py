"""Those who send too much, or leave in the middle: what it costs is bounded, others are served."""

import asyncio
import socket
import struct
import tracemalloc

import orjson
import pytest
from aiohttp import web as aiohttp_web
from engine_double import initialize, modern
from raw_http import serving_raw, split
from web_double import WebDouble

from atoms_mcp.web import connection
from atoms_mcp.web.keys import Access, Route

CLOSE = "Connection: close"
JSON = "Content-Type: application/json"
POST = "POST /api/mcp HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"
MIB = 1024 * 1024
# security.md has it for a whole process; here the client is inside of it too.
MEMORY_LIMIT_BYTES = 80 * MIB
GO = aiohttp_web.AppKey("go", asyncio.Event)
ENTERED = aiohttp_web.AppKey("entered", asyncio.Event)


async def held(request):
    request.app[ENTERED].set()
    await request.app[GO].wait()
    return aiohttp_web.Response()


@pytest.fixture
async def raw(supabase, clock):
    routes = [Route("GET", "/held", held, Access.OPEN)]
    double = WebDouble(
        supabase, clock, routes=routes, ATOMS_FASTMCP_AUTH_MODE="jwt", ATOMS_RATE_LIMITS="off"
    )
    double.app[GO], double.app[ENTERED] = asyncio.Event(), asyncio.Event()
    async with serving_raw(double) as running:
        yield running


@pytest.fixture
def bearer(supabase):
    return f"Authorization: Bearer {supabase.token()}"


@pytest.fixture
def memory():
    """Tell how much more memory was in use at the worst moment since the beginning, in bytes."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    yield lambda: tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()


async def wait_until_gone(raw):
    """Wait until the server has forgotten every connection."""
    async with asyncio.timeout(5):
        while raw.runner.server.connections:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def is_serving(raw):
    return split(await raw.say(raw.head("GET /healthz HTTP/1.1", CLOSE)))[0][0] == 200


async def push(writer, part, times):
    """Send a part again and again, until the other side takes no more; give how often it went."""
    sent = 0
    try:
        for _ in range(times):
            writer.write(part)
            async with asyncio.timeout(0.3):
                await writer.drain()
            sent += 1
    except (TimeoutError, ConnectionError):
        pass
    return sent


@pytest.mark.requirement("t17-pipelining")
async def test_a_thousand_requests_in_a_row_are_answered_in_that_order(raw):
    paths = ["/healthz", "/nowhere"] * 500
    requests = [raw.head(f"GET {path} HTTP/1.1") for path in paths]

    answers = split(await raw.say(b"".join(requests) + raw.head("GET /healthz HTTP/1.1", CLOSE)))

    assert [answer[0] for answer in answers] == [200, 404] * 500 + [200]


@pytest.mark.requirement("t17-pipelining", "t17-memory")
async def test_who_does_not_wait_for_answers_is_not_read_without_end(raw, memory):
    _, writer = await raw.open()
    writer.write(raw.head("GET /held HTTP/1.1"))
    async with asyncio.timeout(5):
        await raw.double.app[ENTERED].wait()
    part = raw.head("GET /healthz HTTP/1.1") * 10_000
    times = 200 * MIB // len(part)

    sent = await push(writer, part, times)

    assert sent < times
    assert memory() < MEMORY_LIMIT_BYTES
    writer.transport.abort()
    raw.double.app[GO].set()
    assert await is_serving(raw)


@pytest.mark.requirement("t17-memory", "t17-body")
@pytest.mark.parametrize(("size", "count"), [(1, 50_000), (65536, 320)])
async def test_a_body_of_any_size_costs_little_memory(raw, bearer, memory, size, count):
    chunk = b"%x\r\n%b\r\n" % (size, b" " * size)
    at_once = 1000 if size == 1 else 1
    for _ in range(3):
        _, writer = await raw.open()
        writer.write(raw.head(POST, bearer, JSON, CHUNKED))
        await push(writer, chunk * at_once, count // at_once)
        writer.transport.abort()

    assert memory() < MEMORY_LIMIT_BYTES
    assert await is_serving(raw)
    await wait_until_gone(raw)


@pytest.mark.requirement("t17-memory")
async def test_what_is_declared_costs_nothing(raw, bearer, memory, monkeypatch):
    monkeypatch.setattr(connection, "LINGER_S", 0.05)
    for _ in range(10):
        head = raw.head(POST, bearer, JSON, "Content-Length: 1000000000", CLOSE)

        assert split(await raw.say(head))[0][0] == 413

    assert memory() < MEMORY_LIMIT_BYTES


def reset(writer):
    """End a connection as a machine does that knows nothing of it."""
    here = writer.get_extra_info("socket")
    here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def compose_listen(raw, bearer):
    message, headers = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    body = orjson.dumps(message)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    length = f"Content-Length: {len(body)}"
    return raw.head(POST, bearer, JSON, "Accept: text/event-stream", length, *lines) + body


@pytest.mark.requirement("t19-reset")
async def test_connections_that_are_reset_leave_nothing_behind(raw, bearer, lines):
    parts = [
        b"",
        b"GET /healthz HTT",
        raw.head("GET /healthz HTTP/1.1"),
        raw.head("GET /held HTTP/1.1"),
        raw.head(POST, bearer, JSON, "Content-Length: 100") + b"{",
        raw.head(POST, bearer, JSON, CHUNKED) + b"5\r\nhe",
        compose_listen(raw, bearer),
    ]
    writers = []
    for part in parts * 5:
        _, writer = await raw.open()
        writer.write(part)
        writers.append(writer)
    await asyncio.sleep(0.05)

    for writer in writers:
        reset(writer)
    raw.double.app[GO].set()

    assert await is_serving(raw)
    await wait_until_gone(raw)
    assert "error" not in {line["log_level"] for line in lines}


@pytest.mark.requirement("t19-half-open")
@pytest.mark.parametrize(
    "part", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"]
)
async def test_who_says_no_more_is_let_go(raw, part):
    reader, writer = await raw.open()
    writer.write(part)
    writer.write_eof()

    async with asyncio.timeout(5):
        await reader.read()
    writer.close()

    await wait_until_gone(raw)
    assert await is_serving(raw)


@pytest.mark.requirement("t24-notifications")
async def test_thousands_of_notifications_leave_nothing_behind(raw, bearer, memory):
    opened = orjson.dumps(initialize("2025-11-25"))
    begin = raw.head(POST, bearer, JSON, f"Content-Length: {len(opened)}", CLOSE) + opened
    session_id = split(await raw.say(begin))[0][1]["mcp-session-id"]
    tasks = len(asyncio.all_tasks())
    found = []
    for kind in ("initialized", "cancelled", "progress", "roots/list_changed", "made/up"):
        params = {"requestId": 1, "progressToken": "p", "progress": 1}
        notice = {"jsonrpc": "2.0", "method": f"notifications/{kind}", "params": params}
        body = orjson.dumps(notice)
        session = f"Mcp-Session-Id: {session_id}"
        length = f"Content-Length: {len(body)}"
        one = raw.head(POST, bearer, JSON, session, length) + body
        last = raw.head("GET /healthz HTTP/1.1", CLOSE)
        found += split(await raw.say(one * 500 + last))[:-1]

    assert len(found) == 2_500
    assert {answer[0] for answer in found} == {202}
    await wait_until_gone(raw)
    assert len(asyncio.all_tasks()) <= tasks
    assert memory() < MEMORY_LIMIT_BYTES
