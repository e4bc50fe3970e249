import pytest

from atoms_mcp.engine.sessions.rows import SessionRows
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.engine.talk.levels import CHECK_S, Levels
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown


class Clock:
    now = 1000.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return LocalStore(None, now=lambda: clock.now)


@pytest.fixture
def replica(store, clock):
    """Give one more replica on the shared store."""
    return lambda: Levels(SessionRows(store, lambda: clock.now), now=lambda: clock.now)


@pytest.fixture
def levels(replica):
    return replica()


def session(key="s-1"):
    return Session(key, "id-ada", "2025-11-25", (), 10**9)


async def be_down(*_anything, **_more):
    raise StoreDown("no Redis")


async def test_a_session_wants_to_hear_nothing_until_it_says_so(levels):
    assert await levels.find(session()) is None


async def test_a_level_is_that_of_its_session(levels):
    await levels.set(session(), "info")

    assert await levels.find(session()) == "info"
    assert await levels.find(session("s-2")) is None


async def test_a_level_is_known_at_other_replicas_soon(levels, replica, clock):
    other = replica()
    await levels.set(session(), "info")
    assert await other.find(session()) == "info"
    await levels.set(session(), "error")
    assert await other.find(session()) == "info"

    clock.now += CHECK_S

    assert await other.find(session()) == "error"


async def test_without_the_store_a_level_counts_here(levels, store, clock):
    store.put = store.get = be_down
    assert await levels.find(session()) is None

    await levels.set(session(), "info")
    clock.now += CHECK_S

    assert await levels.find(session()) == "info"


async def test_only_so_many_levels_are_remembered(levels, store, monkeypatch):
    monkeypatch.setattr("atoms_mcp.engine.talk.levels.MAX_KNOWN", 2)
    for number in range(4):
        await levels.set(session(f"s-{number}"), "info")
    store.get = be_down

    assert await levels.find(session("s-0")) is None
    assert await levels.find(session("s-3")) == "info"


async def test_of_a_session_that_is_over_nothing_is_remembered(levels, store):
    await levels.set(session(), "info")
    levels.forget(session())
    levels.forget(session("never seen"))
    store.get = be_down

    assert await levels.find(session()) is None
