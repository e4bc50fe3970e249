"""On a transport with one client, without headers or challenges."""

import asyncio

import pytest
from engine_double import (
    LEGACY,
    Pipe,
    fault,
    initialize,
    modern,
    say,
    told,
)


async def test_a_modern_request_needs_no_headers_where_there_are_none(bench):
    assert (await Pipe(bench).call("whoami"))["structuredContent"] == {"user": "id-ada"}


async def test_discovery_and_lists_need_no_login_there(bench):
    for method in ("server/discover", "tools/list"):
        message, _ = modern(method)
        assert "result" in told(await Pipe(bench, who=None).send(message))


async def test_a_missing_login_is_told_as_a_result_there(bench):
    error = (await Pipe(bench, who=None).call("whoami"))["structuredContent"]["error"]

    assert (error["code"], error["message"]) == (
        "unauthenticated",
        "Nobody is signed in: no login is kept.",
    )


async def test_a_token_among_the_arguments_counts_there(bench):
    pipe = Pipe(bench, who=None)

    found = await pipe.call("whoami", auth_token="t-bob")
    assert found["structuredContent"] == {"user": "id-bob"}
    refused = await pipe.call("whoami", auth_token="t-eve")
    assert refused["structuredContent"]["error"]["code"] == "unauthenticated"


@pytest.mark.requirement("life-once")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_handshake_opens_the_connection_once(bench, revision):
    pipe = Pipe(bench)
    assert fault(await pipe.send(say()))[1:] == (1, -32600)
    opened = await pipe.send(initialize(revision))

    assert opened.session_id is None
    assert told(opened)["result"]["protocolVersion"] == revision
    assert "isError" in told(await pipe.send(say()))["result"]
    assert fault(await pipe.send(initialize(revision)))[1:] == (0, -32600)
    assert (await pipe.call("whoami"))["structuredContent"] == {"user": "id-ada"}
    batch = await pipe.send([say()])
    assert isinstance(told(batch), list) == (revision == "2025-03-26")


async def test_a_notification_is_let_go_before_the_handshake_there(bench):
    reply = await Pipe(bench).send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert reply.body is None


@pytest.mark.requirement("canc-stop")
@pytest.mark.parametrize("call_id", [7, "7"])
async def test_a_request_is_cancelled_by_its_id_and_gets_no_answer(bench, call_id):
    pipe = Pipe(bench)
    message, _ = modern("tools/call", {"name": "wait"}, call_id=call_id)
    task = asyncio.ensure_future(pipe.send(message))
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    async with asyncio.timeout(5):
        await bench.tools.entered.wait()
        other = str(call_id) if isinstance(call_id, int) else int(call_id)
        await pipe.send({**cancel, "params": {"requestId": other}})
        assert not bench.tools.cancelled.is_set()
        await pipe.send({**cancel, "params": {"requestId": call_id}})
        assert (await task).body is None
    assert bench.tools.cancelled.is_set()


@pytest.mark.requirement("canc-race", "canc-unknown")
async def test_a_cancellation_that_comes_too_late_does_no_harm(bench):
    pipe = Pipe(bench)
    message, _ = modern("tools/call", {"name": "whoami"}, call_id=7)
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}

    for _ in range(2):
        assert told(await pipe.send(message))["result"]["structuredContent"] == {"user": "id-ada"}
        assert (await pipe.send(cancel)).body is None
