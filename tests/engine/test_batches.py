"""Batches, in the one revision that has them."""

import pytest
from engine_double import (
    fault,
    initialize,
    modern,
    request,
    say,
    told,
)

from atoms_mcp.identity.caller import READ_SCOPE
from atoms_mcp.identity.errors import Unauthenticated


@pytest.mark.requirement("batch-receive", "batch-initialize")
async def test_a_batch_is_answered_in_the_one_revision_that_has_them(bench):
    headers = await bench.open("2025-03-26")
    batch = [
        say(1),
        {"jsonrpc": "2.0", "method": "notifications/x"},
        say("1"),
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        initialize("2025-03-26", 3),
        {"jsonrpc": "1.0", "id": 4},
        7,
        request("no/such", 5),
    ]
    reply = await bench.send(batch, headers=headers)

    answers = [(one["id"], one.get("error", {}).get("code")) for one in told(reply)]
    assert reply.status == 200
    assert answers == [
        (1, None),
        ("1", None),
        (3, -32600),
        (4, -32600),
        (None, -32600),
        (5, -32601),
    ]


@pytest.mark.requirement("batch-accepted")
async def test_a_batch_without_requests_is_taken_without_a_word(bench):
    note = {"jsonrpc": "2.0", "method": "notifications/x"}

    reply = await bench.send([note, note], headers=await bench.open("2025-03-26"))

    assert (reply.status, reply.body) == (202, None)


@pytest.mark.requirement("batch-empty", "t24-batches")
@pytest.mark.parametrize("count", [0, 51])
async def test_a_batch_has_one_to_fifty_messages(bench, count):
    headers = await bench.open("2025-03-26")

    assert fault(await bench.send([say()] * count, headers=headers)) == (400, None, -32600)
    assert bench.tools.seen == []


async def test_the_members_of_a_batch_are_worked_on_side_by_side(bench):
    bench.tools.go.set()
    wait = request("tools/call", 2, name="wait")

    reply = await bench.send([say()] * 49 + [wait], headers=await bench.open("2025-03-26"))

    assert len(told(reply)) == 50


@pytest.mark.requirement("http-one-message")
@pytest.mark.parametrize("revision", ["2025-11-25", "2025-06-18", "2024-11-05"])
async def test_other_sessions_have_no_batches(bench, revision):
    headers = await bench.open(revision)

    assert fault(await bench.send([say()], headers=headers)) == (400, None, -32600)


@pytest.mark.requirement("http-one-message")
async def test_there_is_no_batch_without_a_session_or_in_the_modern_era(bench):
    message, headers = modern("tools/list")

    assert fault(await bench.send([message])) == (400, None, -32600)
    assert fault(await bench.send([message], headers=headers)) == (400, "absent", -32600)


async def test_a_member_without_the_right_does_not_undo_the_others(bench):
    headers = await bench.open("2025-03-26")
    batch = [say(1), request("tools/call", 2, name="write")]

    reply = await bench.send(batch, headers=headers, scopes=frozenset({READ_SCOPE}))

    first, second = told(reply)
    assert first["result"]["isError"] is False
    assert second["result"]["content"][0]["text"].startswith("forbidden: ")


async def test_a_batch_with_a_foreign_token_is_refused_before_anything_is_done(bench):
    headers = await bench.open("2025-03-26")

    with pytest.raises(Unauthenticated):
        await bench.send([say(1), say(2, auth_token="t-bob")], headers=headers)
    assert bench.tools.seen == []
