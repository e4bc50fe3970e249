import asyncio

import orjson
import pytest
from engine_double import MODERN, Bench, caller, fault, initialize, modern, told
from listening_double import TAG, Ear, Library, listen, publish

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.listening import listening
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.sessions.rows import SessionRows
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import SupabaseError

ADA, BOB, NEWS = "lib://id-ada/1", "lib://id-bob/1", "lib://news"
SESSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")


class Pipe:
    """A connection that carries a stream of a session."""

    def __init__(self):
        self.ear = Ear()
        self.ids = []
        self.finished = asyncio.Event()
        self.is_gone = False

    @property
    def is_finished(self):
        return self.finished.is_set()

    def put(self, message, event_id):
        self.ids.append(event_id)
        if message:
            self.ear.push(message)

    def finish(self):
        self.finished.set()


class Line:
    """A client on a transport that has no other, such as stdio."""

    def __init__(self, bench):
        self.bench = bench
        self.ear = Ear()
        self.session = None

    async def send(self, message):
        reply = await self.bench.engine.answer(
            orjson.dumps(message),
            Frame("r", find_caller=self.find, session=self.session, origin="line", voice=self.ear),
        )
        self.session = reply.session or self.session
        return reply

    async def find(self):
        return caller("ada")

    async def open(self, revision):
        await self.send(initialize(revision))
        await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})


@pytest.fixture
def library():
    return Library()


@pytest.fixture
async def bench(library):
    made = Bench(library.offer)
    made.book.known["t-ada"] = caller("ada")
    yield made
    await made.engine.close()


async def ended(task):
    async with asyncio.timeout(5):
        return await task


def ask(method, call_id=1, **params):
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


@pytest.mark.requirement("subs-acknowledged", "subs-filter")
async def test_the_acknowledgement_comes_first_and_says_what_is_honoured(bench):
    ear = Ear()
    wanted = {
        "toolsListChanged": True,
        "promptsListChanged": True,
        "resourceSubscriptions": [ADA, BOB, NEWS, "lib://nobody"],
    }
    listen(bench, ear, 9, **wanted)

    [first] = await ear.hear(1)

    honoured = {"toolsListChanged": True, "resourceSubscriptions": [ADA, NEWS]}
    assert first == ("subscriptions/acknowledged", honoured, 9)


async def test_what_changes_while_the_acknowledgement_is_on_its_way_comes_after_it(bench):
    class SlowEar(Ear):
        go = asyncio.Event()

        async def send(self, message):
            self.push(message)
            await self.go.wait()

    slow, quick = SlowEar(), Ear()
    for ear in (slow, quick):
        listen(bench, ear, 1, resourceSubscriptions=[ADA])
        await ear.hear(1)
    await publish(bench, Change("resource", ADA))
    await quick.hear(2)
    slow.go.set()

    assert [one[0] for one in await slow.hear(2)] == [
        "subscriptions/acknowledged",
        "resources/updated",
    ]


@pytest.mark.requirement("subs-several", "subs-id")
async def test_several_streams_hear_each_its_own_under_their_own_ids(bench):
    ears = {1: Ear(), "1": Ear(), 2: Ear()}
    listen(bench, ears[1], 1, toolsListChanged=True)
    listen(bench, ears["1"], "1", resourceSubscriptions=[ADA])
    listen(bench, ears[2], 2, toolsListChanged=True, resourceSubscriptions=[ADA])
    for ear in ears.values():
        await ear.hear(1)
    await publish(bench, Change("tools"), Change("prompts"), Change("resource", ADA))

    assert (await ears[1].hear(2))[1:] == [("tools/list_changed", 1)]
    assert (await ears["1"].hear(2))[1:] == [("resources/updated", ADA, "1")]
    assert (await ears[2].hear(3))[1:] == [("tools/list_changed", 2), ("resources/updated", ADA, 2)]
    assert type(ears["1"].messages[1]["params"]["_meta"][TAG]) is str


@pytest.mark.requirement("subs-filter", "http-listen-only")
async def test_nothing_comes_that_was_not_asked_for(bench):
    ear, own = Ear(), Ear()
    listen(bench, ear, resourcesListChanged=True)
    await ear.hear(1)
    message, headers = modern("tools/call", {"name": "touch", "arguments": {"of": "tools"}})
    message["params"]["_meta"] |= {
        "progressToken": "p",
        "io.modelcontextprotocol/logLevel": "debug",
    }
    await bench.send(message, headers=headers, voice=own)
    await publish(bench, Change("resource", ADA), Change("resources"))

    assert (await ear.hear(2))[1:] == [("resources/list_changed", 1)]
    assert [one["method"] for one in own.messages] == ["notifications/progress"]


@pytest.mark.requirement("res-updated", "res-list-changed")
async def test_a_user_hears_of_what_is_its_own_and_of_nothing_else(bench, library):
    ada, bob = Ear(), Ear()
    listen(bench, ada, who="ada", resourcesListChanged=True, resourceSubscriptions=[ADA, BOB])
    listen(bench, bob, who="bob", resourcesListChanged=True, resourceSubscriptions=[ADA, BOB])
    await asyncio.gather(ada.hear(1), bob.hear(1))
    await publish(bench, Change("resource", ADA), Change("resources", ADA))
    await publish(bench, Change("resource", BOB))

    assert (await ada.hear(3))[1:] == [("resources/updated", ADA, 1), ("resources/list_changed", 1)]
    assert (await bob.hear(2))[1:] == [("resources/updated", BOB, 1)]
    library.hidden.add(ADA)
    await publish(bench, Change("resource", ADA), Change("resources"))
    assert (await ada.hear(4))[3:] == [("resources/list_changed", 1)]


@pytest.mark.requirement("subs-end")
async def test_a_server_that_stops_ends_its_streams_with_a_result(bench):
    ear = Ear()
    task = listen(bench, ear, "a", toolsListChanged=True)
    await ear.hear(1)
    bench.engine.listening.drain()
    reply = await ended(task)

    assert reply.status == 200
    assert told(reply)["id"] == "a"
    assert told(reply)["result"]["resultType"] == "complete"
    assert told(reply)["result"]["_meta"][TAG] == "a"
    assert fault(await listen(bench, Ear())) == (503, 1, 503)


async def test_a_stream_ends_when_its_client_leaves(bench):
    ear = Ear()
    task = listen(bench, ear, toolsListChanged=True)
    await ear.hear(1)
    ear.is_gone = True

    assert (await ended(task)).body is None


async def test_a_filter_that_cannot_be_read_opens_nothing(bench):
    ear = Ear()

    assert fault(await listen(bench, ear, toolsListChanged=1)) == (400, 1, -32602)
    assert ear.messages == []


async def test_without_a_way_to_the_client_there_is_nothing_to_listen_to(bench):
    assert fault(await bench.ask(MODERN, "subscriptions/listen", {"notifications": {}}))[0] == 400


async def test_an_outage_while_rights_are_looked_up_is_no_silence(bench, library):
    library.fault = SupabaseError("down", "away")

    reply = await listen(bench, Ear(), resourceSubscriptions=[ADA])

    assert fault(reply)[2] == -32603


async def test_a_user_listens_so_often_and_no_more(bench):
    ears = [Ear() for _ in range(200)]
    tasks = [listen(bench, ear, number) for number, ear in enumerate(ears)]
    await asyncio.gather(*(ear.hear(1) for ear in ears))

    assert fault(await listen(bench, Ear())) == (429, 1, 429)
    ears[0].is_gone = True
    await ended(tasks[0])
    ear = Ear()
    listen(bench, ear)
    await ear.hear(1)


# Sessions


async def stand(bench, headers, pipe, last=None, who="ada"):
    frame = Frame("r", headers=None, caller=caller(who), session_id=headers["Mcp-Session-Id"])
    session = await bench.engine.find_session(frame)
    return await bench.engine.listening.stand(session, caller(who), pipe, last)


@pytest.mark.requirement("res-subscribe", "get-unrelated", "tools-list-changed", "res-list-changed")
@pytest.mark.parametrize("revision", SESSIONS)
async def test_a_session_hears_on_its_standing_stream(bench, revision):
    headers, pipe = await bench.open(revision), Pipe()
    reply = await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    assert told(reply)["result"] == {}
    await stand(bench, headers, pipe)
    await bench.send(ask("resources/subscribe", 2, uri=NEWS), headers=headers)
    await publish(bench, Change("resource", ADA), Change("resource", NEWS), Change("tools"))

    heard = await pipe.ear.hear(3)
    assert sorted(heard) == [
        ("resources/updated", ADA),
        ("resources/updated", NEWS),
        ("tools/list_changed",),
    ]
    assert (len(pipe.ids) == 4) == (revision == "2025-11-25")
    assert len(set(pipe.ids)) == len(pipe.ids)


async def test_what_a_session_unsubscribed_it_hears_no_more(bench):
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await stand(bench, headers, pipe)
    for uri in (ADA, NEWS):
        await bench.send(ask("resources/subscribe", uri=uri), headers=headers)
    for uri in (ADA, "lib://never"):
        reply = await bench.send(ask("resources/unsubscribe", uri=uri), headers=headers)
        assert told(reply)["result"] == {}
    await publish(bench, Change("resource", ADA), Change("resource", NEWS))

    assert await pipe.ear.hear(1) == [("resources/updated", NEWS)]
    later = Pipe()
    await stand(bench, headers, later)
    await publish(bench, Change("resource", ADA), Change("resource", NEWS))
    assert await later.ear.hear(1) == [("resources/updated", NEWS)]


@pytest.mark.parametrize("revision", SESSIONS)
async def test_what_one_cannot_read_one_cannot_subscribe_to(bench, revision):
    reply = await bench.ask(revision, "resources/subscribe", {"uri": BOB})

    assert fault(reply) == (200, 1, -32002, {"uri": BOB})


async def test_a_session_subscribes_to_so_many_and_no_more(bench, monkeypatch):
    monkeypatch.setattr(listening, "MAX_URIS", 2)
    headers = await bench.open("2025-11-25")
    uris = [f"lib://id-ada/{number}" for number in range(3)]
    replies = [await bench.send(ask("resources/subscribe", uri=u), headers=headers) for u in uris]

    assert [reply.error_code for reply in replies] == [None, None, -32602]
    again = await bench.send(ask("resources/subscribe", uri=uris[0]), headers=headers)
    assert again.error_code is None


@pytest.mark.requirement("sse-replay", "sse-one-stream")
async def test_who_comes_back_hears_what_was_missed(bench):
    headers, pipe, later = await bench.open("2025-11-25"), Pipe(), Pipe()
    await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    stream = await stand(bench, headers, pipe)
    bench.engine.listening.streams.leave(stream, pipe)
    await publish(bench, Change("resource", ADA))
    probe = Ear()
    listen(bench, probe, toolsListChanged=True, resourceSubscriptions=[NEWS])
    await probe.hear(1)
    await publish(bench, Change("resource", NEWS))
    await probe.hear(2)

    assert await stand(bench, headers, later, pipe.ids[-1]) is stream
    await publish(bench, Change("resource", ADA))

    assert await later.ear.hear(2) == [("resources/updated", ADA)] * 2
    assert pipe.ear.messages == []


async def test_a_second_standing_stream_takes_the_place_of_the_first(bench):
    headers, first, second = await bench.open("2025-11-25"), Pipe(), Pipe()
    await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    await stand(bench, headers, first)
    await stand(bench, headers, second)
    await publish(bench, Change("resource", ADA))

    assert await second.ear.hear(1) == [("resources/updated", ADA)]
    assert first.is_finished
    assert first.ear.messages == []


async def test_the_end_of_a_session_ends_its_streams_and_its_subscriptions(bench):
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    await bench.send(ask("logging/setLevel", level="info"), headers=headers)
    await stand(bench, headers, pipe)
    frame = Frame("r", caller=caller("ada"), session_id=headers["Mcp-Session-Id"])
    await bench.engine.end_session(frame)

    assert pipe.is_finished
    for kind in ("listens", "level"):
        assert await bench.store.get(f"{kind}:{frame.session.key}") is None


async def test_a_stream_ends_with_the_server_and_with_a_token(bench):
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await stand(bench, headers, pipe)
    bench.engine.listening.drain()

    assert pipe.is_finished


class DeadStore:
    """Stands in for a store that cannot be asked from now on."""

    def __init__(self, store):
        self.subscribe = store.subscribe
        self.close = store.close

    def __getattr__(self, _name):
        async def down(*_arguments, **_more):
            raise StoreDown("away")

        return down


async def test_without_a_store_nothing_is_promised_and_sessions_still_end(bench):
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    rows = SessionRows(DeadStore(bench.store))
    bench.engine.listening._rows = rows  # noqa: SLF001 - the store goes away meanwhile
    reply = await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    assert reply.error_code == -32603
    await stand(bench, headers, pipe)
    frame = Frame("r", caller=caller("ada"), session_id=headers["Mcp-Session-Id"])
    await bench.engine.end_session(frame)

    assert pipe.is_finished


async def test_of_subscriptions_at_the_same_moment_none_is_lost(bench, library, monkeypatch):
    get = bench.store.get

    async def get_slowly(key):
        kept = await get(key)
        await asyncio.sleep(0)  # as over a network
        return kept

    monkeypatch.setattr(bench.store, "get", get_slowly)
    other = Bench(library.offer, store=bench.store, seal=bench.seal)
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    uris = [f"lib://id-ada/{number}" for number in range(6)]
    await asyncio.gather(
        *(
            server.send(ask("resources/subscribe", uri=uri), headers=headers)
            for server, uri in zip((bench, other) * 3, uris, strict=True)
        )
    )
    await stand(bench, headers, pipe)
    await publish(bench, *(Change("resource", uri) for uri in uris))

    assert sorted(await pipe.ear.hear(6)) == [("resources/updated", uri) for uri in uris]
    await other.engine.close()


async def subscribe_unheard(bench, headers, *uris):
    """Subscribe a session to these alone, at a replica that reaches nobody."""
    frame = Frame("r", caller=caller("ada"), session_id=headers["Mcp-Session-Id"])
    session = await bench.engine.find_session(frame)
    await SessionRows(bench.store).put(session, "listens", orjson.dumps(uris).decode())


def lose_messages(bench):
    bench.store._channels.deliver_gap()  # noqa: SLF001 - as on a connection that was made anew


async def test_what_was_subscribed_to_unheard_is_looked_up_after_a_gap(bench):
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    await stand(bench, headers, pipe)
    await subscribe_unheard(bench, headers, NEWS)
    lose_messages(bench)

    # It may have changed meanwhile; what is subscribed to no more is of no interest.
    heard = await pipe.ear.hear(3)
    assert ("resources/updated", NEWS) in heard
    count = len(pipe.ear.messages)
    await publish(bench, Change("resource", ADA), Change("resource", NEWS))
    assert (await pipe.ear.hear(count + 1))[count:] == [("resources/updated", NEWS)]


async def test_what_cannot_be_looked_up_after_a_gap_is_so_once_it_can(bench, monkeypatch):
    monkeypatch.setattr(listening, "AGAIN_S", 0)
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await stand(bench, headers, pipe)
    await subscribe_unheard(bench, headers, NEWS)
    get, fails = bench.store.get, [StoreDown, StoreDown]

    async def get_later(key):
        if fails:
            raise fails.pop()
        return await get(key)

    monkeypatch.setattr(bench.store, "get", get_later)
    lose_messages(bench)
    lose_messages(bench)

    while ("resources/updated", NEWS) not in (heard := await pipe.ear.hear(1)):
        await pipe.ear.hear(len(heard) + 1)
    assert fails == []


async def test_what_cannot_be_looked_up_when_one_comes_is_so_once_it_can(bench, monkeypatch):
    monkeypatch.setattr(listening, "AGAIN_S", 0)
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    get, fails = bench.store.get, [StoreDown]

    async def get_later(key):
        if fails:
            raise fails.pop()
        return await get(key)

    monkeypatch.setattr(bench.store, "get", get_later)
    await stand(bench, headers, pipe)

    assert await pipe.ear.hear(1) == [("resources/updated", ADA)]


async def test_a_server_ends_while_it_waits_for_its_store(bench, monkeypatch):
    monkeypatch.setattr(listening, "AGAIN_S", 3600)
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    bench.engine.listening._rows = SessionRows(DeadStore(bench.store))  # noqa: SLF001 - as above
    await stand(bench, headers, pipe)

    async with asyncio.timeout(5):
        await bench.engine.close()
    assert pipe.is_finished


@pytest.mark.requirement("sess-over")
async def test_a_session_that_was_ended_at_one_replica_is_over_at_the_others(bench, library):
    other = Bench(library.offer, store=bench.store, seal=bench.seal)
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    await stand(other, headers, pipe)
    assert (await other.send(ask("ping"), headers=headers)).status == 200
    frame = Frame("r", caller=caller("ada"), session_id=headers["Mcp-Session-Id"])
    await bench.engine.end_session(frame)
    async with asyncio.timeout(5):
        await pipe.finished.wait()

    assert fault(await other.send(ask("ping"), headers=headers)) == (404, 1, -32600)
    await other.engine.close()


# Transports with one client


@pytest.mark.parametrize("revision", SESSIONS)
async def test_the_one_client_of_a_line_hears_without_a_stream(bench, revision):
    line = Line(bench)
    await line.open(revision)
    await line.send(ask("resources/subscribe", uri=ADA))
    await publish(bench, Change("resource", ADA), Change("tools"))

    assert sorted(await line.ear.hear(2)) == [("resources/updated", ADA), ("tools/list_changed",)]


@pytest.mark.requirement("canc-ours", "subs-end-stdio")
async def test_on_a_line_the_end_is_said_by_a_cancellation_and_the_result(bench):
    line = Line(bench)
    message, _ = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    task = asyncio.ensure_future(line.send(message))
    await line.ear.hear(1)
    bench.engine.listening.drain()

    assert told(await ended(task))["result"]["_meta"][TAG] == 1
    assert line.ear.messages[1:] == [
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    ]


async def test_on_a_line_listening_is_cancelled_by_its_id(bench):
    line = Line(bench)
    message, _ = modern("subscriptions/listen", {"notifications": {}}, call_id="1")
    task = asyncio.ensure_future(line.send(message))
    await line.ear.hear(1)
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    for wrong in (1, None, [], "2"):
        await line.send({**notice, "params": {"requestId": wrong}})
    await asyncio.sleep(0)
    assert not task.done()
    await line.send({**notice, "params": {"requestId": "1"}})

    assert (await ended(task)).body is None


async def test_on_a_line_others_still_find_room(bench, monkeypatch):
    monkeypatch.setattr(listening, "MAX_ON_LINE", 1)
    line = Line(bench)
    message, _ = modern("subscriptions/listen", {"notifications": {}})
    asyncio.ensure_future(line.send(message))  # noqa: RUF006 - it ends with the engine
    await line.ear.hear(1)
    message, _ = modern("subscriptions/listen", {"notifications": {}}, call_id=2)

    assert (await line.send(message)).error_code == 429


async def test_another_process_is_told_what_to_cancel(bench, library):
    other = Bench(library.offer, store=bench.store, seal=bench.seal)
    await other.engine.listening.start()
    headers = await bench.open("2025-11-25")
    waiting = asyncio.ensure_future(
        other.send(ask("tools/call", 7, name="wait", arguments={}), headers=headers)
    )
    async with asyncio.timeout(5):
        await other.tools.entered.wait()
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    await bench.send(notice, headers=headers, who="ada")

    assert (await ended(waiting)).body is None
    assert other.tools.stopped == 1
    await other.engine.close()


async def test_a_stream_that_stands_at_another_process_hears_what_is_subscribed_here(
    bench, library
):
    other = Bench(library.offer, store=bench.store, seal=bench.seal)
    headers, there, here = await bench.open("2025-11-25"), Pipe(), Pipe()
    await stand(other, headers, there)
    await bench.send(ask("resources/subscribe", uri=ADA), headers=headers)
    await publish(bench, Change("resource", ADA))
    assert await there.ear.hear(1) == [("resources/updated", ADA)]

    await stand(bench, headers, here)
    await publish(other, Change("resource", ADA))
    assert await here.ear.hear(1) == [("resources/updated", ADA)]
    assert there.is_finished
    assert len(there.ear.messages) == 1
    await other.engine.close()


async def test_what_is_told_of_sessions_that_are_not_heard_here_is_passed_over(bench):
    hub = bench.engine.listening._hub  # noqa: SLF001 - as another process would tell it
    headers, pipe = await bench.open("2025-11-25"), Pipe()
    stream = await stand(bench, headers, pipe)
    for name in ("subscribe", "unsubscribe"):
        await hub.tell(name, "unknown", ADA)
    await hub.tell("stand", "unknown", 2.0**40)
    await hub.tell("end", "unknown")
    await hub.tell("cancel", "unknown", 1)
    await publish(bench, Change("tools"))

    assert await pipe.ear.hear(1) == [("tools/list_changed",)]
    bench.engine.listening.streams.drop(stream)
    assert pipe.is_finished


async def test_whoever_says_to_be_ready_once_more_hears_no_more_for_that(bench):
    line = Line(bench)
    await line.open("2025-11-25")
    await line.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    await publish(bench, Change("tools"), Change("resources"))

    assert await line.ear.hear(2) == [("tools/list_changed",), ("resources/list_changed",)]


@pytest.mark.requirement("base-response-id")
@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
async def test_on_a_line_whose_login_is_over_each_request_has_its_answer(bench, revision):
    line = Line(bench)
    if revision == MODERN:
        message, _ = modern("subscriptions/listen", {"notifications": {}}, call_id="a")
        asked = [message]
    else:
        await line.open(revision)
        asked = [
            ask("resources/subscribe", "a", uri=ADA),
            ask("resources/unsubscribe", "b", uri=ADA),
            ask("logging/setLevel", "c", level="info"),
        ]

    async def find():
        raise Unauthenticated("the login is over")

    line.find = find
    for message in asked:
        error = fault(await line.send(message))
        assert error[1:3] == (message["id"], -32603)
        assert error[3]["code"] == "unauthenticated"
