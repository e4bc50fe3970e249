import asyncio

import pytest

from atoms_mcp.identity.attempts import Attempts, TooManyFailures


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
