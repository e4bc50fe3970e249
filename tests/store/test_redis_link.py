import asyncio
import sys

import pytest
from structlog.testing import capture_logs

from atoms_mcp.errors import ConfigError
from atoms_mcp.store import redis_link
from atoms_mcp.store.redis_link import PAUSE_S, RedisLink
from atoms_mcp.store.store import StoreDown


class Monotonic:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks():
    return Monotonic()


@pytest.fixture
def lines():
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def link(redis_url, ticks):
    made = RedisLink(redis_url, clock=ticks)
    yield made
    await made.close()


async def is_up(link):
    try:
        return bool(await link.ask(link.client.ping))
    except StoreDown:
        return False


async def test_it_comes_back_by_itself_and_says_each_change_once(link, redis_server, ticks, lines):
    assert await is_up(link)
    redis_server.stop()
    for _ in range(3):
        assert not await is_up(link)
        ticks.now += PAUSE_S
    redis_server.start()
    assert await is_up(link)
    assert await is_up(link)

    place = f"127.0.0.1:{redis_server.port}"
    assert lines == [
        {
            "event": "redis.lost",
            "log_level": "warning",
            "place": place,
            "fault": "ConnectionError",
        },
        {"event": "redis.back", "log_level": "info", "place": place},
    ]


async def test_a_restart_between_two_questions_is_not_noticed(link, redis_server, lines):
    async with asyncio.timeout(5):
        await asyncio.gather(*(is_up(link) for _ in range(20)))
    redis_server.stop()
    redis_server.start()

    async with asyncio.timeout(5):
        assert all(await asyncio.gather(*(is_up(link) for _ in range(20))))
    assert lines == []


async def test_for_a_moment_nobody_asks_again_and_then_one_does(link, redis_server, ticks):
    redis_server.stop()
    assert not await is_up(link)
    asked = []

    async def ask():
        asked.append(ticks.now)
        await asyncio.sleep(0)
        return await link.client.ping()

    async def all_ask():
        async with asyncio.timeout(5):
            return await asyncio.gather(*(link.ask(ask) for _ in range(50)), return_exceptions=True)

    assert {type(told) for told in await all_ask()} == {StoreDown}
    assert asked == []
    ticks.now += PAUSE_S
    await all_ask()
    assert asked == [PAUSE_S]


async def test_what_hangs_is_lost_within_seconds(redis_url, redis_server, monkeypatch):
    monkeypatch.setattr(redis_link, "ANSWER_S", 0.05)
    link = RedisLink(redis_url)
    assert await is_up(link)
    redis_server.hang()
    try:
        async with asyncio.timeout(5):
            assert not await is_up(link)
    finally:
        redis_server.go_on()
        await link.close()


async def test_a_call_that_goes_on_for_ever_is_cut_off(link, monkeypatch):
    monkeypatch.setattr(redis_link, "TOTAL_S", 0.01)

    with pytest.raises(StoreDown):
        await link.ask(asyncio.Event().wait)


async def test_a_refusal_of_redis_is_an_outage_too(link, redis_server, ticks):
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreDown):
            await link.ask(lambda: link.client.set("a", "b"))
    finally:
        with redis_server.client() as client:
            client.config_set("maxmemory", "0")
    ticks.now += PAUSE_S
    assert await link.ask(lambda: link.client.set("a", "b"))


async def test_a_password_of_the_url_is_never_shown(redis_server, lines):
    link = RedisLink(f"redis://atoms:hunter2@127.0.0.1:{redis_server.port}/0")
    redis_server.start()
    with pytest.raises(StoreDown) as caught:
        await link.ask(link.client.ping)
    await link.close()

    assert link.place == f"127.0.0.1:{redis_server.port}"
    assert lines[0]["fault"] == "AuthenticationError"
    assert "hunter2" not in f"{lines} {caught.value!r} {link!r}"


async def test_a_socket_is_told_by_its_path():
    link = RedisLink("unix:///run/redis.sock?db=1")

    assert link.place == "/run/redis.sock"
    await link.close()


@pytest.mark.parametrize("url", ["", "redis.internal:6379", "http://:hunter2@x", "redis://x:port"])
def test_a_url_that_is_none_of_redis_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError) as caught:
        RedisLink(url)

    assert caught.value.faults == (
        "ATOMS_REDIS_URL is not a URL like redis://:password@redis.internal:6379/0",
    )


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(ConfigError, match=r"pip install 'atoms-mcp\[redis\]'"):
        RedisLink("redis://127.0.0.1:6379")
