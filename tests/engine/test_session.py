import pytest

from atoms_mcp.engine import session
from atoms_mcp.engine.session import LIFETIME_S, Sessions
from atoms_mcp.identity.seal import Seal
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.store.memory import MemoryStore

SEAL = Seal([b"k" * 32])


class Replica(Sessions):
    def __init__(self, clock, seal=SEAL, store=None):
        super().__init__(seal, store or MemoryStore(now=lambda: clock[0]), now=lambda: clock[0])


@pytest.fixture
def clock():
    return [1000.0]


def open_one(sessions, owner="ada"):
    started = sessions.start(owner, "2025-06-18", ("elicitation",))
    return started, sessions.seal(started)


async def assert_unknown(sessions, session_id, owner="ada"):
    with pytest.raises(RpcError) as refused:
        await sessions.find(session_id, owner)
    assert (refused.value.code, refused.value.status) == (-32600, 404)
    return refused.value.message


async def test_a_session_is_found_by_its_id_on_any_replica(clock):
    started, session_id = open_one(Replica(clock))

    other = Replica(clock)
    assert await other.find(session_id, "ada") == started
    assert await other.find(session_id, "ada") == started
    assert started.revision == "2025-06-18"
    assert started.capabilities == ("elicitation",)


def test_an_id_is_visible_ascii_and_new_each_time(clock):
    sessions = Replica(clock)
    ids = {open_one(sessions)[1] for _ in range(5)}

    assert len(ids) == 5
    assert all("!" <= character <= "~" for one in ids for character in one)


async def test_unknown_foreign_expired_and_ended_are_told_alike(clock):
    sessions = Replica(clock)
    _, session_id = open_one(sessions)
    words = {
        await assert_unknown(sessions, "nonsense"),
        await assert_unknown(sessions, session_id[:-2]),
        await assert_unknown(
            sessions, Replica(clock, Seal([b"o" * 32])).seal(open_one(sessions)[0])
        ),
        await assert_unknown(sessions, SEAL.seal("cursor", {"sub": "ada"})),
        await assert_unknown(sessions, session_id, owner="bob"),
    }
    await sessions.end(session_id, "ada")
    words.add(await assert_unknown(sessions, session_id))
    _, session_id = open_one(sessions)
    clock[0] += LIFETIME_S
    words.add(await assert_unknown(sessions, session_id))

    assert len(words) == 1


async def test_an_ended_session_stays_ended_where_the_store_is_shared(clock):
    store = MemoryStore(now=lambda: clock[0])
    one, other = Replica(clock, store=store), Replica(clock, store=store)
    _, session_id = open_one(one)
    await other.find(session_id, "ada")
    await one.end(session_id, "ada")

    await assert_unknown(other, session_id)
    await assert_unknown(one, session_id)


async def test_nobody_ends_the_session_of_another(clock):
    sessions = Replica(clock)
    _, session_id = open_one(sessions)
    with pytest.raises(RpcError):
        await sessions.end(session_id, "bob")

    assert await sessions.find(session_id, "ada")


async def test_what_is_kept_is_bounded_and_what_was_dropped_is_found_again(clock, monkeypatch):
    monkeypatch.setattr(session, "MAX_OPENED", 2)
    sessions = Replica(clock)
    ids = [open_one(sessions)[1] for _ in range(3)]

    for session_id in ids:
        assert await sessions.find(session_id, "ada")
