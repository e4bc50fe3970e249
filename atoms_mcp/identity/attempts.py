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
from atoms_mcp.store.counters import Counters

# For how long an attempt waits for others to end; Supabase's own answer comes on top.
WAIT_S = 8.0

Keys = list[tuple[RateLimitItem, str]]


class TooManyFailures(TooOften):
    """The account or the address has to wait."""


@dataclass(slots=True)
class Attempt:
    """One attempt that is under way; whoever makes it says here how it ended."""

    is_failure: bool = False
    is_success: bool = False


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

        A success clears the failures of its account, never those of the address: whoever
        has one account could wipe away guesses at others.

        Raises:
            TooManyFailures: no attempt is due before a while.
        """
        keys: Keys = []
        if self._per_account is not None:
            # What is counted may be read by others; who has an account is not their business.
            digest = hashlib.sha256(account_key(account).encode()).hexdigest()[:32]
            keys.append((self._per_account, f"account:{digest}"))
        if self._per_address is not None:
            keys.append((self._per_address, f"address:{address_key(address)}"))
        try:
            async with asyncio.timeout(WAIT_S):
                await self._take_places(keys)
        except TimeoutError:
            raise TooManyFailures(1) from None
        attempt = Attempt()
        try:
            yield attempt
        finally:
            try:
                await self._count(attempt, keys)
            finally:
                self._give_back(keys)

    async def _take_places(self, keys: Keys) -> None:
        """Wait until one more failure would still be within every limit."""
        while keys:
            next_end = self._next_end
            windows = [await self._counters.look(rate, key) for rate, key in keys]
            if any(window.remaining <= 0 for window in windows):
                raise TooManyFailures(
                    max(window.retry_after_s for window in windows if window.remaining <= 0)
                )
            # One that has ended meanwhile may be missing in what was read: then read again.
            if not next_end.is_set():
                if all(
                    self._running[key] < window.remaining
                    for (_, key), window in zip(keys, windows, strict=True)
                ):
                    break
                await next_end.wait()
        self._running.update(key for _, key in keys)

    async def _count(self, attempt: Attempt, keys: Keys) -> None:
        for rate, key in keys:
            if attempt.is_failure:
                await self._counters.hit(rate, key)
            elif attempt.is_success and rate is self._per_account:
                await self._counters.clear(rate, key)

    def _give_back(self, keys: Keys) -> None:
        for _, key in keys:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]
        self._next_end.set()
        self._next_end = asyncio.Event()
