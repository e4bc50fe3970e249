"""The catalogue that is kept: read once, shared, and renewed when the schema changes."""

import asyncio

import pytest

from atoms_mcp.local.rest import cache as rest_cache
from atoms_mcp.local.rest.cache import CatalogueCache
from atoms_mcp.local.rest.database import Database
from atoms_mcp.local.rest.errors import RestError

WAIT_S = 5


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def cache(rest_pool, clock):
    cache = CatalogueCache(Database(rest_pool), now=clock)
    yield cache
    await cache.stop()


@pytest.fixture
async def table(owner):
    """Make a table and remove it afterwards."""
    made = []

    async def make(name):
        made.append(name)
        await owner.execute(f"create table {name} (id int)")

    yield make
    for name in made:
        await owner.execute(f"drop table {name}")


async def has(cache, name):
    return name in (await cache.get()).relations


async def until(cache, name):
    async with asyncio.timeout(WAIT_S):
        while not await has(cache, name):  # noqa: ASYNC110 - the notice comes from outside
            await asyncio.sleep(0.005)


async def test_it_is_read_once(cache):
    first, second = await asyncio.gather(cache.get(), cache.get())

    assert first is second is await cache.get()


async def test_reloading_sees_what_was_there_when_it_was_asked_for(cache, table):
    await cache.get()
    under_way = asyncio.create_task(cache.reload())
    await asyncio.sleep(0)
    await table("later")
    await asyncio.gather(under_way, cache.reload())

    assert await has(cache, "later")


async def test_a_newer_one_is_read_at_most_every_few_seconds(cache, clock, table):
    seen = await cache.get()
    await table("newer")

    assert await cache.get_newer(seen) is None
    clock.now += rest_cache.RETRY_S
    newer = await cache.get_newer(seen)
    assert "newer" in newer.relations
    assert await cache.get_newer(seen) is newer
    assert await cache.get_newer(newer) is None


async def test_one_waiter_that_gives_up_does_not_stop_the_others(cache):
    impatient = asyncio.create_task(cache.get())
    patient = asyncio.create_task(cache.get())
    await asyncio.sleep(0)
    impatient.cancel()

    assert (await patient).relations
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_notice_reloads(cache, owner, table):
    cache.start()
    cache.start()
    await until(cache, "tasks")
    await table("noticed")
    await owner.execute("notify pgrst, 'reload config'")
    await owner.execute("notify pgrst, 'reload schema'")

    await until(cache, "noticed")


async def test_a_lost_listener_comes_back_and_reads_what_it_missed(
    cache, owner, table, monkeypatch
):
    monkeypatch.setattr(rest_cache, "RECONNECT_S", 0.0)
    cache.start()
    await until(cache, "tasks")
    listeners = "select pid from pg_stat_activity where query ilike 'listen%' and state = 'idle'"
    async with asyncio.timeout(WAIT_S):
        while not (pids := await owner.fetch(listeners)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    await table("missed")
    for row in pids:
        await owner.fetchval("select pg_terminate_backend($1)", row["pid"])

    await until(cache, "missed")


async def test_without_a_database_it_says_so():
    class Pool:
        async def acquire(self, **_):
            raise ConnectionRefusedError

    cache = CatalogueCache(Database(Pool()))

    for ask in (cache.get, cache.reload):
        with pytest.raises(RestError) as refusal:
            await ask()
        assert refusal.value.code == "PGRST001"


async def test_stopping_twice_or_before_starting_is_no_harm(cache):
    await cache.stop()
    cache.start()
    await cache.stop()
    await cache.stop()
