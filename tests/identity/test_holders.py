import asyncio

import pytest

from atoms_mcp.identity import holders as module
from atoms_mcp.identity.holders import Holders
from atoms_mcp.store.local import LocalStore

ADA, BOB = "ada", "bob"


@pytest.fixture
async def store(clock):
    store = LocalStore(now=clock)
    yield store
    await store.close()


@pytest.fixture
def holders(store, clock):
    return Holders(store, clock)


async def test_a_session_is_held_until_the_last_is_gone(holders, clock):
    until = clock.now + 100
    assert not await holders.has_any(ADA, "s")
    for gid in ("a", "b", "a"):
        await holders.add(ADA, "s", gid, until)

    assert await holders.get_all(ADA) == {"a": "s", "b": "s"}
    await holders.remove(ADA, "a", until)
    assert await holders.has_any(ADA, "s")
    assert not await holders.has_any(ADA, "other")
    await holders.remove(ADA, "b", until)
    assert not await holders.has_any(ADA, "s")
    await holders.remove(ADA, "b", until)


async def test_what_one_user_has_is_nothing_to_another(holders, clock):
    await holders.add(ADA, "s", "a", clock.now + 100)

    await holders.remove(BOB, "a", clock.now + 100)

    assert await holders.get_all(BOB) == {}
    assert not await holders.has_any(BOB, "s")
    assert await holders.get_all(ADA) == {"a": "s"}


async def test_a_grant_whose_time_is_over_holds_no_session(holders, clock):
    await holders.add(ADA, "s", "old", clock.now + 100)
    await holders.add(ADA, "s", "new", clock.now + 200)
    clock.now += 100

    assert await holders.get_all(ADA) == {"new": "s"}
    await holders.remove(ADA, "new", clock.now + 100)
    assert not await holders.has_any(ADA, "s")


async def test_none_of_many_at_once_is_lost_not_even_between_processes(store, clock):
    processes = [Holders(store, clock) for _ in range(2)]
    until = clock.now + 100
    await asyncio.gather(*(processes[n % 2].add(ADA, "s", str(n), until) for n in range(20)))
    await asyncio.gather(*(processes[n % 2].remove(ADA, str(n), until) for n in range(19)))

    assert await processes[0].get_all(ADA) == {"19": "s"}


async def test_the_list_of_a_user_has_a_bound(holders, clock, monkeypatch):
    monkeypatch.setattr(module, "MAX_GRANTS", 2)
    for n in range(3):
        await holders.add(ADA, "s", str(n), clock.now + 100 + n)

    assert list(await holders.get_all(ADA)) == ["1", "2"]


async def test_what_was_revoked_is_known_to_other_processes_until_its_time(store, clock):
    await Holders(store).revoke("a", clock.now + 100)

    other = Holders(store)
    assert await other.is_revoked("a")
    assert not await other.is_revoked("b")
    clock.now += 100
    assert not await other.is_revoked("a")
