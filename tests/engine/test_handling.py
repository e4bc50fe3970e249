"""How work begins and ends: callers, deadlines, and clients that do not wait any more."""

import asyncio
from dataclasses import replace

import pytest
from engine_double import LEGACY, MODERN, NOTHING, Bench, caller, modern, request, told
from offer_double import patient

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import can_challenge
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import Resource
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.errors import ToolError


def cancel(call_id):
    params = {"requestId": call_id}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


@pytest.mark.requirement("canc-over-http", "t21-cancel")
@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize("call_id", [7, "7"])
async def test_a_request_of_a_session_is_cancelled_by_its_id(revision, call_id):
    bench = Bench()
    headers = await bench.open(revision)
    stranger = await bench.open(revision, who="bob")
    again = await bench.open(revision)
    message = request("tools/call", call_id, name="wait", arguments={})
    task = asyncio.ensure_future(bench.send(message, headers=headers))

    async with asyncio.timeout(5):
        await bench.tools.entered.wait()
        other = str(call_id) if isinstance(call_id, int) else int(call_id)
        await bench.send(cancel(other), headers=headers)
        await bench.send(cancel(call_id), headers=stranger, who="bob")
        await bench.send(cancel(call_id), headers=again)
        assert not bench.tools.cancelled.is_set()
        await bench.send(cancel(call_id), headers=headers)
        reply = await task

    assert (reply.status, reply.body) == (202, None)
    assert bench.tools.cancelled.is_set()


@pytest.mark.requirement("canc-unknown")
@pytest.mark.parametrize("call_id", [None, [], {}, 1.5, "made-up"])
async def test_a_cancellation_of_nothing_is_passed_over(call_id):
    bench = Bench()

    reply = await bench.send(cancel(call_id), headers=await bench.open("2025-11-25"))

    assert (reply.status, reply.body) == (202, None)


async def test_work_that_looks_for_it_ends_by_itself_when_it_is_cancelled():
    tool, entered, seen = patient()
    bench = Bench(Offer((tool,)))
    headers = await bench.open("2025-11-25")
    task = asyncio.ensure_future(
        bench.send(request("tools/call", 1, name="patient"), headers=headers)
    )

    async with asyncio.timeout(5):
        await entered.wait()
        await bench.send(cancel(1), headers=headers)
        reply = await task

    assert seen == ["stopped"]
    assert (reply.status, reply.body) == (202, None)


@pytest.mark.requirement("canc-stop")
async def test_a_cancelled_request_that_ends_with_an_error_gets_no_answer_either():
    tool, entered, _ = patient()

    async def work(context, arguments):
        await tool.handler(context, arguments)
        raise ToolError("cancelled", "the call was cancelled.", fix="Leave it so.")

    bench = Bench(Offer((replace(tool, handler=work),)))
    headers = await bench.open("2025-11-25")
    task = asyncio.ensure_future(
        bench.send(request("tools/call", 1, name="patient"), headers=headers)
    )

    async with asyncio.timeout(5):
        await entered.wait()
        await bench.send(cancel(1), headers=headers)
        reply = await task

    assert (reply.status, reply.body) == (202, None)


async def test_it_ends_by_itself_too_when_its_client_leaves():
    tool, entered, seen = patient()
    bench = Bench(Offer((tool,)))
    message, headers = modern("tools/call", {"name": "patient"})

    async with asyncio.timeout(5):
        await bench.send(message, headers=headers, is_gone=entered.is_set)

    assert seen == ["stopped"]


async def test_work_that_reports_progress_may_take_longer():
    async def work(context, _arguments):
        for step in range(8):
            await asyncio.sleep(0.005)
            await context.progress(step + 1)
        return {"ok": True}

    tool = Tool("long", "L.", work, NOTHING)
    bench = Bench(Offer((tool,)), call_limit_s=0.02)

    result = told(await bench.ask(MODERN, "tools/call", {"name": "long"}))["result"]

    assert result["structuredContent"] == {"ok": True}


async def test_a_tool_may_have_a_limit_of_its_own():
    async def work(_context, _arguments):
        await asyncio.Event().wait()

    bench = Bench(Offer((Tool("stuck", "S.", work, NOTHING, limit_s=0.01),)))

    async with asyncio.timeout(5):
        result = told(await bench.ask(MODERN, "tools/call", {"name": "stuck"}))["result"]

    assert "stopped after 0.01 s" in result["content"][0]["text"]


async def test_a_read_that_takes_too_long_is_an_error_that_says_so():
    async def work(_context):
        await asyncio.Event().wait()

    bench = Bench(Offer(resources=(Resource("a://b", "b", work),)), call_limit_s=0.01)

    async with asyncio.timeout(5):
        reply = await bench.ask(MODERN, "resources/read", {"uri": "a://b"})

    assert told(reply)["error"]["code"] == -32603
    assert "stopped after 0.01 s" in told(reply)["error"]["message"]


async def test_a_task_that_others_end_is_not_kept():
    bench = Bench()
    message, headers = modern("tools/call", {"name": "wait"})
    task = asyncio.ensure_future(bench.send(message, headers=headers))
    async with asyncio.timeout(5):
        await bench.tools.entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_was_begun_cannot_be_refused_as_a_whole():
    voice = Notes()
    frame = Frame("r-1", caller=caller(), can_challenge=True, voice=voice)
    assert can_challenge(frame)

    await voice.send(b"{}")

    assert not can_challenge(frame)
    assert not can_challenge(Frame("r-1"))
    assert can_challenge(Frame("r-1", can_challenge=True))
