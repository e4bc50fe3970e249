import pytest
from engine_double import ALL, MODERN, Bench, told
from offer_double import OFFER

from atoms_mcp.engine.pace import Pace
from atoms_mcp.errors import ToolError


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
    bench = Bench(pace=Pace(1))
    say = {"name": "say", "arguments": {"text": "hi"}}
    assert not told(await bench.ask(revision, "tools/call", say))["result"]["isError"]

    result = told(await bench.ask(revision, "tools/call", say))["result"]

    assert result["isError"]
    assert result["content"][0]["text"].startswith("rate_limited: You may make 1 calls in 60 s")


@pytest.mark.requirement("compl-rate")
async def test_completions_count_as_calls_do():
    bench = Bench(OFFER, pace=Pace(1))
    asked = {
        "ref": {"type": "ref/prompt", "name": "explain"},
        "argument": {"name": "topic", "value": "pa"},
    }
    assert "result" in told(await bench.ask(MODERN, "completion/complete", asked))

    error = told(await bench.ask(MODERN, "completion/complete", asked))["error"]

    assert error["data"]["code"] == "rate_limited"
