import pytest
from engine_double import ALL, MODERN, Bench, frame_of, initialize, request, told
from offer_double import OFFER

from atoms_mcp.engine.pace import Pace
from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.jsonrpc import RpcError


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(2, 60, now=clock)


def test_a_user_may_make_so_many_calls_and_no_more(pace):
    pace.take("ada")
    pace.take("ada")

    with pytest.raises(ToolError, match="rate_limited") as caught:
        pace.take("ada")

    assert caught.value.details == {"retry_after_s": 60}


def test_users_do_not_count_against_each_other(pace):
    for user in ("ada", "bob", "ada", "bob"):
        pace.take(user)


def test_after_the_window_all_begin_anew(pace, clock):
    pace.take("ada")
    pace.take("ada")
    clock.now += 59.7
    with pytest.raises(ToolError) as caught:
        pace.take("ada")
    assert caught.value.details == {"retry_after_s": 1}

    clock.now += 0.3

    pace.take("ada")


def test_without_a_limit_nothing_is_counted():
    pace = Pace()

    for _ in range(100):
        pace.take("ada")


@pytest.mark.requirement("tools-rate")
@pytest.mark.parametrize("revision", ALL)
async def test_a_call_too_many_is_an_error_that_says_when_to_repeat_it(revision):
    bench = Bench(pace=Pace(1 if revision == MODERN else 3))
    say = {"name": "say", "arguments": {"text": "hi"}}
    assert not told(await bench.ask(revision, "tools/call", say))["result"]["isError"]

    result = told(await bench.ask(revision, "tools/call", say))["result"]

    assert result["isError"]
    assert result["content"][0]["text"].startswith("rate_limited: You may make ")


@pytest.mark.requirement("compl-rate")
async def test_completions_count_as_calls_do():
    bench = Bench(OFFER, pace=Pace(1))
    asked = {
        "ref": {"type": "ref/prompt", "name": "explain"},
        "argument": {"name": "topic", "value": "pa"},
    }
    assert "result" in told(await bench.ask(MODERN, "completion/complete", asked))

    reply = await bench.ask(MODERN, "completion/complete", asked)

    assert (reply.status, reply.error_code) == (429, 429)
    assert told(reply)["error"]["data"]["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("logging/setLevel", {"level": "info"}),
        ("resources/subscribe", {"uri": "test://static"}),
        ("resources/unsubscribe", {"uri": "test://static"}),
    ],
)
async def test_what_a_session_wants_to_hear_counts_as_calls_do(method, params):
    bench = Bench(OFFER, pace=Pace(3))
    headers = await bench.open("2025-11-25")
    replies = [await bench.send(request(method, **params), headers=headers) for _ in range(3)]

    assert [reply.error_code for reply in replies] == [None, None, 429]
    assert replies[-1].status == 429


async def test_to_listen_counts_as_calls_do():
    bench = Bench(OFFER, pace=Pace(0))

    reply = await bench.ask(MODERN, "subscriptions/listen", {"notifications": {}}, voice=Notes())

    assert (reply.status, reply.error_code) == (429, 429)


async def test_sessions_are_opened_and_ended_no_faster_than_calls_are_made():
    bench = Bench(pace=Pace(3))
    headers = await bench.open("2025-11-25")
    one, another = (
        frame_of(session_id=(await bench.open("2025-11-25"))["Mcp-Session-Id"]),
        frame_of(session_id=headers["Mcp-Session-Id"]),
    )
    await bench.engine.end_session(one)

    with pytest.raises(RpcError) as refused:
        await bench.engine.end_session(another)
    reply = await bench.send(initialize("2025-11-25"))

    assert (refused.value.code, refused.value.status) == (429, 429)
    assert (reply.status, reply.error_code, reply.session_id) == (429, 429, None)
    assert told(reply)["error"]["data"]["retry_after_s"] <= 60
    assert (await bench.send(initialize("2025-11-25"), who="bob")).session_id
