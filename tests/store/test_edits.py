import asyncio

import pytest

from atoms_mcp.store import edits
from atoms_mcp.store.edits import Edits
from atoms_mcp.store.store import StoreDown


def add(letter):
    return lambda before: (before or "") + letter


async def test_a_value_begins_with_nothing_and_goes_on_from_there(store, clock):
    made = Edits(store)

    assert await made.edit("a", add("x"), clock.now + 60) == "x"
    assert await made.edit("a", add("y"), clock.now + 60) == "xy"
    assert await store.get("a") == "xy"


async def test_of_changes_at_the_same_moment_none_is_lost(store, clock):
    # Two that know nothing of each other are as two processes.
    one, other = Edits(store), Edits(store)
    async with asyncio.timeout(5):
        await asyncio.gather(
            *(made.edit("a", add("x"), clock.now + 60) for made in (one, other) * 8)
        )

    assert await store.get("a") == "x" * 16


async def test_a_change_that_never_gets_through_is_an_outage(store, clock, monkeypatch):
    monkeypatch.setattr(edits, "MAX_TRIES", 3)
    tries = []

    async def lose(key, before, *_more, is_spare):
        tries.append((key, before, is_spare))
        return False

    monkeypatch.setattr(store, "swap", lose)

    with pytest.raises(StoreDown, match="faster than it can be read"):
        await Edits(store).edit("a", add("x"), clock.now + 60, is_spare=True)
    assert tries == [("a", None, True)] * 3
