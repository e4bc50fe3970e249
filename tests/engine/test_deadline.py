import asyncio

import pytest

from atoms_mcp.engine.deadline import Deadlines

SOON_S = 0.005


async def stay(deadlines, is_gone=None):
    """Work for ever; say why it ended."""
    watched = deadlines.begin(is_gone)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if watched.take_back():
            return "late"
        raise
    finally:
        deadlines.end(watched)


async def test_work_ends_at_its_deadline_and_goes_on_after_it():
    deadlines = Deadlines(SOON_S, look_every_s=SOON_S)

    async with asyncio.timeout(5):
        assert await stay(deadlines) == "late"
        assert await stay(deadlines) == "late"


@pytest.mark.requirement("http-close-stops")
async def test_work_for_one_who_has_left_is_cancelled():
    async with asyncio.timeout(5):
        task = asyncio.ensure_future(stay(Deadlines(60, look_every_s=SOON_S), lambda: True))
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_work_for_one_who_is_there_goes_on():
    looks = []
    seen = asyncio.Event()

    def is_gone():
        looks.append(1)
        if len(looks) == 3:
            seen.set()
        return False

    task = asyncio.ensure_future(stay(Deadlines(60, look_every_s=SOON_S), is_gone))
    async with asyncio.timeout(5):
        await seen.wait()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_by_others_is_not_taken_for_lateness():
    task = asyncio.ensure_future(stay(Deadlines(60)))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_late_task_that_others_cancel_as_well_is_cancelled():
    deadlines = Deadlines(SOON_S, look_every_s=SOON_S)
    late = asyncio.Event()

    async def stubborn():
        watched = deadlines.begin(None)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            late.set()
        try:
            await asyncio.Event().wait()
        finally:
            assert not watched.take_back()
            deadlines.end(watched)

    task = asyncio.ensure_future(stubborn())
    async with asyncio.timeout(5):
        await late.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_being_late_or_gone_is_told_once():
    deadlines = Deadlines(SOON_S, look_every_s=SOON_S)
    gone = Deadlines(60, look_every_s=SOON_S)

    async def shrug(owner, is_gone):
        watched = owner.begin(is_gone)
        times = 0
        try:
            while times < 1:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    times += 1
            for _ in range(3):
                done = asyncio.Event()
                asyncio.get_running_loop().call_later(2 * SOON_S, done.set)
                await done.wait()
        finally:
            owner.end(watched)
        return times

    async with asyncio.timeout(5):
        assert await asyncio.ensure_future(shrug(deadlines, None)) == 1
        assert await asyncio.ensure_future(shrug(gone, lambda: True)) == 1


def test_one_engine_may_serve_in_loops_that_follow_each_other():
    deadlines = Deadlines(SOON_S, look_every_s=SOON_S)
    for _ in range(2):
        assert asyncio.run(asyncio.wait_for(stay(deadlines), 5)) == "late"


class Work:
    """Some work that is looked after, and what became of it."""

    def __init__(self, deadlines, **given):
        self.deadlines = deadlines
        self.given = given
        self.task = asyncio.ensure_future(self._run())
        self.end = None

    async def _run(self):
        watched = self.watched = self.deadlines.begin(None, **self.given)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.end = watched.take_back()
        finally:
            self.deadlines.end(watched)


KEY = ("s-1", int, 1)


async def test_work_is_cancelled_by_the_key_of_its_request_and_no_other():
    deadlines = Deadlines(10)
    work = Work(deadlines, key=KEY)
    await asyncio.sleep(0)
    for origin, call_id in (("s-2", 1), ("s-1", "1"), ("s-1", 2), ("s-1", None), ("s-1", [])):
        deadlines.cancel(origin, call_id)
    assert not work.watched.is_cancelled

    deadlines.cancel("s-1", 1)
    deadlines.cancel("s-1", 1)
    async with asyncio.timeout(5):
        await work.task

    assert work.end is True
    assert work.watched.is_cancelled


async def test_an_id_used_twice_belongs_to_the_later_request():
    deadlines = Deadlines(10)
    first, second = Work(deadlines, key=KEY), Work(deadlines, key=KEY)
    await asyncio.sleep(0)
    first.task.cancel()
    await asyncio.wait([first.task], timeout=5)
    assert first.end is False  # it was not ended by us

    deadlines.cancel("s-1", 1)
    async with asyncio.timeout(5):
        await second.task

    assert second.end is True


async def test_work_that_stops_itself_is_only_told():
    deadlines = Deadlines(10)
    work = Work(deadlines, key=KEY, stops_itself=True)
    await asyncio.sleep(0)

    deadlines.cancel("s-1", 1)
    await asyncio.sleep(0)

    assert work.watched.is_cancelled
    assert not work.task.done()
    work.task.cancel()
    await asyncio.wait([work.task], timeout=5)


async def test_a_sign_of_life_gives_the_time_anew():
    deadlines = Deadlines(10)
    work = Work(deadlines)
    await asyncio.sleep(0)
    work.watched.deadline = 0.0

    work.watched.extend()

    assert work.watched.deadline > 0
    work.watched.extend(1000)
    assert work.watched.deadline > 1000
    work.task.cancel()
    await asyncio.wait([work.task], timeout=5)
