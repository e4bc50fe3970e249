import asyncio

import pytest
from aiohttp import web

from atoms_mcp.web.answer import Answer

BODY = b'{"ok":true}'


@pytest.fixture
async def port(aiohttp_server):
    """A server whose one address gives an answer."""

    async def give(request):
        status = int(request.query.get("status", 200))
        return Answer(body=BODY, status=status, headers={"Content-Type": "application/json"})

    app = web.Application()
    app.router.add_route("*", "/", give)
    return (await aiohttp_server(app)).port


async def ask(port, head):
    """Send raw bytes and give all that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


async def test_several_answers_go_over_one_connection(port):
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    last = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    answer = await ask(port, request + request + last)

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(BODY) == 3
    assert answer.count(b"Content-Length: 11\r\n") == 3
    assert answer.count(b"\r\nDate: ") == 3
    assert answer.count(b"Content-Type: application/json\r\n") == 3


async def test_an_old_client_gets_its_connection_closed(port):
    answer = await ask(port, b"POST / HTTP/1.0\r\nHost: a\r\n\r\n")

    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(BODY)


async def test_another_status_is_told(port):
    answer = await ask(port, b"POST /?status=400 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(BODY)


async def test_what_is_added_to_responses_for_pages_of_others_is_added_here_too(aiohttp_client):
    async def mark(_request, response):
        response.headers["X-Mark"] = "yes"

    async def give(_request):
        return Answer(body=BODY)

    app = web.Application()
    app.on_response_prepare.append(mark)
    app.router.add_post("/", give)

    client = await aiohttp_client(app)
    answer = await client.post("/", headers={"Origin": "https://elsewhere.example"})

    assert answer.headers["X-Mark"] == "yes"
    assert await answer.read() == BODY


async def test_nothing_can_be_added_once_it_is_out(aiohttp_client):
    sent = []

    async def give(_request):
        sent.append(Answer(body=BODY))
        assert not sent[0].prepared
        return sent[0]

    app = web.Application()
    app.router.add_post("/", give)

    await (await aiohttp_client(app)).post("/")

    assert sent[0].prepared
    assert sent[0].keep_alive


async def test_who_asks_on_and_on_and_reads_nothing_is_not_answered_on_and_on(aiohttp_server):
    answered, waiting = [], asyncio.Event()

    async def give(request):
        answered.append(request)
        if request.protocol.writing_paused:
            waiting.set()
        return Answer(body=b"x" * 1_000_000)

    async def find_out(_request):
        return Answer(body=b"%d" % len(answered))

    app = web.Application()
    app.router.add_post("/", give)
    app.router.add_post("/count", find_out)
    port = (await aiohttp_server(app)).port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.transport.pause_reading()
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" * 200)
    look = b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    counts = [0]
    async with asyncio.timeout(5):
        while len(counts) < 10 or counts[-1] != counts[-10]:
            counts.append(int((await ask(port, look)).rpartition(b"\n")[2]))
    writer.transport.abort()

    assert 1 <= counts[-1] < 50
    assert not waiting.is_set()
