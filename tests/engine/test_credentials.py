"""Who calls, by whatever a message says of it."""

import asyncio

import orjson
import pytest
from engine_double import (
    ALL,
    MODERN,
    SAY_HI,
    fault,
    modern,
    say,
    told,
)
from structlog.testing import capture_logs

from atoms_mcp.identity.caller import READ_SCOPE
from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":[]}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"arguments":{"auth_token":"t-ada"}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"auth_token":"t-ada"}}',
        b'{"auth_token":"t-ada"}',
        b'[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"auth_token":"t-ada"}}}]',
    ],
)
async def test_a_stranger_learns_nothing_but_to_sign_in(bench, raw):
    with pytest.raises(Unauthenticated) as refused:
        await bench.send(raw, who=None)

    assert refused.value.reason is None


def with_token(token, name="whoami"):
    return modern("tools/call", {"name": name, "arguments": {"auth_token": token}})


async def test_a_token_among_the_arguments_says_who_calls_where_no_header_does(bench):
    message, headers = with_token("t-bob")

    reply = await bench.send(message, who=None, headers=headers)

    assert told(reply)["result"]["structuredContent"] == {"user": "id-bob"}
    assert bench.book.asked == ["t-bob"]


@pytest.mark.parametrize("token", ["t-eve", ""])
async def test_a_token_that_is_not_accepted_says_why(bench, token):
    message, headers = with_token(token)

    with pytest.raises(Unauthenticated, match="expired"):
        await bench.send(message, who=None, headers=headers)


@pytest.mark.parametrize("token", [5, True, ["t-ada"], {"a": 1}])
async def test_a_token_that_is_no_text_is_refused(bench, token):
    message, headers = with_token(token)

    for who in (None, "ada"):
        with pytest.raises(Unauthenticated):
            await bench.send(message, who=who, headers=headers)
    assert bench.book.asked == []


async def test_an_argument_never_changes_the_user_of_the_header(bench):
    message, headers = with_token("t-bob")

    with pytest.raises(Unauthenticated, match="differs"):
        await bench.send(message, who="ada", headers=headers)


@pytest.mark.parametrize("token", ["t-ada", None])
async def test_the_token_is_gone_before_anything_sees_the_arguments(bench, token):
    message, headers = modern("tools/call", SAY_HI)
    message["params"]["arguments"]["auth_token"] = token

    with capture_logs() as lines:
        reply = await bench.send(message, headers=headers)

    assert reply.error_code is None
    assert bench.tools.seen == [("id-ada", {"text": "hi"})]
    assert lines == []


async def test_a_token_that_cannot_be_checked_is_no_answer_about_it(bench):
    bench.book.known["t-x"] = SupabaseError("down", "x")
    message, headers = with_token("t-x")

    with pytest.raises(SupabaseError):
        await bench.send(message, who=None, headers=headers)


@pytest.mark.requirement("sess-is-no-right")
async def test_a_session_needs_its_owner_also_by_argument(bench):
    headers = await bench.open("2025-06-18", who="ada")

    reply = await bench.send(say(auth_token="t-bob"), who=None, headers=headers)

    assert fault(reply) == (404, 1, -32600)


@pytest.mark.requirement("tools-access")
async def test_a_call_beyond_the_granted_scopes_is_a_challenge(bench):
    message, headers = modern("tools/call", {"name": "write"})

    with pytest.raises(InsufficientScope) as refused:
        await bench.send(message, headers=headers, scopes=frozenset({READ_SCOPE}))
    assert refused.value.needed == "atoms:write"


async def test_a_token_that_expires_on_the_way_is_a_challenge(bench):
    bench.tools.fault = CallerExpired("PGRST303")

    with pytest.raises(CallerExpired):
        await bench.ask(MODERN, "tools/call", {"name": "fail"})


@pytest.mark.requirement("t22-answers")
@pytest.mark.parametrize("revision", ALL)
async def test_two_users_under_equal_ids_get_their_own_answers(bench, revision):
    users = ["ada", "bob"] * 10

    replies = await asyncio.gather(
        *(bench.ask(revision, "tools/call", {"name": "whoami"}, call_id=1, who=u) for u in users)
    )

    found = [orjson.loads(told(reply)["result"]["content"][0]["text"])["user"] for reply in replies]
    assert found == [f"id-{user}" for user in users]
