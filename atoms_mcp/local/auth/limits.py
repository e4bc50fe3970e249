"""Rate limits as the real Auth has them: a bucket of tokens for each client address.

Source: Supabase Auth API.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.settings import StackSettings, parse_rate

BURST = 30
ADDRESS_LIMIT = 10_000
# The platform's figures. Mails are counted for the whole project, under one name.
VERIFY_RATE = "30 per 5 minute"
MAIL_REQUEST_RATE = "30 per 5 minute"
FACTOR_RATE = "15 per minute"
CLIENT_RATE = "10 per 5 minute"
MAIL_RATE = "30 per hour"
MAIL_GAP_S = 60.0
EVERYBODY = ""


@dataclass(slots=True)
class Level:
    """How full one bucket was, and when that was so."""

    tokens: float
    at: float


class Buckets:
    """One bucket an address; `rate` is a setting like "150 per 5 minute"."""

    def __init__(
        self, rate: str, *, burst: int = BURST, now: Callable[[], float] = time.monotonic
    ) -> None:
        parsed = parse_rate(rate)
        self._per_s = parsed.amount / parsed.get_expiry()
        self._burst = burst
        self._now = now
        self._levels: OrderedDict[str, Level] = OrderedDict()

    def take(self, address: str) -> bool:
        """Take one token out; False where the bucket is empty."""
        now = self._now()
        level = self._levels.pop(address, None) or Level(self._burst, now)
        level.tokens = min(self._burst, level.tokens + (now - level.at) * self._per_s)
        level.at = now
        is_allowed = level.tokens >= 1
        if is_allowed:
            level.tokens -= 1
        self._levels[address] = level
        if len(self._levels) > ADDRESS_LIMIT:
            self._levels.popitem(last=False)
        return is_allowed


@dataclass(frozen=True, slots=True)
class Limits:
    """What one address may do; None lifts a limit.

    `mails` are all that the project sends; `mail_gap_s` lies between two to one address.
    """

    token: Buckets | None = None
    signup: Buckets | None = None
    user: Buckets | None = None
    verify: Buckets | None = None
    mail_requests: Buckets | None = None
    factors: Buckets | None = None
    clients: Buckets | None = None
    mails: Buckets | None = None
    mail_gap_s: float = 0.0


def read_limits(settings: StackSettings) -> Limits:
    """Give the rate limits as the settings say."""
    if settings.rate_limits == "off":
        return Limits()
    return Limits(
        token=Buckets(settings.token_rate),
        signup=Buckets(settings.signup_rate),
        user=Buckets(settings.signup_rate),
        verify=Buckets(VERIFY_RATE),
        mail_requests=Buckets(MAIL_REQUEST_RATE),
        factors=Buckets(FACTOR_RATE),
        clients=Buckets(CLIENT_RATE, burst=10),
        mails=Buckets(MAIL_RATE),
        mail_gap_s=MAIL_GAP_S,
    )


def take(buckets: Buckets | None, address: str | None) -> None:
    """Count one request of `address`.

    Raises:
        AuthError: over_request_rate_limit (429).
    """
    if buckets is not None and not buckets.take(address or ""):
        raise AuthError(429, "over_request_rate_limit", "Request rate limit reached")
