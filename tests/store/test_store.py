"""What every store owes, asked of each of them."""

import asyncio
import subprocess
import sys

import pytest

from atoms_mcp.errors import AtomsError
from atoms_mcp.store.store import StoreDown

TAKER = """
import asyncio, sys, time
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.redis import RedisStore
from pathlib import Path
kind, where, until = sys.argv[1:]
async def take():
    store = LocalStore(Path(where)) if kind == "file" else RedisStore(where)
    print("ready", flush=True)
    sys.stdin.readline()
    keys = [f"code:{n}" for n in range(200)]
    taken = [key for key in keys if await store.take_once(key, float(until))]
    await store.close()
    print(*taken)
asyncio.run(take())
"""


def test_an_outage_is_an_error_of_ours():
    assert issubclass(StoreDown, AtomsError)


async def test_a_mark_is_there_and_nothing_else_is(store, clock):
    await store.mark("a", clock.now + 60)

    assert await store.is_marked("a")
    assert not await store.is_marked("b")
    assert await store.get("a") is None


async def test_a_key_is_taken_by_exactly_one_of_many(store, clock):
    async with asyncio.timeout(5):
        taken = await asyncio.gather(
            *(store.take_once("code:1", clock.now + 60) for _ in range(100))
        )

    assert taken.count(True) == 1
    assert await store.is_marked("code:1")
    assert await store.take_once("code:2", clock.now + 60)


async def test_what_is_marked_or_put_cannot_be_taken(store, clock):
    await store.mark("a", clock.now + 60)
    await store.put("b", "value", clock.now + 60)

    assert not await store.take_once("a", clock.now + 60)
    assert not await store.take_once("b", clock.now + 60)
    assert await store.get("b") == "value"


async def test_what_was_taken_has_no_value(store, clock):
    await store.take_once("a", clock.now + 60)

    assert await store.get("a") is None


async def test_what_is_over_cannot_be_taken_marked_or_put(store, clock):
    for until in (clock.now, clock.now - 60):
        assert not await store.take_once("a", until)
        await store.mark("b", until)
        await store.put("c", "value", until)

    assert not await store.is_marked("a")
    assert not await store.is_marked("b")
    assert await store.get("c") is None


@pytest.mark.parametrize(
    "value", ["", "eyJ.x.y", "value:", "ä\n\0 'quoted' \N{SNOWMAN}", "v" * 99999]
)
async def test_a_value_comes_back_as_it_went(store, clock, value):
    await store.put("a", value, clock.now + 60)

    assert await store.get("a") == value
    assert await store.is_marked("a")


async def test_the_last_value_counts(store, clock):
    for value in ("one", "two"):
        await store.put("a", value, clock.now + 60)

    assert await store.get("a") == "two"
    await store.mark("a", clock.now + 60)
    assert await store.get("a") is None


async def test_putting_what_is_over_forgets_what_was_there(store, clock):
    await store.put("a", "value", clock.now + 60)
    await store.put("a", "value", clock.now - 1)

    assert await store.get("a") is None


async def test_what_is_deleted_is_gone_and_can_be_taken_again(store, clock):
    await store.put("a", "value", clock.now + 60)
    for _ in range(2):
        await store.delete("a")

    assert await store.get("a") is None
    assert await store.take_once("a", clock.now + 60)


async def test_keys_are_apart_to_the_last_letter(store, clock):
    await store.mark("Grant:1", clock.now + 60)

    assert not await store.is_marked("grant:1")
    assert not await store.is_marked("Grant:1 ")
    assert not await store.is_marked("Grant:*")


async def test_a_store_that_works_says_so(store):
    assert await store.ping() is None


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_a_key_is_taken_once_among_processes(kind, request, clock):
    where = str(request.getfixturevalue("file" if kind == "file" else "redis_url"))
    takers = [
        subprocess.Popen(  # noqa: S603 - our own text
            [sys.executable, "-c", TAKER, kind, where, str(clock.now + 600)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for taker in takers:
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        taker.stdin.write("\n")
        taker.stdin.flush()
    taken = [key for taker in takers for key in taker.communicate(timeout=20)[0].split()]

    assert sorted(taken) == sorted(f"code:{n}" for n in range(200))
    assert [taker.returncode for taker in takers] == [0, 0, 0]


async def hear(subscription, count):
    async with asyncio.timeout(5):
        return [await anext(subscription) for _ in range(count)]


async def test_all_who_listen_to_a_channel_hear_every_message_in_order(store):
    async with store.subscribe("a") as first, store.subscribe("a") as second:
        for number in range(3):
            await store.publish("a", str(number))

        assert await hear(first, 3) == await hear(second, 3) == ["0", "1", "2"]


async def test_nobody_hears_what_came_before_or_what_is_of_another_channel(store):
    await store.publish("a", "before")
    async with store.subscribe("a") as heard:
        await store.publish("b", "beside")
        await store.publish("a", "now")

        assert await hear(heard, 1) == ["now"]


@pytest.mark.parametrize("message", ["ä\n\0 'quoted' \N{SNOWMAN}", "m" * 99999])
async def test_a_message_comes_as_it_went(store, message):
    async with store.subscribe("a") as heard:
        await store.publish("a", message)

        assert await hear(heard, 1) == [message]


async def test_a_value_is_swapped_by_who_knows_it_and_by_nobody_else(store, clock):
    until = clock.now + 60
    assert await store.swap("a", None, "one", until)
    assert not await store.swap("a", None, "two", until)
    assert not await store.swap("a", "", "two", until)
    assert not await store.swap("b", "one", "two", until)
    assert await store.swap("a", "one", "two", until)

    assert await store.get("a") == "two"
    assert await store.get("b") is None
    await store.mark("b", until)
    assert not await store.swap("b", None, "one", until)
    assert not await store.swap("b", "", "one", until)


async def test_what_is_over_is_not_swapped(store, clock):
    await store.put("a", "one", clock.now + 60)

    assert not await store.swap("a", "one", "two", clock.now)
    assert not await store.swap("b", None, "two", clock.now)
    assert await store.get("a") == "one"
    assert await store.get("b") is None


async def test_what_is_spare_is_kept_as_everything_else_is(store, clock):
    until = clock.now + 60
    await store.mark("a", until, is_spare=True)
    await store.put("b", "one", until, is_spare=True)
    assert await store.take_once("c", until, is_spare=True)
    assert await store.swap("b", "one", "two", until, is_spare=True)

    assert await store.is_marked("a")
    assert await store.get("b") == "two"
    assert not await store.take_once("c", until)
