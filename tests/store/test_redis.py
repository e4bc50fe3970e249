import pytest

from atoms_mcp.errors import ConfigError
from atoms_mcp.store.redis import RedisStore
from atoms_mcp.store.store import StoreDown


@pytest.fixture
async def store(redis_url, clock):
    made = RedisStore(redis_url, now=clock)
    yield made
    await made.close()


async def test_entries_go_by_themselves_when_their_time_is_over(store, redis_server, clock):
    await store.mark("a", clock.now + 60)
    await store.put("b", "value", clock.now + 60)
    await store.take_once("c", clock.now + 60)
    await store.swap("d", None, "value", clock.now + 60)
    await store.swap("b", "value", "other", clock.now + 60)

    with redis_server.client() as client:
        lives_ms = {key: client.pttl(key) for key in client.scan_iter()}
    assert set(lives_ms) == {b"atoms:a", b"atoms:b", b"atoms:c", b"atoms:d"}
    assert all(50_000 < life <= 60_000 for life in lives_ms.values())


async def test_a_clock_that_differs_from_that_of_redis_does_no_harm(redis_url, redis_server):
    store = RedisStore(redis_url, now=lambda: 1000.0)
    assert await store.take_once("a", 1060.0)
    await store.close()

    with redis_server.client() as client:
        assert 50_000 < client.pttl("atoms:a") <= 60_000


async def test_who_took_a_key_and_lost_the_answer_is_told_so(store, clock, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: "one-and-the-same")

    # The second is what a try repeated on a new connection looks like to Redis.
    assert [await store.take_once("a", clock.now + 60) for _ in range(2)] == [True, True]
    monkeypatch.undo()
    assert not await store.take_once("a", clock.now + 60)


async def test_what_others_keep_beside_ours_is_theirs(store, redis_server):
    with redis_server.client() as client:
        client.set("a", "theirs")

    assert not await store.is_marked("a")
    await store.delete("a")
    with redis_server.client() as client:
        assert client.get("a") == b"theirs"


async def test_without_redis_everything_is_an_outage(store, redis_server, clock):
    redis_server.stop()
    until = clock.now + 60
    for call in (
        store.mark("a", until),
        store.is_marked("a"),
        store.take_once("a", until),
        store.put("a", "value", until),
        store.swap("a", None, "value", until),
        store.swap("a", "value", "other", until),
        store.get("a"),
        store.delete("a"),
        store.ping(),
    ):
        with pytest.raises(StoreDown):
            await call


def test_a_url_of_something_else_is_a_fault_of_the_configuration():
    with pytest.raises(ConfigError, match="is not a URL like redis://"):
        RedisStore("http://127.0.0.1:6379")
