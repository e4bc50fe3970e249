import asyncio

import pytest

from atoms_mcp.identity.flight import Flight


class Call:
    def __init__(self, outcome="landed"):
        self.count = 0
        self.outcome = outcome
        self.go = asyncio.Event()

    async def __call__(self):
        self.count += 1
        await self.go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def start(*waiting):
    tasks = [asyncio.ensure_future(one) for one in waiting]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_many_share_one_call():
    flight, call = Flight(), Call()
    tasks = await start(*(flight.share("k", call) for _ in range(10)))
    call.go.set()

    assert await asyncio.gather(*tasks) == ["landed"] * 10
    assert call.count == 1


async def test_other_keys_and_later_calls_are_their_own():
    flight, call = Flight(), Call()
    call.go.set()

    await asyncio.gather(flight.share("a", call), flight.share("b", call))
    await flight.share("a", call)

    assert call.count == 3


async def test_all_share_a_failure():
    flight, call = Flight(), Call(LookupError())
    tasks = await start(flight.share("k", call), flight.share("k", call))
    call.go.set()

    for task in tasks:
        with pytest.raises(LookupError):
            await task


async def test_who_is_cancelled_leaves_the_call_to_the_others():
    flight, call = Flight(), Call()
    first, second = await start(flight.share("k", call), flight.share("k", call))
    first.cancel()
    await asyncio.sleep(0)
    call.go.set()

    assert await second == "landed"


async def test_a_failure_that_nobody_waits_for_is_quiet():
    flight, call = Flight(), Call(LookupError())
    (only,) = await start(flight.share("k", call))
    only.cancel()
    call.go.set()
    with pytest.raises(asyncio.CancelledError):
        await only
    for _ in range(3):
        await asyncio.sleep(0)

    call.outcome = "again"
    assert await flight.share("k", call) == "again"


async def test_a_call_that_is_cancelled_itself_is_forgotten():
    flight = Flight()

    async def cancelled():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await flight.share("k", cancelled)
    await asyncio.sleep(0)

    call = Call()
    call.go.set()
    assert await flight.share("k", call) == "landed"
