import pytest

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.quota import Quota, TooOften
from atoms_mcp.store.counters import Counters


async def test_an_address_gets_so_many_and_is_told_how_long_to_wait():
    quota = Quota("mail", "2 per 5 minute")
    for _ in range(2):
        await quota.take("192.0.2.1")

    with pytest.raises(TooOften) as caught:
        await quota.take("192.0.2.1")
    assert 1 <= caught.value.retry_after_s <= 300
    assert isinstance(caught.value, AtomsError)
    await quota.take("192.0.2.2")


async def test_neighbours_in_one_network_are_one_address_and_so_are_the_unknown():
    quota = Quota("mail", "1 per 5 minute")
    for one, other in (("2001:db8::1", "2001:db8::ffff"), (None, None)):
        await quota.take(one)
        with pytest.raises(TooOften):
            await quota.take(other)


async def test_quotas_that_share_their_counts_are_apart():
    counters = Counters()
    mails = Quota("mail", "1 per 5 minute", counters)
    await mails.take("192.0.2.1")
    await Quota("registration", "1 per 5 minute", counters).take("192.0.2.1")

    with pytest.raises(TooOften):
        await Quota("mail", "1 per 5 minute", counters).take("192.0.2.1")


async def test_without_a_rate_nothing_is_limited():
    quota = Quota("mail", None)
    for _ in range(100):
        await quota.take("192.0.2.1")
