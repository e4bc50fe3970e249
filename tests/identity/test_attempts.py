import asyncio
import subprocess
import sys

import pytest

from atoms_mcp.identity import attempts as module
from atoms_mcp.identity.attempts import Attempts, TooManyFailures
from atoms_mcp.identity.quota import TooOften
from atoms_mcp.store.counters import Counters
from atoms_mcp.store.redis_link import RedisLink

# Guesses the same password fifty times at once; prints how many of them got through.
GUESSER = """
import asyncio, sys
from atoms_mcp.identity.attempts import Attempts, TooManyFailures
from atoms_mcp.store.counters import Counters
from atoms_mcp.store.redis_link import RedisLink
async def main():
    link = RedisLink(sys.argv[1])
    attempts = Attempts(
        per_account="10 per 5 minute", per_address=None, counters=Counters(link)
    )
    tried = 0
    async def guess():
        nonlocal tried
        async with attempts.begin("ada", None) as attempt:
            tried += 1
            await asyncio.sleep(0.05)
            attempt.is_failure = True
    await link.ask(link.client.ping)
    print("ready", flush=True)
    sys.stdin.readline()
    outcomes = await asyncio.gather(*(guess() for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(one, TooManyFailures) for one in outcomes) == 50 - tried, outcomes
    await link.close()
    print(tried)
asyncio.run(main())
"""


def make(per_account="3 per 5 minute", per_address="5 per 5 minute"):
    return Attempts(per_account=per_account, per_address=per_address)


async def fail(attempts, account="ada", address="192.0.2.1"):
    async with attempts.begin(account, address) as attempt:
        attempt.is_failure = True


async def succeed(attempts, account="ada", address="192.0.2.1"):
    async with attempts.begin(account, address) as attempt:
        attempt.is_success = True


async def test_an_account_has_to_wait_after_its_failures():
    attempts = make()
    for number in range(3):
        await fail(attempts, address=f"192.0.2.{number}")

    with pytest.raises(TooManyFailures) as caught:
        await succeed(attempts, address="192.0.2.9")
    assert 1 <= caught.value.retry_after_s <= 300

    await succeed(attempts, account="bob", address="192.0.2.9")


async def test_an_address_has_to_wait_whatever_the_account():
    attempts = make()
    for number in range(5):
        await fail(attempts, account=f"user{number}")

    with pytest.raises(TooManyFailures):
        await succeed(attempts, account="ada")
    await succeed(attempts, account="ada", address="192.0.2.2")


async def test_neighbours_in_one_network_are_one_address():
    attempts = make()
    for number in range(5):
        await fail(attempts, account=f"user{number}", address=f"2001:db8::{number + 1}")

    with pytest.raises(TooManyFailures):
        await succeed(attempts, account="ada", address="2001:db8::ffff")


async def test_successes_do_not_count():
    attempts = make()
    for _ in range(20):
        await succeed(attempts)


async def test_what_is_neither_does_not_count():
    attempts = make()
    for _ in range(20):
        async with attempts.begin("ada", "192.0.2.1"):
            pass


async def test_a_success_clears_its_account_and_not_its_address():
    attempts = make(per_address="4 per 5 minute")
    await fail(attempts)
    await fail(attempts)
    await succeed(attempts)
    await fail(attempts)
    await fail(attempts)

    with pytest.raises(TooManyFailures):
        await fail(attempts, account="bob")


async def test_a_burst_of_guesses_gets_no_further_than_single_ones():
    attempts, tried = make(), 0

    async def guess():
        nonlocal tried
        async with attempts.begin("ada", "192.0.2.1") as attempt:
            tried += 1
            await asyncio.sleep(0)
            attempt.is_failure = True

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*(guess() for _ in range(50)), return_exceptions=True)

    assert tried == 3
    assert sum(isinstance(outcome, TooManyFailures) for outcome in outcomes) == 47


async def test_a_burst_of_good_logins_gets_through():
    attempts = make()

    async def login():
        async with attempts.begin("ada", "192.0.2.1") as attempt:
            await asyncio.sleep(0)
            attempt.is_success = True

    async with asyncio.timeout(5):
        await asyncio.gather(*(login() for _ in range(50)))


async def test_an_attempt_that_breaks_off_gives_its_place_back():
    attempts = make(per_account="1 per 5 minute")
    with pytest.raises(LookupError):
        async with attempts.begin("ada", "192.0.2.1"):
            raise LookupError

    async with asyncio.timeout(5):
        await succeed(attempts)


async def test_the_wait_ends(monkeypatch, clock):
    monkeypatch.setattr("time.time", clock)
    attempts = make()
    for _ in range(3):
        await fail(attempts)
    clock.now += 299
    with pytest.raises(TooManyFailures) as caught:
        await succeed(attempts)
    assert caught.value.retry_after_s == 1

    clock.now += 2
    await succeed(attempts)


async def test_without_rates_nothing_is_limited():
    attempts = Attempts(per_account=None, per_address=None)
    for _ in range(100):
        await fail(attempts)


async def test_a_long_wait_is_told_as_five_minutes():
    attempts = make(per_account="1 per 1 day")
    await fail(attempts)

    with pytest.raises(TooManyFailures) as caught:
        await fail(attempts)
    assert caught.value.retry_after_s == 300


@pytest.mark.parametrize("spelling", ["ADA@acme.example", "\uff41da@acme.example"])
async def test_spellings_of_one_account_are_one(spelling):
    attempts = make()
    for number in range(3):
        await fail(attempts, account="ada@acme.example", address=f"192.0.2.{number}")

    with pytest.raises(TooManyFailures):
        await fail(attempts, account=spelling, address="192.0.2.9")


async def test_two_doors_that_share_their_counts_are_one():
    counters = Counters()
    doors = [
        Attempts(per_account="3 per 5 minute", per_address=None, counters=counters)
        for _ in range(2)
    ]
    for number in range(3):
        await fail(doors[number % 2])

    for door in doors:
        with pytest.raises(TooManyFailures):
            await fail(door)


async def test_the_longer_wait_is_told_where_both_have_to():
    attempts = make(per_account="1 per 100 second", per_address="1 per 200 second")
    await fail(attempts)

    with pytest.raises(TooOften) as caught:
        await fail(attempts)
    assert 190 < caught.value.retry_after_s <= 200


async def test_nobody_waits_for_ever_for_attempts_that_hang(monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", 0.01)
    attempts = make(per_account="1 per 5 minute")
    async with asyncio.timeout(5), attempts.begin("ada", "192.0.2.1"):
        with pytest.raises(TooManyFailures) as caught:
            await fail(attempts)
    assert caught.value.retry_after_s == 1


async def test_a_failure_that_ends_while_another_looks_is_seen(monkeypatch):
    """Between look and place of one attempt, another one ends with the last failure due."""
    attempts = make(per_account="1 per 5 minute", per_address=None)
    looked, go_on = asyncio.Event(), asyncio.Event()
    look = Counters.look

    async def slow_look(self, rate, key):
        window = await look(self, rate, key)
        if first.done():
            return window
        looked.set()
        await go_on.wait()
        return window

    async with asyncio.timeout(5):
        async with attempts.begin("ada", None) as attempt:
            first = asyncio.get_running_loop().create_future()
            monkeypatch.setattr(Counters, "look", slow_look)
            second = asyncio.create_task(fail(attempts))
            await looked.wait()
            attempt.is_failure = True
        first.set_result(None)
        go_on.set()
        with pytest.raises(TooManyFailures):
            await second


async def test_who_is_cancelled_while_it_waits_holds_no_place():
    attempts = make(per_account="1 per 5 minute")
    async with asyncio.timeout(5):
        async with attempts.begin("ada", "192.0.2.1"):
            waiting = asyncio.create_task(succeed(attempts))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await succeed(attempts)


async def test_redis_is_told_nothing_that_names_an_account(redis_server):
    with redis_server.client() as client:
        client.flushall()
        link = RedisLink(redis_server.url)
        attempts = Attempts(per_account="3 per 5 minute", per_address=None, counters=Counters(link))
        await fail(attempts, account="ada@acme.example")
        await link.close()
        keys = list(client.scan_iter())

    assert len(keys) == 1
    assert b"ada" not in keys[0]


def test_a_burst_over_two_processes_gets_no_further_than_what_is_under_way_in_the_other(
    redis_server,
):
    with redis_server.client() as client:
        client.flushall()
    guessers = [
        subprocess.Popen(  # noqa: S603 - our own text
            [sys.executable, "-c", GUESSER, redis_server.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for guesser in guessers:
        assert guesser.stdout.readline() == "ready\n"
    for guesser in guessers:
        guesser.stdin.write("\n")
        guesser.stdin.flush()
    tried = [int(guesser.communicate(timeout=20)[0]) for guesser in guessers]

    assert 10 <= sum(tried) <= 20
