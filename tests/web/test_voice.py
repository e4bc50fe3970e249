import asyncio

import orjson
import pytest
from aiohttp import ClientSession
from engine_double import LEGACY, MODERN, initialize, modern
from event_client import Events
from raw_http import serving_raw
from web_double import WebDouble

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.sessions import streams
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.protocol.jsonrpc import RpcError

PATH = "/api/mcp"
EVE = "00000000-0000-0000-0000-00000000000e"
BOTH = {"Accept": "application/json, text/event-stream"}
ANYTHING = {"type": "object"}


class Work:
    """A tool that says what it is told to say, and waits to be let on."""

    def __init__(self):
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.stopped = asyncio.Event()
        self.done = asyncio.Event()

    async def talk(self, context, arguments):
        for number in range(arguments.get("before", 0)):
            await context.log("info", number)
        if arguments.get("release"):
            await context.release()
        self.begun.set()
        if arguments.get("wait"):
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.stopped.set()
                raise
        for number in range(arguments.get("after", 0)):
            await context.log("info", 100 + number)
        self.done.set()
        return {"done": True}

    async def ask(self, context, _arguments):
        await context.ask({"sure": InputRequest.form("Sure?", {})})
        return {}

    @property
    def offer(self):
        tool = Tool("talk", "Talks.", self.talk, ANYTHING, scope=lambda _arguments: "atoms:read")
        asking = Tool("ask", "Asks.", self.ask, ANYTHING, scope=lambda _arguments: "atoms:read")
        return Offer(tools=(tool, asking), changing=("tools",))


class Client:
    """One client with one session, or none in 2026-07-28."""

    def __init__(self, http, url, token, revision):
        self.http = http
        self.url = url + PATH
        self.headers = {"Authorization": f"Bearer {token}", **BOTH}
        self.revision = revision

    async def open(self):
        if self.revision != MODERN:
            async with self.http.post(
                self.url, json=initialize(self.revision), headers=self.headers
            ) as answer:
                self.headers["Mcp-Session-Id"] = answer.headers["Mcp-Session-Id"]
            level = await self.ask("logging/setLevel", level="debug")
            assert level.status == 200
        return self

    async def ask(self, method, call_id=1, **params):
        if self.revision == MODERN:
            message, headers = modern(method, params, call_id=call_id)
            message["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = "debug"
            headers = self.headers | headers
        else:
            message = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}
            headers = self.headers
        return await self.http.post(
            self.url,
            data=orjson.dumps(message),
            headers={**headers, "Content-Type": "application/json"},
        )

    async def talk(self, call_id=1, **arguments):
        return await self.ask("tools/call", call_id, name="talk", arguments=arguments)

    async def notify(self, method, **params):
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        async with self.http.post(self.url, json=message, headers=self.headers) as answer:
            return answer.status

    async def listen(self, last=None, accept="text/event-stream"):
        more = {} if last is None else {"Last-Event-ID": last}
        return await self.http.get(self.url, headers=self.headers | {"Accept": accept} | more)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
async def double(supabase, clock, work):
    made = WebDouble(supabase, clock, offer=work.offer, ATOMS_FASTMCP_AUTH_MODE="jwt")
    async with serving_raw(made) as serving:
        made.runner = serving.runner
        yield made


@pytest.fixture
async def make_client(double, supabase):
    async with ClientSession() as http:

        async def make(revision="2025-11-25", token=None):
            return await Client(http, double.url, token or supabase.token(), revision).open()

        yield make


@pytest.mark.parametrize("revision", [MODERN, *LEGACY])
async def test_an_answer_with_nothing_before_it_is_plain(make_client, revision):
    client = await make_client(revision)
    async with await client.talk() as answer:
        assert answer.content_type == "application/json"
        assert (await answer.json())["id"] == 1


@pytest.fixture
def impatient(monkeypatch):
    """Take any call that is looked after for a quiet one."""
    monkeypatch.setattr("atoms_mcp.engine.deadline.QUIET_S", 0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("revision", [MODERN, *LEGACY])
async def test_the_answer_of_a_long_quiet_call_begins_early(make_client, work, revision):
    client = await make_client(revision)
    async with await client.talk(7, wait=True) as answer:
        assert answer.content_type == "text/event-stream"
        work.go.set()
        assert (await Events(answer).rest())[-1].said["id"] == 7


@pytest.mark.usefixtures("impatient")
async def test_who_takes_no_events_or_has_too_many_streams_waits_for_a_plain_answer(
    make_client, work, double, monkeypatch
):
    plain, counted = await make_client(MODERN), await make_client(MODERN)
    plain.headers["Accept"] = "application/json"
    quiet = asyncio.ensure_future(plain.talk(1, wait=True))
    await work.begun.wait()
    async with await counted.talk(2, wait=True) as looked_after:
        assert looked_after.content_type == "text/event-stream"
        asked = asyncio.Event()

        def refuse(_caller):
            asked.set()
            raise RpcError(503, "too many")

        monkeypatch.setattr(double.engine.listening, "admit", refuse)
        refused = asyncio.ensure_future(counted.talk(3, wait=True))
        async with asyncio.timeout(5):
            await asked.wait()
        work.go.set()
        await Events(looked_after).rest()
    for call in (quiet, refused):
        async with await call as answer:
            assert answer.content_type == "application/json"
            assert (await answer.json())["result"]["structuredContent"] == {"done": True}


async def test_what_is_said_first_comes_first_and_without_ids_where_nothing_is_kept(make_client):
    client = await make_client(MODERN)
    async with await client.talk(7, before=2, after=1) as answer:
        events = await Events(answer).rest()

    assert answer.content_type == "text/event-stream"
    assert [event.method for event in events] == ["notifications/message"] * 3 + ["response"]
    assert events[-1].said["id"] == 7
    assert {event.id for event in events} == {None}


@pytest.mark.requirement("sse-id-unique", "sse-id-stream", "sse-no-priming")
@pytest.mark.parametrize("revision", LEGACY)
async def test_in_a_session_every_message_has_an_id(make_client, revision):
    client = await make_client(revision)
    found = []
    for call_id in (1, 2):
        async with await client.talk(call_id, before=2) as answer:
            found.append(await Events(answer).rest())

    for events in found:
        has_priming = events[0].said is None
        assert has_priming == (revision == "2025-11-25")
        assert (events[0].retry_ms == 1000) == has_priming
        assert len(events) == 3 + has_priming
        assert len({event.id.rpartition("-")[0] for event in events}) == 1
    ids = [event.id for events in found for event in events]
    assert len(set(ids)) == len(ids)


@pytest.mark.requirement("sse-replay", "get-no-response", "sse-one-stream")
@pytest.mark.parametrize("revision", LEGACY)
async def test_who_lost_the_connection_takes_up_the_answer_where_it_broke(
    make_client, work, revision
):
    client = await make_client(revision)
    answer = await client.talk(5, before=2, after=1, wait=True)
    events = Events(answer)
    last = (await events.take(1 + (revision == "2025-11-25")))[-1]
    answer.close()
    standing = await client.listen()
    async with await client.listen(last.id) as again:
        later = Events(again)
        missed = await later.next()
        work.go.set()
        rest = await later.rest()

    assert missed.said["params"]["data"] == 1
    assert [event.method for event in rest] == ["notifications/message", "response"]
    assert rest[-1].said["id"] == 5
    standing.close()
    assert not work.stopped.is_set()


async def test_an_answer_that_came_while_nobody_was_there_waits(make_client, work):
    client = await make_client()
    answer = await client.talk(5, before=1, wait=True)
    first = await Events(answer).next()
    answer.close()
    work.go.set()
    async with await client.ask("ping", 6) as pong:
        assert pong.status == 200
    async with await client.listen(first.id) as again:
        events = await Events(again).rest()

    assert [event.method for event in events] == ["notifications/message", "response"]


async def test_an_answer_that_is_not_kept_any_more_is_refused_and_not_silently_ended(
    make_client, work, monkeypatch
):
    monkeypatch.setattr(streams, "MAX_EVENTS", 1)
    client = await make_client()
    answer = await client.talk(5, before=1, wait=True)
    prime = await Events(answer).next()
    answer.close()
    work.go.set()
    for call_id in (6, 7):
        async with await client.talk(call_id, before=1) as other:
            await Events(other).rest()
    refused = await client.listen(prime.id)

    assert refused.status == 400
    assert "not kept" in (await refused.json())["error"]["message"]


@pytest.mark.requirement("http-close-is-no-cancel")
async def test_a_client_that_left_before_the_first_word_disturbs_no_work(
    make_client, work, double, lines
):
    client = await make_client()
    calling = asyncio.ensure_future(client.talk(5, wait=True, after=3))
    async with asyncio.timeout(5):
        await work.begun.wait()
        calling.cancel()
        await asyncio.wait([calling])
        [connection] = double.runner.server.connections
        while connection.transport is not None:  # noqa: ASYNC110 - nobody tells when it is lost
            await asyncio.sleep(0.001)
        work.go.set()
        await work.done.wait()
        while lines[-1].get("tool") != "talk":  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.001)

    assert lines[-1]["error_code"] is None
    assert lines[-1]["status"] == 200
    assert not any(line["log_level"] == "error" for line in lines)


@pytest.mark.requirement("sse-priming", "sse-retry")
async def test_a_client_that_is_let_go_comes_back_for_the_answer(make_client, work):
    client = await make_client()
    async with await client.talk(3, release=True, wait=True) as answer:
        [prime] = await Events(answer).rest()
    assert prime.said is None
    assert prime.retry_ms == 1000
    async with await client.listen(prime.id) as again:
        work.go.set()
        [event] = await Events(again).rest()

    assert event.said["id"] == 3


@pytest.mark.requirement("http-no-early-close")
@pytest.mark.parametrize("revision", [MODERN, "2025-06-18"])
async def test_a_client_that_would_not_come_back_is_not_let_go(make_client, work, revision):
    client = await make_client(revision)
    work.go.set()
    async with await client.talk(3, release=True, wait=True) as answer:
        said = await answer.text()

    assert '"done":true' in said.replace("\\", "")


async def test_members_of_a_batch_speak_on_one_stream(make_client):
    client = await make_client("2025-03-26")
    batch = [
        {
            "jsonrpc": "2.0",
            "id": call_id,
            "method": "tools/call",
            "params": {"name": "talk", "arguments": {"before": 2}},
        }
        for call_id in (1, 2)
    ]
    async with client.http.post(client.url, json=batch, headers=client.headers) as answer:
        events = [event async for event in _each(answer)]

    assert [type(event.said) for event in events] == [dict] * 4 + [list]
    assert {response["id"] for response in events[-1].said} == {1, 2}


async def test_members_that_begin_to_speak_at_once_are_one_stream(
    make_client, double, hub, monkeypatch
):
    client = await make_client("2025-03-26")
    hub._max_per_user = 1  # noqa: SLF001 - one stream does for a test
    find_session = double.engine.find_session

    async def find_slowly(frame):
        await asyncio.sleep(0.01)
        return await find_session(frame)

    monkeypatch.setattr(double.engine, "find_session", find_slowly)
    await test_members_of_a_batch_speak_on_one_stream(lambda _revision: _give(client))
    assert not hub._counts  # noqa: SLF001 - what a test looks at


async def _give(client):
    return client


async def _each(answer):
    events = Events(answer)
    while event := await events.next():
        yield event


@pytest.mark.requirement("canc-over-http")
async def test_a_session_cancels_its_request_and_no_other_session_does(make_client, work, supabase):
    client = await make_client()
    other, foreign = await make_client(), await make_client(token=supabase.token(sub=EVE))
    task = asyncio.ensure_future(client.talk(4, wait=True))
    async with asyncio.timeout(5):
        await work.begun.wait()
    for stranger in (other, foreign):
        assert await stranger.notify("notifications/cancelled", requestId=4) == 202
    async with await other.ask("ping") as pong:
        assert pong.status == 200
    assert not work.stopped.is_set()
    assert await client.notify("notifications/cancelled", requestId=4) == 202

    async with asyncio.timeout(5):
        await work.stopped.wait()
        answer = await task
    assert answer.status == 202
    assert await answer.read() == b""


# How many there may be


@pytest.fixture
def hub(double):
    return double.engine.listening._hub  # noqa: SLF001 - a few streams do for a test


@pytest.mark.requirement("t24-streams")
@pytest.mark.parametrize("revision", [MODERN, "2025-11-25"])
async def test_an_answer_that_speaks_is_one_of_its_users_streams_until_it_is_done(
    make_client, work, hub, supabase, revision
):
    hub._max_per_user = 1  # noqa: SLF001 - as above
    client = await make_client(revision)
    other = await make_client(revision, token=supabase.token(sub=EVE))
    first = await client.talk(1, before=1, wait=True)
    async with await client.talk(2, before=1) as second:
        assert second.content_type == "application/json"
        assert (await second.json())["id"] == 2
    async with await other.talk(3, before=1) as third:
        assert third.content_type == "text/event-stream"
    work.go.set()
    async with first:
        await Events(first).rest()
    async with await client.talk(4, before=1) as fourth:
        assert fourth.content_type == "text/event-stream"


async def test_a_listener_is_one_stream_and_no_two(make_client, hub):
    client = await make_client(MODERN)
    hub._max_per_user = 2  # noqa: SLF001 - as above
    asked = {"notifications": {"toolsListChanged": True}}
    opened = [await client.ask("subscriptions/listen", call_id, **asked) for call_id in (1, 2)]
    for answer in opened:
        assert answer.content_type == "text/event-stream"
    assert (await client.ask("subscriptions/listen", 3, **asked)).status == 429
    for answer in opened:
        answer.close()


async def test_a_question_that_has_no_room_is_refused_with_a_time_to_come_back(make_client, hub):
    hub._max_per_user = 1  # noqa: SLF001 - as above
    client = await make_client()
    client.headers.pop("Mcp-Session-Id")
    message = initialize("2025-11-25", capabilities={"elicitation": {}})
    async with client.http.post(client.url, json=message, headers=client.headers) as answer:
        client.headers["Mcp-Session-Id"] = answer.headers["Mcp-Session-Id"]
    first = await client.ask("tools/call", 1, name="ask", arguments={})
    events = Events(first)
    question = [await events.next(), await events.next()][1].said
    refused = await client.ask("tools/call", 2, name="ask", arguments={})
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "5"
    assert (await refused.json())["id"] == 2

    answer = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}
    async with client.http.post(client.url, json=answer, headers=client.headers) as taken:
        assert taken.status == 202
    await events.rest()
    again = await client.ask("tools/call", 3, name="ask", arguments={})
    assert again.content_type == "text/event-stream"
    again.close()


async def test_what_breaks_off_an_answer_gives_its_place_back(
    double, hub, make_client, monkeypatch
):
    client = await make_client(MODERN)
    hub._max_per_user = 1  # noqa: SLF001 - as above

    async def fail(_raw, frame):
        await frame.voice.open(frame.caller)
        raise ValueError

    monkeypatch.setattr(double.engine, "answer", fail)
    async with await client.talk(1) as broken:
        assert await Events(broken).rest() == []

    assert not hub._counts  # noqa: SLF001 - as above


async def test_an_answer_that_cannot_begin_is_no_stream(double, hub, make_client, monkeypatch):
    client = await make_client()

    async def fail(_frame):
        raise RpcError(404, "the session has ended", status=404)

    monkeypatch.setattr(double.engine, "find_session", fail)
    async with await client.talk(1, before=1) as answer:
        assert answer.content_type == "application/json"

    assert not hub._counts  # noqa: SLF001 - as above


# GET


@pytest.mark.requirement("get-stream", "tools-list-changed")
async def test_a_session_listens_by_get(make_client, double):
    client = await make_client()
    async with await client.listen() as answer:
        events = Events(answer)
        assert answer.content_type == "text/event-stream"
        assert (await events.next()).said is None
        await double.engine.listening.publish(Change("tools"))
        assert (await events.next()).method == "notifications/tools/list_changed"
        async with await client.listen() as second:
            assert await events.next() is None
            async with client.http.delete(client.url, headers=client.headers) as deleted:
                assert deleted.status == 204
            assert len(await Events(second).rest()) == 1
    gone = await client.listen()
    assert gone.status == 404


async def test_a_stream_of_another_user_is_none(make_client, supabase):
    client = await make_client()
    async with await client.talk(1, before=1) as answer:
        [first, *_] = await Events(answer).rest()
    thief = await make_client(token=supabase.token(sub=EVE))
    own = thief.headers["Mcp-Session-Id"]
    refused = await thief.listen(first.id)
    assert refused.status == 400
    thief.headers["Mcp-Session-Id"] = client.headers["Mcp-Session-Id"]
    for last in (None, first.id):
        assert (await thief.listen(last)).status == 404
    thief.headers["Mcp-Session-Id"] = own
    del thief.headers["Authorization"]
    assert (await thief.listen()).status == 401


async def test_what_cannot_be_heard_is_refused_with_words(make_client, double):
    client = await make_client()
    assert (await client.listen(accept="application/json")).status == 406
    for unknown in ("p0123456789ab-3", "anything", "p0123456789ab"):
        assert (await client.listen(unknown)).status == 400
    double.engine.listening.drain()
    refused = await client.listen()

    assert refused.status == 503
    assert refused.headers["Retry-After"] == "5"
    assert (await refused.json())["error"]["message"]


async def test_a_standing_stream_that_is_not_kept_stands_anew(make_client):
    client = await make_client()
    async with await client.listen("g0123456789ab-3") as answer:
        assert (await Events(answer).next()).said is None
