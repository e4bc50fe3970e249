import asyncio
from functools import partial

import pytest
from engine_double import caller
from structlog.testing import capture_logs

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.listening.hub import CHANNEL, Hub
from atoms_mcp.engine.listening.listener import Listener
from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown

LISTS = '{"jsonrpc":"2.0","method":"notifications/%s/list_changed"}'
UPDATED = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"%s"}}'


class Rights:
    """Who may read what; says what it was asked."""

    def __init__(self):
        self.allowed = {("id-ada", "a://1"), ("id-bob", "a://2")}
        self.asked = []
        self.fault = None
        self.hesitate = partial(asyncio.sleep, 0)

    async def can_read(self, who, uri):
        self.asked.append((who.user_id, uri))
        await self.hesitate()
        if self.fault:
            raise self.fault
        return (who.user_id, uri) in self.allowed


class Ear:
    def __init__(self):
        self.messages = []
        self.came = asyncio.Event()

    def push(self, message):
        self.messages.append(message.decode())
        self.came.set()

    async def hear(self, count=1):
        async with asyncio.timeout(5):
            while len(self.messages) < count:
                self.came.clear()
                await self.came.wait()
        return self.messages


async def known(who="ada"):
    return caller(who)


@pytest.fixture
def rights():
    return Rights()


@pytest.fixture
async def store():
    made = LocalStore()
    yield made
    await made.close()


@pytest.fixture
async def hub(store, rights):
    made = Hub(store, rights.can_read, now=lambda: 1000.0, look_every_s=0.01)
    await made.start()
    yield made
    await made.close()


def listen(hub, who="ada", **more):
    ear = Ear()
    more = {"find_caller": partial(known, who), "expires_at": 2000.0, **more}
    listener = Listener(f"id-{who}", ear.push, **more)
    hub.add(listener)
    return ear, listener


async def settle(hub, rights):
    """Let everything that was published before arrive: this comes after it."""
    rights.allowed.add(("id-end", "a://end"))
    end, listener = listen(hub, "end", uris=["a://end"])
    await hub.publish(Change("resource", "a://end"))
    await end.hear()
    hub.remove(listener)


async def test_who_asked_for_a_list_hears_of_it_and_nobody_else(hub, rights):
    tools, _ = listen(hub, lists=["tools"])
    other, _ = listen(hub, lists=["resources"], uris=["a://1"])

    await hub.publish(Change("tools"))

    assert await tools.hear() == [LISTS % "tools"]
    await settle(hub, rights)
    assert other.messages == []


@pytest.mark.requirement("res-updated")
async def test_a_change_of_a_resource_is_told_to_those_who_can_read_it_then(hub, rights):
    ada, _ = listen(hub, "ada", uris=["a://1", "a://2"])
    bob, _ = listen(hub, "bob", uris=["a://1", "a://2"])
    for uri in ("a://1", "a://2", "a://3"):
        await hub.publish(Change("resource", uri))

    assert await ada.hear() == [UPDATED % "a://1"]
    assert await bob.hear() == [UPDATED % "a://2"]
    rights.allowed.clear()
    await hub.publish(Change("resource", "a://1"))
    await settle(hub, rights)
    assert len(ada.messages) == len(bob.messages) == 1


async def test_a_user_is_tried_once_for_all_streams(hub, rights):
    ears = [listen(hub, uris=["a://1"])[0] for _ in range(5)]

    await hub.publish(Change("resource", "a://1"))
    for ear in ears:
        assert await ear.hear() == [UPDATED % "a://1"]

    assert rights.asked == [("id-ada", "a://1")]


async def test_of_what_is_gone_those_hear_who_can_read_what_it_was_in(hub, rights):
    ada, _ = listen(hub, "ada", uris=["a://gone"])
    bob, _ = listen(hub, "bob", uris=["a://gone"])

    await hub.publish(Change("resource", "a://gone", seen_by="a://1"))

    assert await ada.hear() == [UPDATED % "a://gone"]
    await settle(hub, rights)
    assert bob.messages == []


async def test_a_list_that_changed_by_one_resource_is_told_to_its_readers(hub, rights):
    ada, _ = listen(hub, "ada", lists=["resources"])
    bob, _ = listen(hub, "bob", lists=["resources"])
    beside, _ = listen(hub, "ada", lists=["tools"])

    await hub.publish(Change("resources", "a://1"))

    assert await ada.hear() == [LISTS % "resources"]
    await settle(hub, rights)
    assert bob.messages == beside.messages == []


async def test_what_is_said_again_before_it_was_told_is_told_once(hub, rights):
    ear, _ = listen(hub, lists=["tools"])
    for _ in range(10):
        await hub.publish(Change("tools"))

    await ear.hear()
    await settle(hub, rights)
    assert len(ear.messages) == 1


async def test_who_wants_no_more_of_a_resource_hears_nothing_of_it(hub, rights):
    rights.allowed.add(("id-ada", "a://2"))
    ear, listener = listen(hub, uris=["a://1"])
    hub.watch(listener, "a://2")
    hub.unwatch(listener, "a://1")
    hub.unwatch(listener, "a://never")
    for uri in ("a://1", "a://2"):
        await hub.publish(Change("resource", uri))

    assert await ear.hear() == [UPDATED % "a://2"]
    hub.remove(listener)
    await hub.publish(Change("resource", "a://2"))
    await settle(hub, rights)
    assert len(ear.messages) == 1
    hub.watch(listener, "a://1")
    assert listener.uris == {"a://1"}


@pytest.mark.parametrize("step", ["leaves", "lets go"])
async def test_who_leaves_while_its_right_is_looked_up_is_told_nothing(hub, rights, step):
    ear, listener = listen(hub, uris=["a://1"])
    asked, go = asyncio.Event(), asyncio.Event()

    async def hesitate():
        asked.set()
        await go.wait()

    rights.hesitate = hesitate
    await hub.publish(Change("resource", "a://1"))
    async with asyncio.timeout(5):
        await asked.wait()
    if step == "leaves":
        hub.remove(listener)
    else:
        hub.unwatch(listener, "a://1")
    go.set()
    await settle(hub, rights)

    assert ear.messages == []


async def test_a_token_that_is_no_longer_accepted_ends_its_stream(hub):
    async def revoked():
        raise InvalidToken("revoked")

    ear, listener = listen(hub, uris=["a://1"], find_caller=revoked)
    other, _ = listen(hub, uris=["a://1"])
    await hub.publish(Change("resource", "a://1"))

    await other.hear()
    assert listener.ending == "over"
    assert ear.messages == []


async def test_while_nobody_can_tell_who_listens_nothing_is_told(hub, rights):
    async def unknown():
        raise AtomsError("upstream is away")

    ear, listener = listen(hub, uris=["a://1"], find_caller=unknown)
    with capture_logs() as lines:
        await hub.publish(Change("resource", "a://1"))
        await settle(hub, rights)
        async with asyncio.timeout(5):
            while not lines:  # noqa: ASYNC110 - a log has no event to wait for
                await asyncio.sleep(0)

    assert ear.messages == []
    assert listener.ending is None
    assert [line["event"] for line in lines] == ["listener.unknown"]


async def test_a_right_that_cannot_be_looked_up_is_none(hub, rights):
    ear, _ = listen(hub, uris=["a://1"])
    rights.fault = LookupError("an internal detail")
    with capture_logs() as lines:
        await hub.publish(Change("resource", "a://1"))
        async with asyncio.timeout(5):
            while not lines:  # noqa: ASYNC110 - a log has no event to wait for
                await asyncio.sleep(0)
    rights.fault = None
    await hub.publish(Change("resource", "a://1"))

    assert await ear.hear() == [UPDATED % "a://1"]
    assert [line["event"] for line in lines] == ["right.unknown"]


async def test_messages_that_were_missed_may_have_been_any(hub, store):
    ear, _ = listen(hub, lists=["tools"], uris=["a://1"])
    await store.publish(CHANNEL, GAP)

    assert await ear.hear(2) == [LISTS % "tools", UPDATED % "a://1"]


async def test_what_a_newer_version_tells_is_passed_over(hub):
    ear, _ = listen(hub, lists=["tools"])
    await hub.tell("news", {"kind": 1})
    await hub.publish(Change("tools"))

    assert await ear.hear() == [LISTS % "tools"]


@pytest.mark.parametrize(
    "message",
    ["no json", "5", "[]", "[[]]", '["change"]', '["change",{"uri":"a://1"}]', '["part"]'],
)
async def test_a_message_that_cannot_be_read_is_logged_and_the_next_is_heard(hub, store, message):
    hub.on("part", lambda said: said[0])
    ear, _ = listen(hub, lists=["tools"])
    with capture_logs() as lines:
        await store.publish(CHANNEL, message)
        await hub.publish(Change("tools"))
        assert await ear.hear() == [LISTS % "tools"]

    assert [line["event"] for line in lines] == ["change.unheard"]


async def test_of_a_change_a_newer_version_may_tell_more(hub):
    ear, _ = listen(hub, lists=["tools"])
    await hub.tell("change", {"of": "tools", "why": "new"})

    assert await ear.hear() == [LISTS % "tools"]


async def test_a_fault_in_telling_keeps_nobody_else_from_hearing(hub):
    async def fail():
        raise ValueError

    listen(hub, uris=["a://1"], find_caller=fail)
    ear, _ = listen(hub, "bob", uris=["a://2"])
    with capture_logs() as lines:
        await hub.publish(Change("resource", "a://1"))
        await hub.publish(Change("resource", "a://2"))
        assert await ear.hear() == [UPDATED % "a://2"]

    assert [line["event"] for line in lines] == ["listener.unknown"]


async def test_it_closes_whatever_went_wrong_in_it(hub, store, monkeypatch):
    async def fail(_channel, _message):
        raise ValueError

    monkeypatch.setattr(store, "publish", fail)
    with capture_logs() as lines:
        await hub.publish(Change("tools"))
        await hub.close()

    assert [(line["event"], line["work"]) for line in lines] == [("hub.failed", "publish")]


async def test_a_right_that_nobody_tells_does_not_hold_up_its_end(hub, rights, monkeypatch):
    monkeypatch.setattr("atoms_mcp.engine.listening.hub.CLOSE_S", 0.01)
    asked = asyncio.Event()

    async def hesitate():
        asked.set()
        await asyncio.Event().wait()

    rights.hesitate = hesitate
    ear, _ = listen(hub, uris=["a://1"])
    await hub.publish(Change("resource", "a://1"))
    async with asyncio.timeout(5):
        await asked.wait()
        await hub.close()

    assert ear.messages == []


async def test_other_parts_hear_what_is_told_under_their_name(hub):
    heard, came = [], asyncio.Event()
    hub.on("part", lambda said: (heard.append(said), came.set()))
    await hub.tell("part", "a", 1)

    async with asyncio.timeout(5):
        await came.wait()
    assert heard == [["a", 1]]


async def test_a_store_that_is_away_is_logged_and_nobody_is_disturbed(hub, store, monkeypatch):
    async def down(_channel, _message):
        raise StoreDown("away")

    monkeypatch.setattr(store, "publish", down)
    with capture_logs() as lines:
        await hub.tell("part")

    assert [line["event"] for line in lines] == ["change.untold"]


async def test_a_stream_whose_client_has_left_ends(hub):
    gone = []
    _, listener = listen(hub, is_gone=lambda: bool(gone))
    _, other = listen(hub, is_gone=lambda: False)
    gone.append(True)

    async with asyncio.timeout(5):
        assert await listener.wait() == "gone"
    assert other.ending is None


@pytest.mark.requirement("subs-end")
async def test_a_stream_ends_with_its_token(hub):
    _, listener = listen(hub, expires_at=1000.0)

    async with asyncio.timeout(5):
        assert await listener.wait() == "over"


@pytest.mark.requirement("t24-streams")
async def test_a_user_has_so_many_streams_and_no_more(store, rights):
    hub = Hub(store, rights.can_read, max_per_user=2, max_streams=3)
    hub.admit("ada")
    hub.admit("ada")
    with pytest.raises(RpcError) as caught:
        hub.admit("ada")
    assert caught.value.status == 429

    hub.admit("bob")
    with pytest.raises(RpcError) as caught:
        hub.admit("eve")
    assert caught.value.status == 503

    hub.dismiss("ada")
    hub.admit("eve")
    hub.dismiss("bob")
    hub.admit("ada")


async def test_a_server_that_stops_ends_all_streams_and_takes_no_more(hub):
    _, listener = listen(hub)
    hub.drain()

    assert listener.ending == "over"
    with pytest.raises(RpcError) as caught:
        hub.admit("ada")
    assert caught.value.status == 503


async def test_it_is_started_once_and_closed_without_a_start(store, rights):
    hub = Hub(store, rights.can_read)
    await hub.close()
    hub = Hub(store, rights.can_read)
    await asyncio.gather(hub.start(), hub.start())
    ear, _ = listen(hub, lists=["tools"])
    await hub.publish(Change("tools"))

    assert await ear.hear() == [LISTS % "tools"]
    await hub.close()
    assert len(ear.messages) == 1
