import asyncio

import pytest
from structlog.testing import capture_logs

from atoms_mcp.store import redis_channels
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.redis import RedisStore
from atoms_mcp.store.redis_channels import CHANNEL, RedisChannels
from atoms_mcp.store.redis_link import RedisLink
from atoms_mcp.store.store import StoreDown


async def read(subscription, count):
    async with asyncio.timeout(5):
        return [await anext(subscription) for _ in range(count)]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(redis_channels, "PAUSE_S", 0.01)


@pytest.fixture
async def stores(redis_url):
    """Two processes' stores before one Redis."""
    made = [RedisStore(redis_url) for _ in range(2)]
    yield made
    for store in made:
        await store.close()


async def test_what_one_process_publishes_all_hear_once_and_in_order(stores):
    here, there = stores
    async with here.subscribe("a") as own, there.subscribe("a") as heard:
        for number in range(20):
            await here.publish("a", str(number))
        assert await read(heard, 20) == [str(number) for number in range(20)]
        await there.publish("a", "end")

        assert await read(heard, 1) == ["end"]
        assert await read(own, 21) == [*map(str, range(20)), "end"]
        await here.publish("a", "after")
        assert await read(own, 1) == ["after"]


async def test_a_lost_connection_is_made_again_and_the_gap_is_told(stores, redis_server):
    here, there = stores
    async with there.subscribe("a") as heard:
        with capture_logs() as lines:
            redis_server.stop()
            redis_server.start()
            assert await read(heard, 1) == [GAP]

        assert {line["event"] for line in lines} >= {"channels.back"}
        await here.publish("a", "1")
        assert await read(heard, 1) == ["1"]


@pytest.mark.parametrize("sent", ["no json", "7", '["a","b"]', '["o",{},"m"]', '["o","a",["m"]]'])
async def test_what_another_program_says_there_is_passed_over(stores, sent):
    here, there = stores
    async with there.subscribe("a") as heard:
        with capture_logs() as lines:
            await here.link.client.publish(CHANNEL, sent)
            await here.publish("a", "1")
            assert await read(heard, 1) == ["1"]

    assert [line["event"] for line in lines] == ["channels.unread"]


async def test_a_fault_of_any_kind_ends_no_hearing(stores, monkeypatch):
    here, there = stores
    look, faults = RedisChannels._look, [RuntimeError()]  # noqa: SLF001 - what might go wrong

    async def fail_once(self, pubsub, message, *, was_asked):
        if faults and message is not None and message["type"] == "message":
            raise faults.pop()
        return await look(self, pubsub, message, was_asked=was_asked)

    monkeypatch.setattr(RedisChannels, "_look", fail_once)
    async with there.subscribe("a") as heard:
        with capture_logs() as lines:
            await here.publish("a", "1")
            assert await read(heard, 1) == [GAP]
        await here.publish("a", "2")
        assert await read(heard, 1) == ["2"]

    assert [line["event"] for line in lines][:2] == ["channels.failed", "channels.lost"]


async def test_without_redis_this_process_still_hears_itself(stores, redis_server):
    here, _ = stores
    redis_server.stop()
    async with here.subscribe("a") as heard:
        with pytest.raises(StoreDown):
            await here.publish("a", "1")

        assert await read(heard, 1) == ["1"]
        redis_server.start()


async def test_a_connection_that_no_longer_answers_is_given_up(redis_url, redis_server):
    link = RedisLink(redis_url)
    channels = RedisChannels(link, silence_s=0.05)
    async with channels.subscribe("a") as heard:
        with capture_logs() as lines:
            redis_server.hang()
            async with asyncio.timeout(5):
                while not lines:  # noqa: ASYNC110 - a log has no event to wait for
                    await asyncio.sleep(0)
            redis_server.go_on()
            assert await read(heard, 1) == [GAP]
    await channels.close()
    await link.close()

    assert [line["event"] for line in lines] == ["channels.lost", "channels.back"]


async def test_a_quiet_connection_that_answers_is_kept(redis_url):
    link = RedisLink(redis_url)
    channels = RedisChannels(link, silence_s=0.02)
    with capture_logs() as lines:
        async with channels.subscribe("a") as heard:
            # Several times the silence after which it is tried.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await anext(heard)
            await channels.publish("a", "1")
            assert await read(heard, 1) == ["1"]
    await channels.close()
    await link.close()

    assert lines == []
