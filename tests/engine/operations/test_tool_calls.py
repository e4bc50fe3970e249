"""Calls of tools, with MCP and without."""

import asyncio

import orjson
import pytest
from engine_double import (
    ALL,
    LEGACY,
    MODERN,
    Bench,
    frame_of,
    told,
)

from atoms_mcp.engine.offer.toolbox import UnknownTool
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.supabase.errors import SupabaseError

STRUCTURED = {MODERN, "2025-11-25", "2025-06-18"}


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize("arguments", [{}, {"arguments": None}, {"arguments": {}}])
async def test_missing_arguments_are_none(bench, revision, arguments):
    reply = await bench.ask(revision, "tools/call", {"name": "whoami", **arguments})

    assert orjson.loads(told(reply)["result"]["content"][0]["text"]) == {"user": "id-ada"}


@pytest.mark.requirement("tools-wrong-arguments")
@pytest.mark.parametrize("revision", ALL)
async def test_what_a_model_can_mend_is_a_result(bench, revision):
    bench.tools.fault = ToolError("conflict", "It changed.", fix="Read it.", details={"at": 4})

    reply = await bench.ask(revision, "tools/call", {"name": "fail"})
    result = told(reply)["result"]

    assert reply.status == 200
    assert reply.error_code == "conflict"
    assert result["isError"] is True
    assert result["content"] == [{"type": "text", "text": "conflict: It changed. Fix: Read it."}]
    if revision in STRUCTURED:
        assert result["structuredContent"] == {
            "ok": False,
            "error": {"code": "conflict", "message": "It changed.", "fix": "Read it.", "at": 4},
        }
    else:
        assert "structuredContent" not in result


@pytest.mark.requirement("tools-wrong-arguments", "tools-validate")
@pytest.mark.parametrize("revision", ALL)
async def test_wrong_arguments_are_a_result_and_reach_no_handler(bench, revision):
    reply = await bench.ask(revision, "tools/call", {"name": "say", "arguments": {"txt": "hi"}})

    text = told(reply)["result"]["content"][0]["text"]
    assert text.startswith("invalid_argument: unknown field txt. Did you mean text?")
    assert bench.tools.seen == []


async def test_older_spellings_reach_the_handler_as_listed_ones(bench):
    await bench.ask(MODERN, "tools/call", {"name": "say", "arguments": {"words": "hi"}})

    assert bench.tools.seen == [("id-ada", {"text": "hi"})]


@pytest.mark.requirement("tools-failures")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SupabaseError("down", "x"), "unavailable"),
        (SupabaseError("slow", "x"), "unavailable"),
        (SupabaseError("wrong", "x"), "unavailable"),
        (SupabaseError("busy", "x", retry_after_s=3), "rate_limited"),
        (SupabaseError("refused", "x"), "internal"),
    ],
)
async def test_what_the_database_does_is_told_as_a_result(bench, error, code):
    bench.tools.fault = error

    reply = await bench.ask(MODERN, "tools/call", {"name": "fail"})

    assert told(reply)["result"]["structuredContent"]["error"]["code"] == code


async def test_a_call_that_takes_too_long_is_stopped_and_says_so():
    bench = Bench(call_limit_s=0.01)

    async with asyncio.timeout(5):
        reply = await bench.ask(MODERN, "tools/call", {"name": "wait"})

    assert told(reply)["result"]["structuredContent"]["error"]["code"] == "unavailable"
    assert bench.tools.cancelled.is_set()


@pytest.mark.requirement("http-close-cancels")
async def test_a_client_that_leaves_stops_a_modern_call(bench):
    task = asyncio.ensure_future(
        bench.ask(MODERN, "tools/call", {"name": "wait"}, is_gone=lambda: True)
    )

    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert bench.tools.cancelled.is_set()


@pytest.mark.requirement("http-close-is-no-cancel")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_client_that_leaves_stops_no_legacy_call(bench, revision):
    looked = []

    def is_gone():
        looked.append(1)
        return True

    task = asyncio.ensure_future(
        bench.ask(revision, "tools/call", {"name": "wait"}, is_gone=is_gone)
    )
    async with asyncio.timeout(5):
        await bench.tools.entered.wait()
        bench.tools.go.set()
        reply = await task
    assert told(reply)["result"]["isError"] is False
    assert looked == []


# Without MCP.


async def test_a_tool_is_called_without_mcp_and_gives_the_bare_result(bench):
    reply = await bench.engine.call_tool("say", {"text": "hi"}, frame_of())

    assert orjson.loads(reply.body) == {
        "content": [{"type": "text", "text": '{"ok":true,"said":"hi"}'}],
        "structuredContent": {"ok": True, "said": "hi"},
        "isError": False,
    }
    assert (reply.tool, reply.error_code) == ("say", None)


async def test_a_token_counts_without_mcp_as_well(bench):
    reply = await bench.engine.call_tool("whoami", {"auth_token": "t-bob"}, frame_of(None))

    assert orjson.loads(reply.body)["structuredContent"] == {"user": "id-bob"}
    with pytest.raises(Unauthenticated):
        await bench.engine.call_tool("whoami", {}, frame_of(None))
    with pytest.raises(Unauthenticated):
        await bench.engine.call_tool("whoami", {"auth_token": "t-bob"}, frame_of("ada"))


async def test_an_unknown_tool_is_told_without_mcp_as_well(bench):
    with pytest.raises(UnknownTool):
        await bench.engine.call_tool("no-such", {}, frame_of())
