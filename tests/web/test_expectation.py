import asyncio

import pytest
from raw_http import serving_raw, split, told
from web_double import WebDouble

MCP = "POST /api/mcp HTTP/1.1"
JSON = "Content-Type: application/json"
EXPECT = "Expect: 100-continue"
CLOSE = "Connection: close"
BODY = b'{"jsonrpc":"2.0","id":1,"method":"x"}'


@pytest.fixture
async def raw(supabase, clock):
    async with serving_raw(WebDouble(supabase, clock)) as running:
        yield running


@pytest.fixture
def bearer(supabase):
    return f"Authorization: Bearer {supabase.token()}"


def length(size_bytes=None):
    return f"Content-Length: {len(BODY) if size_bytes is None else size_bytes}"


@pytest.mark.parametrize("expect", [EXPECT, "Expect: 100-CONTINUE"])
async def test_who_asks_before_sending_a_body_is_told_to_go_on(raw, bearer, expect):
    reader, writer = await raw.open()
    writer.write(raw.head(MCP, JSON, expect, bearer, length(), CLOSE))
    async with asyncio.timeout(5):
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(BODY)
        (answer,) = split(await reader.read())
    writer.close()

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer[0] == 400
    assert "jsonrpc" in told(answer)


async def test_what_the_head_alone_forbids_is_refused_without_the_body(raw, bearer):
    for lines, status in (
        ([JSON, length(), "Authorization: Bearer no"], 401),
        ([JSON, length(2**30), bearer], 413),
        (["Content-Type: text/plain", length(), bearer], 415),
        ([JSON, length(), bearer, "Content-Encoding: gzip"], 415),
    ):
        reader, writer = await raw.open()
        writer.write(raw.head(MCP, EXPECT, *lines))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

        assert head.startswith(f"HTTP/1.1 {status} ".encode())


async def test_who_sends_the_body_along_need_not_be_told(raw, bearer):
    answers = split(await raw.say(raw.head(MCP, JSON, EXPECT, bearer, length(), CLOSE) + BODY))

    assert [answer[0] for answer in answers] == [400]


@pytest.mark.parametrize("path", ["/api/mcp", "/healthz", "/oauth/token", "/nowhere"])
async def test_another_expectation_is_refused(raw, path, lines):
    answers = await raw.say(raw.head(f"POST {path} HTTP/1.1", "Expect: mark-4711", CLOSE))

    (answer,) = split(answers)
    assert answer[0] == 417
    assert answer[1]["server"] == "atoms-mcp"
    assert b"mark-4711" not in answers
    assert len(lines) == 1


async def test_an_expectation_is_nothing_to_an_old_client(raw):
    answers = await raw.say(raw.head("GET /healthz HTTP/1.0", "Expect: mark-4711"))

    assert [answer[0] for answer in split(answers)] == [200]


async def test_an_old_client_is_not_told_to_go_on(raw, bearer):
    request = raw.head("POST /api/mcp HTTP/1.0", JSON, EXPECT, bearer, length())

    assert [answer[0] for answer in split(await raw.say(request, BODY))] == [400]
