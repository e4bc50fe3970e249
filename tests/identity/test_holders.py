import asyncio

import pytest

from atoms_mcp.identity.holders import Holders
from atoms_mcp.store.local import LocalStore


@pytest.fixture
async def store(clock):
    store = LocalStore(now=clock)
    yield store
    await store.close()


async def test_a_session_is_held_until_the_last_is_gone(store, clock):
    holders = Holders(store)
    until = clock.now + 100
    assert not await holders.has_any("s")
    for gid in ("a", "b", "a"):
        await holders.add("s", gid, until)

    assert await holders.get_all("s") == ["a", "b"]
    await holders.remove("s", "a", until)
    assert await holders.has_any("s")
    assert not await holders.has_any("other")
    await holders.remove("s", "b", until)
    assert not await holders.has_any("s")
    await holders.remove("s", "b", until)


async def test_none_of_many_at_once_is_lost(store, clock):
    holders = Holders(store)
    until = clock.now + 100
    await asyncio.gather(*(holders.add("s", str(n), until) for n in range(20)))
    await asyncio.gather(*(holders.remove("s", str(n), until) for n in range(19)))

    assert await holders.has_any("s")
    await holders.remove("s", "19", until)
    assert not await holders.has_any("s")


async def test_what_was_revoked_is_known_to_other_processes_until_its_time(store, clock):
    await Holders(store).revoke("a", clock.now + 100)

    other = Holders(store)
    assert await other.is_revoked("a")
    assert not await other.is_revoked("b")
    clock.now += 100
    assert not await other.is_revoked("a")
