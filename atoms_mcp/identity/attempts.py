"""How often a sign-in may fail, per account and per address, for all doors together.

Only failures count. Attempts that run at the same time count as if they failed until they
end, and wait for one another where that matters: otherwise a burst of guesses would be
through before the first of them has failed.

Each process knows of its own attempts alone, so a burst over several of them that share their
counts gets as many guesses too many as are under way in the others at that moment: with N
processes at most N times the limit, once in a window.

Source: OWASP ASVS 5.0 section 6.3 (throttling); NIST SP 800-63B section 5.2.2.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limits import RateLimitItem

from atoms_mcp.identity.credentials import account_key, address_key
from atoms_mcp.identity.quota import TooOften
from atoms_mcp.settings import parse_rate
from atoms_mcp.store.counters import Counters, Window

# For how long an attempt waits for others to end; Supabase's own answer comes on top.
WAIT_S = 8.0


class TooManyFailures(TooOften):
    """The account or the address has to wait."""


@dataclass(slots=True)
class Attempt:
    """One attempt that is under way; whoever makes it says here how it ended."""

    is_failure: bool = False
    is_success: bool = False


@dataclass(frozen=True, slots=True)
class _Limit:
    rate: RateLimitItem
    key: str
    is_account: bool


class Attempts:
    """Counts failures in `counters` (this process's own unless given).

    Rates are like "10 per 5 minute"; None lifts a limit.
    """

    def __init__(
        self,
        *,
        per_account: str | None,
        per_address: str | None,
        counters: Counters | None = None,
    ) -> None:
        self._counters = counters or Counters()
        self._per_account = None if per_account is None else parse_rate(per_account)
        self._per_address = None if per_address is None else parse_rate(per_address)
        self._running: Counter[str] = Counter()
        # Set when the next attempt ends, and replaced by another one then.
        self._next_end = asyncio.Event()

    @asynccontextmanager
    async def begin(self, account: str, address: str | None) -> AsyncIterator[Attempt]:
        """Hold a place for one attempt while it runs, and count it if it fails.

        A success clears the failures that its account had, never those of the address: whoever
        has one account could wipe away guesses at others.

        Raises:
            TooManyFailures: no attempt is due before a while.
        """
        limits = self._find_limits(account, address)
        try:
            async with asyncio.timeout(WAIT_S):
                windows = await self._take_places(limits)
        except TimeoutError:
            raise TooManyFailures(1) from None
        attempt = Attempt()
        try:
            yield attempt
        finally:
            try:
                await self._count(attempt, limits, windows)
            finally:
                self._give_back(limits)

    def _find_limits(self, account: str, address: str | None) -> list[_Limit]:
        limits = []
        if self._per_account is not None:
            # What is counted may be read by others; who has an account is not their business.
            digest = hashlib.sha256(account_key(account).encode()).hexdigest()[:32]
            limits.append(_Limit(self._per_account, f"account:{digest}", is_account=True))
        if self._per_address is not None:
            key = f"address:{address_key(address)}"
            limits.append(_Limit(self._per_address, key, is_account=False))
        return limits

    async def _take_places(self, limits: list[_Limit]) -> list[Window]:
        """Wait until one more failure would still be within every limit; give their windows."""
        while True:
            next_end = self._next_end
            windows = [await self._counters.look(limit.rate, limit.key) for limit in limits]
            waits_s = [window.retry_after_s for window in windows if window.remaining <= 0]
            if waits_s:
                raise TooManyFailures(max(waits_s))
            # One that has ended meanwhile may be missing in what was read: then read again.
            if next_end.is_set():
                continue
            pairs = zip(limits, windows, strict=True)
            if all(self._running[limit.key] < window.remaining for limit, window in pairs):
                self._running.update(limit.key for limit in limits)
                return windows
            await next_end.wait()

    async def _count(self, attempt: Attempt, limits: list[_Limit], windows: list[Window]) -> None:
        for limit, window in zip(limits, windows, strict=True):
            has_failures = window.remaining < limit.rate.amount
            if attempt.is_failure:
                await self._counters.hit(limit.rate, limit.key)
            elif attempt.is_success and limit.is_account and has_failures:
                await self._counters.clear(limit.rate, limit.key)

    def _give_back(self, limits: list[_Limit]) -> None:
        for limit in limits:
            self._running[limit.key] -= 1
            if not self._running[limit.key]:
                del self._running[limit.key]
        self._next_end.set()
        self._next_end = asyncio.Event()
