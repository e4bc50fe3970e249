import asyncio

import pytest

from atoms_mcp.settings import parse_rate
from atoms_mcp.store.counters import Counters
from atoms_mcp.store.redis_link import PAUSE_S, RedisLink

RATE = parse_rate("3 per 5 minute")


class Monotonic:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks():
    return Monotonic()


@pytest.fixture
async def link(redis_url, ticks):
    made = RedisLink(redis_url, clock=ticks)
    yield made
    await made.close()


@pytest.fixture(params=["own", "redis"])
def counters(request):
    """Counts of each kind: what holds for one holds for all."""
    return Counters(request.getfixturevalue("link") if request.param == "redis" else None)


async def hit_often(counters, times, key="a"):
    return [await counters.hit(RATE, key) for _ in range(times)]


async def test_a_window_holds_so_many_and_tells_what_is_left(counters):
    assert (await counters.look(RATE, "a")).remaining == 3
    assert await hit_often(counters, 5) == [True] * 3 + [False] * 2

    window = await counters.look(RATE, "a")
    assert window.remaining == 0
    assert 295 <= window.retry_after_s <= 300
    assert (await counters.look(RATE, "b")).remaining == 3


async def test_nobody_is_told_to_wait_longer_than_five_minutes_or_not_at_all(counters):
    day, second = parse_rate("1 per 1 day"), parse_rate("1 per 1 second")
    for rate in (day, second):
        await counters.hit(rate, "a")

    assert (await counters.look(day, "a")).retry_after_s == 300
    assert (await counters.look(second, "a")).retry_after_s == 1
    assert (await counters.look(RATE, "a")).retry_after_s == 0


async def test_what_is_cleared_begins_anew(counters):
    await hit_often(counters, 3)
    await counters.clear(RATE, "a")

    assert (await counters.look(RATE, "a")).remaining == 3


async def test_many_at_once_are_counted_to_the_last_one(counters):
    async with asyncio.timeout(5):
        told = await asyncio.gather(*(counters.hit(RATE, "a") for _ in range(40)))

    assert told.count(True) == 3


async def test_processes_that_share_a_redis_share_their_counts(link, redis_url):
    other = RedisLink(redis_url)
    one, another = Counters(link), Counters(other)
    await one.hit(RATE, "a")
    await another.hit(RATE, "a")

    assert (await one.look(RATE, "a")).remaining == 1
    await another.clear(RATE, "a")
    assert (await one.look(RATE, "a")).remaining == 3
    await other.close()


async def test_while_redis_is_lost_counts_go_on_where_this_process_was_and_come_back(
    link, redis_server, ticks
):
    counters = Counters(link)
    await hit_often(counters, 2)
    redis_server.stop()

    assert (await counters.look(RATE, "a")).remaining == 1
    assert await hit_often(counters, 2) == [True, False]
    assert (await counters.look(RATE, "a")).remaining == 0
    await counters.clear(RATE, "a")
    assert (await counters.look(RATE, "a")).remaining == 3

    redis_server.start()
    ticks.now += PAUSE_S
    await hit_often(counters, 1, "b")
    with redis_server.client() as client:
        assert [key for key in client.scan_iter() if key.startswith(b"atoms:limits:")]
