"""Rate limits as the real Auth has them: a bucket of tokens for each client address.

Source: Supabase Auth API.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from atoms_mcp.settings import parse_rate

BURST = 30
ADDRESS_LIMIT = 10_000


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
