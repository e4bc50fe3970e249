import asyncio

import pytest
from aiohttp import web as aiohttp_web
from raw_http import serving_raw, split, told
from web_double import WebDouble

from atoms_mcp.web import connection
from atoms_mcp.web.connection import Connection
from atoms_mcp.web.keys import Access, Route

MCP = "POST /api/mcp HTTP/1.1"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
MARK = "mark-4711"


@pytest.fixture
async def raw(supabase, clock):
    async with serving_raw(WebDouble(supabase, clock)) as running:
        yield running


@pytest.fixture
def soon(monkeypatch):
    """Wait for hardly anything."""
    monkeypatch.setattr(connection, "HEAD_S", 0.05)
    monkeypatch.setattr(connection, "UNREAD_S", 0.05)
    monkeypatch.setattr(connection, "LINGER_S", 0.05)


def head(*lines):
    """Give a head that has everything but what these lines bring."""
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def assert_refused(answers, status, error):
    """Check that there is one answer, in our shape, which names nobody and repeats nothing."""
    (answer,) = split(answers)
    assert answer[0] == status
    assert list(told(answer)) == ["error", "message", "hint"]
    assert told(answer)["error"] == error
    assert answer[1]["server"] == "atoms-mcp"
    assert answer[1]["connection"] == "close"
    assert answer[1]["cache-control"] == "no-store"
    assert answers.startswith(b"HTTP/1.1 ")
    assert b"aiohttp" not in answers
    assert b"Python" not in answers
    assert MARK.encode() not in answers


UNPARSABLE = {
    "two-hosts": ["GET /healthz HTTP/1.1", "Host: a", "Host: b"],
    "two-equal-hosts": ["GET /healthz HTTP/1.1", "Host: a", "host: a"],
    "no-host": ["GET /healthz HTTP/1.1", "X: y"],
    "two-lengths": [MCP, "Host: a", "Content-Length: 1", "Content-Length: 2"],
    "two-equal-lengths": [MCP, "Host: a", "Content-Length: 0", "Content-Length: 0"],
    "length-list": [MCP, "Host: a", "Content-Length: 1, 1"],
    "length-sign": [MCP, "Host: a", "Content-Length: +1"],
    "length-negative": [MCP, "Host: a", "Content-Length: -1"],
    "length-overflow": [MCP, "Host: a", "Content-Length: 99999999999999999999"],
    "length-hex": [MCP, "Host: a", "Content-Length: 0x1"],
    "length-beside-chunks": [MCP, "Host: a", "Content-Length: 4", CHUNKED],
    "chunks-beside-length": [MCP, "Host: a", CHUNKED, "Content-Length: 4"],
    "two-encodings": [MCP, "Host: a", CHUNKED, "Transfer-Encoding: identity"],
    "chunks-not-last": [MCP, "Host: a", "Transfer-Encoding: chunked, identity"],
    "unknown-encoding": [MCP, "Host: a", "Transfer-Encoding: xchunked", "X: y", ""],
    "space-before-colon": [MCP, "Host: a", "Transfer-Encoding : chunked"],
    "tab-in-encoding": [MCP, "Host: a", "Transfer-Encoding: \x0bchunked"],
    "two-types": [MCP, "Host: a", JSON, "Content-Type: text/plain", "Content-Length: 0"],
    "folded": ["GET /healthz HTTP/1.1", "Host: a", f"X: {MARK}", f" {MARK}"],
    "nul": ["GET /healthz HTTP/1.1", "Host: a", f"X: {MARK}\x00"],
    "bare-return": ["GET /healthz HTTP/1.1", "Host: a", f"X: {MARK}\ry"],
    "no-colon": ["GET /healthz HTTP/1.1", "Host: a", MARK],
    "space-in-name": ["GET /healthz HTTP/1.1", "Host: a", f"{MARK} x: y"],
    "nul-in-path": [f"GET /{MARK}\x00 HTTP/1.1", "Host: a"],
    "high-bytes-in-path": [f"GET /{MARK}\xff HTTP/1.1", "Host: a"],
    "other-version": ["GET /healthz HTTP/1.2", "Host: a"],
    "http-2": ["PRI * HTTP/2.0", "Host: a"],
    "no-method": [f"{MARK} / HTTP/1.1", "Host: a"],
    "tls": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    "odd-authority": [f"GET {MARK}:x HTTP/1.1", "Host: a"],
}


@pytest.mark.requirement("t18-smuggling")
@pytest.mark.parametrize("given", UNPARSABLE.values(), ids=UNPARSABLE)
async def test_what_two_readers_could_read_in_two_ways_is_refused_once(raw, given, lines):
    body = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

    assert_refused(await raw.say(head(*given) + body), 400, "malformed_request")
    assert [line["status"] for line in lines] == [400]
    assert lines[0]["event"] == "request.refused"
    assert MARK not in str(lines)


async def test_bare_line_feeds_end_no_head(raw):
    answers = await raw.say(b"GET /healthz HTTP/1.1\nHost: a\n\n")

    assert_refused(answers, 400, "malformed_request")


@pytest.mark.requirement("t18-smuggling")
@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n", b"0x1\r\nx\r\n0\r\n\r\n", b"-1\r\n", b"1\nx\n0\n\n", b"ffffffffffffffffff\r\n"],
)
async def test_broken_chunks_are_refused_once_and_end_the_connection(raw, supabase, chunks):
    request = raw.head(MCP, JSON, CHUNKED, f"Authorization: Bearer {supabase.token()}")
    behind = raw.head("GET /healthz HTTP/1.1")

    at_once = split(await raw.say(request + chunks + behind))
    later = split(await raw.say(request, chunks + behind))
    last = split(await raw.say(request + b"1\r\n{\r\n", chunks, behind))

    assert [answer[0] for answer in at_once] == [400]
    for answers in (later, last):
        assert [answer[0] for answer in answers] == [400]
        assert answers[0][1]["connection"] == "close"
        assert answers[0][1]["server"] == "atoms-mcp"


async def test_a_fault_behind_a_body_that_is_whole_harms_it_not(raw, supabase):
    body = b'{"jsonrpc":"2.0","id":1,"method":"x"}'
    request = raw.head(
        MCP, JSON, f"Content-Length: {len(body)}", f"Authorization: Bearer {supabase.token()}"
    )

    answers = split(await raw.say(request, body, b"GARBAGE\r\n\r\n"))

    assert [answer[0] for answer in answers] == [400, 400]
    assert b"jsonrpc" in answers[0][2]
    assert told(answers[1])["error"] == "malformed_request"


@pytest.mark.requirement("t17-pipelining")
async def test_requests_in_a_row_are_answered_in_that_order(raw):
    answers = await raw.say(
        raw.head("GET /healthz HTTP/1.1")
        + raw.head("GET /nowhere HTTP/1.1")
        + raw.head("GET /healthz HTTP/1.1", CLOSE)
    )

    assert [answer[0] for answer in split(answers)] == [200, 404, 200]


async def test_nothing_is_served_behind_what_asks_to_close(raw):
    first = raw.head("GET /healthz HTTP/1.1", CLOSE)

    assert len(split(await raw.say(first + raw.head("GET /healthz HTTP/1.1")))) == 1


@pytest.mark.requirement("t17-headers")
@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ([f"GET /{'x' * 9000} HTTP/1.1"], 414, "address_too_long"),
        ([f"GET /{'x' * 200_000} HTTP/1.1"], 414, "address_too_long"),
        (["GET / HTTP/1.1", f"X: {'y' * 9000}"], 431, "headers_too_large"),
        (["GET / HTTP/1.1", f"{'X' * 9000}: y"], 431, "headers_too_large"),
        (["GET / HTTP/1.1", *(f"X-{n}: y" for n in range(200))], 431, "headers_too_large"),
    ],
)
async def test_heads_are_limited_in_size(raw, given, status, error):
    assert_refused(await raw.say(head(*given)), status, error)


async def test_a_head_that_comes_in_many_pieces_is_limited_as_a_whole(raw):
    pieces = [f"X-{n}: {'y' * 8000}\r\n".encode() for n in range(30)]

    answers = await raw.say(b"GET / HTTP/1.1\r\n", *pieces)

    assert_refused(answers, 431, "headers_too_large")


@pytest.mark.requirement("t17-headers")
async def test_trailers_are_limited_as_headers_are(raw, supabase):
    request = raw.head(MCP, JSON, CHUNKED, f"Authorization: Bearer {supabase.token()}")
    trailers = "".join(f"X-{n}: y\r\n" for n in range(200)).encode()

    answers = split(await raw.say(request, b"1\r\n{\r\n0\r\n", trailers + b"\r\n"))

    assert [answer[0] for answer in answers] == [400]


@pytest.mark.requirement("t19-silent")
@pytest.mark.usefixtures("soon")
async def test_who_connects_and_says_nothing_is_let_go(raw, lines):
    assert await raw.say() == b""
    assert lines == []


@pytest.mark.requirement("t19-slow-head")
@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("part", [b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"\r\n\r\n"])
async def test_half_a_head_is_not_waited_for(raw, part):
    assert_refused(await raw.say(part), 408, "head_timeout")


@pytest.mark.requirement("t19-slow-head")
@pytest.mark.usefixtures("soon")
async def test_a_head_that_trickles_in_is_not_waited_for(raw):
    reader, writer = await raw.open()
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    async with asyncio.timeout(5):
        while not reader._buffer:  # noqa: SLF001 - what has come, without taking it
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.005)
        answer = await reader.readuntil(b"}")
    writer.close()

    assert_refused(answer, 408, "head_timeout")


@pytest.mark.usefixtures("soon")
async def test_half_a_head_is_not_waited_for_after_an_answer_either(raw):
    answers = await raw.say(raw.head("GET /healthz HTTP/1.1"), b"GET /heal")

    assert [answer[0] for answer in split(answers)] == [200, 408]


@pytest.mark.usefixtures("soon")
async def test_who_has_been_answered_may_take_time_to_ask_again(raw):
    reader, writer = await raw.open()
    writer.write(raw.head("GET /healthz HTTP/1.1"))
    await reader.readuntil(b"}")
    await asyncio.sleep(0.1)
    writer.write(raw.head("GET /healthz HTTP/1.1"))
    async with asyncio.timeout(5):
        await reader.readuntil(b"}")
    writer.close()


@pytest.mark.usefixtures("soon")
async def test_a_body_and_an_answer_may_take_longer_than_a_head(raw, supabase):
    body = b'{"jsonrpc":"2.0","id":1,"method":"x"}'
    request = raw.head(
        MCP,
        JSON,
        CLOSE,
        f"Content-Length: {len(body)}",
        f"Authorization: Bearer {supabase.token()}",
    )
    reader, writer = await raw.open()
    writer.write(request)
    for place in range(len(body)):
        await asyncio.sleep(0.005)
        writer.write(body[place : place + 1])
    async with asyncio.timeout(5):
        answers = split(await reader.read())
    writer.close()

    assert b"jsonrpc" in answers[0][2]


@pytest.mark.requirement("t19-slow-body")
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_that_trickles_in_is_given_up(raw, supabase, monkeypatch, is_chunked):
    monkeypatch.setattr("atoms_mcp.web.fields.READ_S", 0.05)
    length = CHUNKED if is_chunked else "Content-Length: 100000"
    reader, writer = await raw.open()
    writer.write(raw.head(MCP, JSON, length, f"Authorization: Bearer {supabase.token()}"))
    async with asyncio.timeout(5):
        while not reader._buffer:  # noqa: SLF001 - what has come, without taking it
            writer.write(b"1\r\nx\r\n" if is_chunked else b"x")
            await asyncio.sleep(0.005)
        answer = await reader.readuntil(b"}")
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.requirement("t19-silent")
async def test_others_are_served_while_many_say_nothing(raw):
    silent = [await raw.open() for _ in range(50)]
    for _, writer in silent[:25]:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: ")

    answers = split(await raw.say(raw.head("GET /healthz HTTP/1.1", CLOSE)))

    assert answers[0][0] == 200
    for _, writer in silent:
        writer.transport.abort()


# Readers that do not read, and what nothing else has caught.


async def huge(_request):
    return aiohttp_web.Response(body=b"x" * 30_000_000)


async def failing(_request):
    return "no response at all"


GO = aiohttp_web.AppKey("go", asyncio.Event)
ENTERED = aiohttp_web.AppKey("entered", asyncio.Event)


async def held(request):
    request.app[ENTERED].set()
    await request.app[GO].wait()
    return aiohttp_web.Response()


@pytest.fixture
async def odd(supabase, clock):
    handlers = (huge, failing, held)
    routes = [Route("GET", f"/{handler.__name__}", handler, Access.OPEN) for handler in handlers]
    double = WebDouble(supabase, clock, routes=routes)
    double.app[GO], double.app[ENTERED] = asyncio.Event(), asyncio.Event()
    async with serving_raw(double) as running:
        yield running


@pytest.mark.usefixtures("soon")
async def test_an_answer_that_nobody_reads_is_thrown_away(odd, lines):
    reader, writer = await odd.open()
    writer.transport.pause_reading()
    writer.write(odd.head("GET /huge HTTP/1.1"))

    async with asyncio.timeout(5):
        while "connection.cut" not in [line["event"] for line in lines]:  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.01)
    writer.transport.abort()
    del reader


async def test_an_answer_that_is_read_slowly_arrives(odd, monkeypatch):
    monkeypatch.setattr(connection, "UNREAD_S", 0.2)
    reader, writer = await odd.open()
    writer.write(odd.head("GET /huge HTTP/1.1", CLOSE))
    size_bytes = 0
    async with asyncio.timeout(5):
        while part := await reader.read(1_000_000):
            size_bytes += len(part)
            await asyncio.sleep(0.002)
    writer.close()

    assert size_bytes > 30_000_000


async def test_a_handler_that_gives_no_answer_is_a_fault_of_ours(odd, lines):
    assert_refused(await odd.say(odd.head("GET /failing HTTP/1.1")), 500, "internal_error")
    assert "error" in [line["log_level"] for line in lines]


async def test_what_comes_while_a_request_is_worked_on_waits_for_it(odd):
    reader, writer = await odd.open()
    writer.write(odd.head("GET /held HTTP/1.1"))
    async with asyncio.timeout(5):
        await odd.double.app[ENTERED].wait()
        writer.write(odd.head("GET /healthz HTTP/1.1", CLOSE))
        await asyncio.sleep(0.02)
        odd.double.app[GO].set()
        answers = split(await reader.read())
    writer.close()

    assert [answer[0] for answer in answers] == [200, 200]


async def find_connection(raw):
    """Open a connection; give its client's side, and ours when it is waiting for a head."""
    reader, writer = await raw.open()
    writer.write(raw.head("GET /healthz HTTP/1.1"))
    async with asyncio.timeout(5):
        await reader.readuntil(b"}")
    (found,) = raw.runner.server.connections
    return reader, writer, found


async def test_what_follows_a_refusal_at_once_is_not_looked_at(raw):
    reader, writer, found = await find_connection(raw)
    found._refuse_head(431)  # noqa: SLF001 - as by what came last
    found.data_received(b"GET /healthz")
    async with asyncio.timeout(5):
        answers = await reader.read()
    writer.close()

    assert_refused(answers, 431, "headers_too_large")


async def test_a_timer_that_is_late_harms_nothing(raw):
    _, writer, found = await find_connection(raw)
    writer.close()
    async with asyncio.timeout(5):
        while found.transport is not None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    found._refuse_head(408)  # noqa: SLF001 - as by a timer
    found._look_at_reader()  # noqa: SLF001
    found.connection_lost(None)


class Request:
    """As much of a request as is looked at where an answer has begun."""

    class writer:  # noqa: N801 - a stand-in
        output_size = 1


async def test_an_answer_that_has_begun_is_not_followed_by_another():
    with pytest.raises(ConnectionError):
        Connection.handle_error(None, Request, 400, None, MARK)


def test_an_error_of_no_kind_that_is_known_is_told_in_general():
    assert connection._find_status(ValueError()) == 400  # noqa: SLF001 - no parser raises it
