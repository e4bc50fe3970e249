import asyncio

import pytest

from atoms_mcp.engine.listening.listener import Gate, Listener


def make_listener():
    return Listener("ada", print, find_caller=print, expires_at=1.0)


@pytest.mark.parametrize("ending", ["over", "gone"])
async def test_who_waits_is_told_how_it_ended(ending):
    listener = make_listener()
    waiting = asyncio.ensure_future(listener.wait())
    await asyncio.sleep(0)
    listener.end(ending)
    listener.end("gone")

    async with asyncio.timeout(5):
        assert await waiting == ending


async def test_what_has_ended_is_not_waited_for():
    listener = make_listener()
    listener.end("over")

    async with asyncio.timeout(5):
        assert await listener.wait() == "over"


async def test_an_end_after_nobody_waits_any_more_is_no_fault():
    listener = make_listener()
    waiting = asyncio.ensure_future(listener.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)

    listener.end("gone")

    assert listener.ending == "gone"


async def test_the_end_is_called_out_once():
    listener, ends = make_listener(), []
    listener.on_end = lambda: ends.append(listener.ending)
    listener.end("over")
    listener.end("over")

    assert ends == ["over"]


def test_what_comes_before_the_gate_is_open_comes_first_after_that():
    told = []
    gate = Gate(told.append)
    gate.push(b"1")
    gate.push(b"2")
    assert told == []

    gate.open()
    gate.push(b"3")
    gate.open()

    assert told == [b"1", b"2", b"3"]
