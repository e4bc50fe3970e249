import pytest

from atoms_mcp.store.memory import MemoryStore


@pytest.fixture
def clock():
    return [100.0]


async def test_a_mark_holds_until_it_expires(clock):
    store = MemoryStore(now=lambda: clock[0])
    await store.mark("a", 110)

    assert await store.is_marked("a")
    assert not await store.is_marked("b")
    clock[0] = 110
    assert not await store.is_marked("a")
    assert not await store.is_marked("a")


async def test_the_oldest_mark_goes_where_there_are_too_many(clock):
    store = MemoryStore(now=lambda: clock[0], max_marks=2)
    for key in "abc":
        await store.mark(key, 110)

    assert [await store.is_marked(key) for key in "abc"] == [False, True, True]


async def test_what_is_expired_goes_first(clock):
    store = MemoryStore(now=lambda: clock[0], max_marks=2)
    await store.mark("a", 101)
    await store.mark("b", 110)
    clock[0] = 105
    await store.mark("c", 110)

    assert [await store.is_marked(key) for key in "abc"] == [False, True, True]


async def test_marking_again_lasts_longer(clock):
    store = MemoryStore(now=lambda: clock[0], max_marks=2)
    for key in "aba":
        await store.mark(key, 110)
    await store.mark("a", 120)
    clock[0] = 115

    assert await store.is_marked("a")


async def test_a_mark_that_is_over_already_is_not_kept(clock):
    store = MemoryStore(now=lambda: clock[0])
    await store.mark("a", 99)

    assert not await store.is_marked("a")
