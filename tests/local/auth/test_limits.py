import pytest

from atoms_mcp.local.auth import limits
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.limits import Buckets, Limits, read_limits, take
from atoms_mcp.settings import StackSettings, load


class Turned:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def test_a_burst_passes_and_then_the_rate_counts():
    clock = Turned()
    buckets = Buckets("150 per 5 minute", now=clock)

    assert [buckets.take("a") for _ in range(31)] == [True] * 30 + [False]
    clock.now_s += 2  # a token every two seconds
    assert [buckets.take("a"), buckets.take("a")] == [True, False]


def test_a_bucket_never_holds_more_than_a_burst():
    clock = Turned()
    buckets = Buckets("150 per 5 minute", burst=2, now=clock)
    buckets.take("a")
    clock.now_s += 3600

    assert [buckets.take("a") for _ in range(3)] == [True, True, False]


def test_addresses_do_not_share_a_bucket():
    buckets = Buckets("1 per minute", burst=1)

    assert buckets.take("a")
    assert buckets.take("b")
    assert not buckets.take("a")


def test_the_number_of_addresses_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "ADDRESS_LIMIT", 2)
    buckets = Buckets("1 per minute", burst=1)

    for address in "abc":
        assert buckets.take(address)

    assert buckets.take("a")  # the longest unseen was forgotten
    assert not buckets.take("c")


def test_limits_are_the_settings_or_none():
    on = read_limits(load(StackSettings, {"ATOMS_RATE_LIMITS": "on"}))
    off = read_limits(load(StackSettings, {"ATOMS_RATE_LIMITS": "off"}))

    assert all(getattr(on, name) for name in Limits.__slots__)
    assert off == Limits()
    assert on.signup is not on.user


def test_a_request_too_many_is_refused():
    buckets = Buckets("1 per 5 minute", burst=1)

    take(None, "a")
    take(buckets, "a")
    take(buckets, None)
    with pytest.raises(AuthError, match="over_request_rate_limit"):
        take(buckets, "a")
