import asyncio

import pytest
from web_double import assert_problem

LOGIN = "/auth/login"
JSON = {"Content-Type": "application/json"}


async def test_a_body_beyond_its_limit_is_refused_by_its_length(web):
    answer = await web.ask("POST", LOGIN, data=b"x" * (16 * 1024 + 1), headers=JSON)

    assert_problem(answer, 413, "body_too_large")
    assert answer.headers["Connection"] == "close"


async def test_a_body_without_a_length_is_refused_while_it_is_read(web):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1024
            yield b"x" * 1024

    async with asyncio.timeout(5):
        answer = await web.ask("POST", LOGIN, data=endless(), headers=JSON)

    assert_problem(answer, 413, "body_too_large")


async def test_the_limit_of_mcp_is_its_own(supabase, make_web):
    web = await make_web(ATOMS_MAX_BODY_BYTES="2048")
    for path in ("/api/mcp", "/api/mcp/tools/call"):
        answer = await web.ask("POST", path, data=b"x" * 3000, headers=JSON, token=supabase.token())
        assert answer.status == 413


@pytest.mark.requirement("t19-slow-body")
async def test_a_body_that_does_not_come_is_given_up(web, monkeypatch):
    monkeypatch.setattr("atoms_mcp.web.fields.READ_S", 0.01)
    go = asyncio.Event()

    async def slow():
        yield b"{"
        await go.wait()

    async with asyncio.timeout(5):
        answer = await web.ask("POST", LOGIN, data=slow(), headers=JSON)
    go.set()

    assert_problem(answer, 408, "body_timeout")


@pytest.mark.requirement("t17-compressed")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x"])
@pytest.mark.parametrize("path", [LOGIN, "/api/mcp"])
async def test_compressed_bodies_are_not_taken(supabase, web, path, encoding):
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nContent-Length: 0\r\n"
        f"Authorization: Bearer {supabase.token()}\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Type: application/json\r\n"
        "Connection: close\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()

    # What the parser cannot decode at all it refuses by itself, and as HTTP/1.0.
    assert answer.split()[1] in {b"415", b"400"}


async def test_a_body_that_breaks_off_harms_nobody_and_is_no_fault_of_ours(web, lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(
        f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nContent-Length: 100\r\n"
        "Content-Type: application/json\r\n\r\n{".encode()
    )
    await writer.drain()
    writer.transport.abort()
    del reader
    async with asyncio.timeout(5):
        while not lines:  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.01)

    assert lines[0]["log_level"] == "info"
    assert lines[0]["status"] in {400, 499}
    assert (await web.ask("GET", "/healthz")).status == 200


async def test_a_chunk_that_is_none_gets_one_refusal(web, monkeypatch):
    monkeypatch.setattr("atoms_mcp.web.fields.READ_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(
        f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: application/json\r\n\r\n".encode()
    )
    await writer.drain()
    writer.write(b"zz\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()

    assert answer.split()[1].startswith(b"4")
    assert answer.count(b"HTTP/1.") == 1


async def test_a_field_that_comes_twice_is_refused(web):
    twice = b'{"email": "a@x.test", "password": "x", "email": "b@x.test"}'

    answer = await web.ask("POST", LOGIN, data=twice, headers=JSON)

    assert "twice" in assert_problem(answer, 400, "malformed")


async def test_a_body_that_is_nested_beyond_measure_is_refused(web):
    deep = b'{"email": ' + b"[" * 500 + b"]" * 500 + b"}"

    assert_problem(await web.ask("POST", LOGIN, data=deep, headers=JSON), 400, "malformed")
