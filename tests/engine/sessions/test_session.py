import asyncio

import orjson
import pytest
from structlog.testing import capture_logs

from atoms_mcp.engine.sessions import session
from atoms_mcp.engine.sessions.session import CHECK_S, LIFETIME_S, Sessions
from atoms_mcp.identity.seal import Seal
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown

SEAL = Seal([b"k" * 32])


@pytest.fixture
def clock():
    return [1000.0]


class CountingStore(LocalStore):
    """A store that counts how often it is asked, and may be down."""

    asked = 0
    is_down = False

    async def get(self, key):
        self.asked += 1
        if self.is_down:
            raise StoreDown
        # Another one may come between, as over a network.
        kept = await super().get(key)
        await asyncio.sleep(0)
        return kept


@pytest.fixture
async def store(clock):
    store = CountingStore(now=lambda: clock[0])
    yield store
    await store.close()


@pytest.fixture
def replica(clock, store):
    """Give one more replica on the shared store."""

    def start(seal=SEAL, **more):
        return Sessions(seal, store, now=lambda: clock[0], **more)

    return start


def open_one(sessions, owner="ada"):
    started = sessions.start(owner, "2025-06-18", ("elicitation",))
    return started, sessions.seal(started)


async def assert_unknown(sessions, session_id, owner="ada"):
    with pytest.raises(RpcError) as refused:
        await sessions.find(session_id, owner)
    assert (refused.value.code, refused.value.status) == (-32600, 404)
    return refused.value.message


async def test_a_session_is_found_by_its_id_on_any_replica(replica):
    started, session_id = open_one(replica())

    other = replica()
    assert await other.find(session_id, "ada") == started
    assert await other.find(session_id, "ada") == started
    assert started.revision == "2025-06-18"
    assert started.capabilities == ("elicitation",)


@pytest.mark.requirement("sess-ascii", "sess-secure")
def test_an_id_is_visible_ascii_and_new_each_time(replica):
    sessions = replica()
    ids = {open_one(sessions)[1] for _ in range(5)}

    assert len(ids) == 5
    assert all("!" <= character <= "~" for one in ids for character in one)


@pytest.mark.requirement("sess-over", "sess-bound")
async def test_unknown_foreign_expired_and_ended_are_told_alike(replica, clock):
    sessions = replica()
    _, session_id = open_one(sessions)
    words = {
        await assert_unknown(sessions, "nonsense"),
        await assert_unknown(sessions, session_id[:-2]),
        await assert_unknown(sessions, replica(Seal([b"o" * 32])).seal(open_one(sessions)[0])),
        await assert_unknown(sessions, SEAL.seal("cursor", {"sub": "ada"})),
        await assert_unknown(sessions, session_id, owner="bob"),
    }
    await sessions.end(session_id, "ada")
    words.add(await assert_unknown(sessions, session_id))
    _, session_id = open_one(sessions)
    clock[0] += LIFETIME_S
    assert sessions.get_remembered(session_id, "ada") is None
    words.add(await assert_unknown(sessions, session_id))

    assert len(words) == 1


async def test_an_end_is_noticed_here_at_once_and_by_other_replicas_within_seconds(
    replica, store, clock
):
    one, other = replica(check_s=15), replica(check_s=15)
    _, session_id = open_one(one)
    await other.find(session_id, "ada")
    await one.end(session_id, "ada")

    await assert_unknown(one, session_id)
    await assert_unknown(replica(), session_id)
    clock[0] += 14.9
    await other.find(session_id, "ada")
    clock[0] += 0.1
    await assert_unknown(other, session_id)
    # What has ended is not asked for again.
    asked = store.asked
    clock[0] += 60
    for sessions in (one, other):
        await assert_unknown(sessions, session_id)
    assert store.asked == asked


async def test_the_store_is_asked_once_in_a_while_however_many_requests_there_are(
    replica, store, clock
):
    sessions = replica()
    _, session_id = open_one(sessions)
    for _ in range(50):
        await sessions.find(session_id, "ada")
    assert store.asked == 0  # whoever has just made a session knows of it

    for expected in (1, 2):
        clock[0] += CHECK_S
        for _ in range(50):
            await sessions.find(session_id, "ada")
        assert store.asked == expected


async def test_without_the_store_sessions_go_on_and_end_where_they_are_ended(replica, store, clock):
    one, other = replica(), replica()
    _, session_id = open_one(one)
    store.is_down = True

    assert await other.find(session_id, "ada")
    clock[0] += CHECK_S
    assert await one.find(session_id, "ada")
    with capture_logs() as lines:
        await one.end(session_id, "ada")
    await assert_unknown(one, session_id)
    assert await other.find(session_id, "ada")
    assert [line["event"] for line in lines] == ["session.end_untold"]


@pytest.mark.requirement("sess-bound")
async def test_nobody_ends_the_session_of_another(replica):
    sessions = replica()
    _, session_id = open_one(sessions)
    with pytest.raises(RpcError):
        await sessions.end(session_id, "bob")

    assert await sessions.find(session_id, "ada")


@pytest.mark.requirement("t24-sessions")
async def test_what_is_kept_is_bounded_and_what_was_dropped_is_found_again(replica, monkeypatch):
    monkeypatch.setattr(session, "MAX_OPENED", 2)
    sessions = replica()
    ids = [open_one(sessions)[1] for _ in range(3)]

    for session_id in ids:
        assert await sessions.find(session_id, "ada")


@pytest.fixture
def rows(store):
    return lambda: store._run("SELECT key FROM entries").fetchall()  # noqa: SLF001 - nobody else counts them


@pytest.mark.requirement("t24-sessions")
async def test_a_user_who_ends_sessions_without_end_leaves_one_row(
    replica, clock, rows, monkeypatch
):
    monkeypatch.setattr(session, "MAX_ENDED", 3)
    sessions = replica()
    _, older = open_one(sessions)
    _, others = open_one(sessions, "bob")
    ended = []
    for _ in range(10):
        clock[0] += 1
        ended.append(open_one(sessions)[1])
        await sessions.end(ended[-1], "ada")
    clock[0] += 1
    _, newer = open_one(sessions)

    assert rows() == [("ended:ada",)]
    # A fourth end is named no more: what began no later is over with it.
    for session_id in [older, *ended]:
        await assert_unknown(replica(), session_id)
    assert await replica().find(newer, "ada")
    assert await replica().find(others, "bob")


async def test_what_would_be_over_by_itself_is_named_no_more(replica, clock, store):
    sessions = replica()
    await sessions.end(open_one(sessions)[1], "ada")
    clock[0] += LIFETIME_S
    _, last = open_one(sessions)
    await sessions.end(last, "ada")

    before, named = orjson.loads(await store.get("ended:ada"))
    assert (before, len(named)) == (0, 1)
    await assert_unknown(replica(), last)


async def test_ends_at_the_same_moment_at_several_replicas_are_all_kept(replica):
    ids = [open_one(replica())[1] for _ in range(6)]
    await asyncio.gather(*(replica().end(session_id, "ada") for session_id in ids))

    for session_id in ids:
        await assert_unknown(replica(), session_id)


async def test_a_replica_that_is_told_of_an_end_refuses_at_once(replica):
    one, other = replica(), replica()
    started, session_id = open_one(one)
    _, another = open_one(one)
    await other.find(session_id, "ada")
    await other.find(another, "ada")
    await one.end(session_id, "ada")

    other.take_end(started.key)
    other.take_end("never seen")

    assert other.get_remembered(session_id, "ada") is None
    await assert_unknown(other, session_id)
    assert other.get_remembered(another, "ada")
