import asyncio

import orjson
import pytest
from aiohttp import ClientSession
from engine_double import modern
from event_client import Events
from listening_double import Library
from raw_http import serving_raw
from web_double import WebDouble

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.web import stream
from atoms_mcp.web.pulse import PULSE, Pulse
from atoms_mcp.web.stream import EventStream

PATH = "/api/mcp"


@pytest.fixture
async def web(make_web):
    return await make_web(offer=Library().offer)


@pytest.fixture
def token(supabase):
    return supabase.token()


async def listen(web, token, call_id=1, **wanted):
    """Open a listen stream; gives its answer."""
    message, headers = modern("subscriptions/listen", {"notifications": wanted}, call_id=call_id)
    headers |= {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    return await web.client.post(PATH, json=message, headers=headers)


@pytest.mark.requirement("subs-acknowledged")
async def test_a_stream_has_the_head_that_proxies_and_clients_need(web, token):
    async with await listen(web, token, toolsListChanged=True) as answer:
        events = Events(answer)

        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["Server"] == "atoms-mcp"
        assert answer.headers["X-Request-Id"]
        assert "Mcp-Session-Id" not in answer.headers
        first = await events.next()
        assert first.method == "notifications/subscriptions/acknowledged"
        assert first.id is None
        await web.engine.listening.publish(Change("tools"))
        assert (await events.next()).method == "notifications/tools/list_changed"


@pytest.mark.requirement("subs-end")
async def test_a_server_that_stops_says_so_on_its_streams_and_closes_them(web, token):
    async with await listen(web, token, 7) as answer:
        events = Events(answer)
        await events.next()
        web.engine.listening.drain()
        [last] = await events.rest()

        assert last.said["id"] == 7
        assert last.said["result"]["resultType"] == "complete"


async def test_a_quiet_stream_is_kept_alive_by_comments(web, token, monkeypatch):
    monkeypatch.setattr(stream, "QUIET_LOOKS", 2)
    web.app[PULSE]._look_every_s = 0.005  # noqa: SLF001 - a test does not wait for seconds
    async with await listen(web, token, toolsListChanged=True) as answer:
        events = Events(answer)
        await events.next()
        async with asyncio.timeout(5):
            assert await answer.content.readline() == b":\n"
            assert await answer.content.readline() == b"\n"
        await web.engine.listening.publish(Change("tools"))

        assert (await events.next()).method == "notifications/tools/list_changed"


async def test_who_has_left_is_found_out_and_forgotten(supabase, clock, token, lines):
    double = WebDouble(supabase, clock, offer=Library().offer)
    double.app[PULSE]._look_every_s = 0.005  # noqa: SLF001 - a test does not wait for seconds
    message, headers = modern("subscriptions/listen", {"notifications": {}})
    async with serving_raw(double), ClientSession() as client:
        headers["Authorization"] = f"Bearer {token}"
        answer = await client.post(f"{double.url}{PATH}", json=message, headers=headers)
        await Events(answer).next()
        answer.close()
        async with asyncio.timeout(5):
            while not lines:  # noqa: ASYNC110 - a log has no event to wait for
                await asyncio.sleep(0.01)

    assert lines[0]["rpc_method"] == "subscriptions/listen"
    assert lines[0]["status"] == 200


async def test_too_many_streams_of_a_user_are_refused_with_a_time_to_come_back(web, token):
    web.engine.listening._hub._max_per_user = 1  # noqa: SLF001 - two streams do for a test
    async with await listen(web, token) as answer:
        await Events(answer).next()
        refused = await listen(web, token)

        assert refused.status == 429
        assert refused.headers["Retry-After"] == "5"
        assert (await refused.json())["id"] == 1


async def test_a_client_of_an_older_http_reads_until_the_end(web, token):
    message, headers = modern("subscriptions/listen", {"notifications": {}})
    body = orjson.dumps(message)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Authorization: Bearer {token}", "Content-Type: application/json"]
    lines += [f"Host: 127.0.0.1:{web.port}", f"Content-Length: {len(body)}"]
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write("\r\n".join([f"POST {PATH} HTTP/1.0", *lines, "", ""]).encode() + body)
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.readuntil(b"\n\n")
        web.engine.listening.drain()
        rest = await reader.read()
    writer.close()

    assert b"chunked" not in head
    assert first.startswith(b"event: message\ndata: {")
    assert rest.startswith(b"event: message\ndata: {")
    assert rest.endswith(b"\n\n")


# What is hard to bring about over a real socket


class Transport:
    def __init__(self):
        self.written = []
        self.waiting = 0
        self.state = "open"

    def get_write_buffer_size(self):
        return self.waiting

    def write(self, data):
        self.written.append(data)

    def is_closing(self):
        return self.state != "open"

    def close(self):
        self.state = "closed"

    def abort(self):
        self.state = "aborted"


class Writer:
    def __init__(self, outcome=None):
        self.outcome = outcome

    async def drain(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is not None:
            await self.outcome.wait()


class Counted:
    streams = 1


@pytest.fixture
def events():
    made = EventStream()
    made._transport = Transport()  # noqa: SLF001 - in place of an open connection
    made._pulse = Pulse()  # noqa: SLF001 - as above
    made._load = Counted()  # noqa: SLF001 - as above
    made._payload_writer = Writer()  # noqa: SLF001 - as above
    return made


def transport_of(events):
    return events._transport  # noqa: SLF001 - as above


@pytest.mark.requirement("t24-streams")
async def test_a_reader_for_whom_too_much_waits_is_let_go(events):
    transport = transport_of(events)
    transport.waiting = stream.MAX_UNSENT_BYTES
    events.put(b"{}")
    transport.waiting += 1
    events.put(b"{}")
    events.put(b"{}")

    assert len(transport.written) == 1
    assert transport.state == "aborted"
    assert events.is_gone


async def test_one_message_may_be_larger_than_what_may_wait(events):
    events.put(b"x" * stream.MAX_UNSENT_BYTES * 2)
    assert transport_of(events).state == "open"


async def test_a_reader_who_takes_nothing_between_two_looks_is_let_go(events):
    transport = transport_of(events)
    transport.waiting = 100
    events.look(stream.QUIET_LOOKS)
    transport.waiting = 90
    events.look(stream.QUIET_LOOKS * 2)
    assert transport.state == "open"
    assert transport.written == [b"3\r\n:\n\n\r\n"] * 2
    events.look(stream.QUIET_LOOKS * 3)

    assert transport.state == "aborted"


async def test_who_speaks_waits_for_a_slow_reader_but_not_for_ever(events, monkeypatch):
    monkeypatch.setattr(stream, "SLOW_S", 0.01)
    await events.make_room()
    assert transport_of(events).state == "open"
    events._payload_writer = Writer(asyncio.Event())  # noqa: SLF001 - a reader who does not read
    await events.make_room()

    assert transport_of(events).state == "aborted"
    async with asyncio.timeout(5):
        await events.wait()


async def test_a_connection_that_breaks_while_it_is_waited_for_is_no_fault(events):
    events._payload_writer = Writer(ConnectionResetError())  # noqa: SLF001 - it broke
    await events.make_room()

    async with asyncio.timeout(5):
        await events.wait()
    assert await EventStream().make_room() is None


async def test_who_waits_goes_on_when_the_client_has_left(events):
    waiting = asyncio.ensure_future(events.wait())
    await asyncio.sleep(0)
    transport_of(events).state = "closed"
    events.look(1)
    events.finish()

    async with asyncio.timeout(5):
        await waiting
    events.put(b"{}")
    assert transport_of(events).written == []


async def test_an_answer_that_is_cut_ends_well_formed(events):
    events.cut()
    events.cut()

    assert transport_of(events).written == [b"0\r\n\r\n"]
    assert transport_of(events).state == "closed"


async def test_what_is_said_to_nobody_is_no_fault(events):
    events._transport = None  # noqa: SLF001 - the client left while the head was made
    assert events.is_gone
    events.put(b"{}")
    events.look(1)

    async with asyncio.timeout(5):
        await events.wait()


async def test_where_answers_have_no_chunks_they_are_cut_by_closing(events):
    events._is_chunked = False  # noqa: SLF001 - an older HTTP
    events.cut()

    assert transport_of(events).written == []
    assert transport_of(events).state == "closed"
