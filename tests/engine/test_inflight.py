import asyncio

import pytest

from atoms_mcp.engine.inflight import InFlight


async def work(calls, call_id):
    calls.add(call_id)
    try:
        await asyncio.Event().wait()
    finally:
        calls.remove(call_id)


async def start(calls, call_id):
    task = asyncio.ensure_future(work(calls, call_id))
    await asyncio.sleep(0)
    return task


@pytest.mark.requirement("canc-stop")
async def test_the_request_of_an_id_is_cancelled_and_no_other():
    calls = InFlight()
    number, text = await start(calls, 1), await start(calls, "1")
    calls.cancel("1")

    with pytest.raises(asyncio.CancelledError):
        await text
    assert not number.done()
    calls.cancel(1)
    with pytest.raises(asyncio.CancelledError):
        await number


@pytest.mark.requirement("canc-unknown")
@pytest.mark.parametrize("call_id", [7, "x", None, [], {}, 1.5])
async def test_an_unknown_id_is_passed_over(call_id):
    InFlight().cancel(call_id)


@pytest.mark.requirement("canc-unknown", "canc-race")
async def test_what_is_done_cannot_be_cancelled():
    calls = InFlight()

    async def quick():
        calls.add(1)
        calls.remove(1)
        calls.cancel(1)
        await asyncio.sleep(0)
        return "done"

    assert await asyncio.ensure_future(quick()) == "done"


async def test_an_id_used_twice_belongs_to_the_later_request():
    calls = InFlight()
    first, second = await start(calls, 1), await start(calls, 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    calls.cancel(1)

    with pytest.raises(asyncio.CancelledError):
        await second
