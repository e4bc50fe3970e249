"""How often a sign-in may fail, per account and per address, for all doors together.

Only failures count. Attempts that run at the same time count as if they failed until they
end, and wait for one another where that matters: otherwise a burst of guesses would be
through before the first of them has failed.

Source: OWASP ASVS 5.0 section 6.3 (throttling); NIST SP 800-63B section 5.2.2.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.credentials import address_key
from atoms_mcp.settings import parse_rate

MAX_RETRY_AFTER_S = 300


class TooManyFailures(AtomsError):  # noqa: N818 - says what is the case
    """The account or address has to wait; `retry_after_s` is at least 1."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed sign-ins; wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class Attempt:
    """One attempt that is under way; whoever makes it says here how it ended."""

    is_failure: bool = False
    is_success: bool = False


class Attempts:
    """Counts failures in `storage` (this process's memory unless given).

    Rates are like "10 per 5 minute"; None lifts a limit.
    """

    def __init__(
        self,
        *,
        per_account: str | None,
        per_address: str | None,
        storage: Storage | None = None,
    ) -> None:
        self._limiter = FixedWindowRateLimiter(storage or MemoryStorage())
        self._per_account = None if per_account is None else parse_rate(per_account)
        self._per_address = None if per_address is None else parse_rate(per_address)
        self._running: Counter[str] = Counter()
        self._ended = asyncio.Condition()

    @asynccontextmanager
    async def begin(self, account: str, address: str | None) -> AsyncIterator[Attempt]:
        """Hold a place for one attempt while it runs, and count it if it fails.

        A success clears the failures of its account, never those of the address: whoever
        has one account could wipe away guesses at others.

        Raises:
            TooManyFailures: no attempt is due before a while.
        """
        keys: list[tuple[RateLimitItem, str]] = []
        if self._per_account is not None:
            keys.append((self._per_account, f"account:{account}"))
        if self._per_address is not None:
            keys.append((self._per_address, f"address:{address_key(address)}"))
        await self._take_places(keys)
        attempt = Attempt()
        try:
            yield attempt
        finally:
            await self._end(attempt, keys)

    async def _take_places(self, keys: list[tuple[RateLimitItem, str]]) -> None:
        async with self._ended:
            while not await self._has_places(keys):
                await self._ended.wait()
            self._running.update(key for _, key in keys)

    async def _has_places(self, keys: list[tuple[RateLimitItem, str]]) -> bool:
        """Tell whether one more failure would still be within every limit."""
        is_free = True
        for rate, key in keys:
            window = await self._limiter.get_window_stats(rate, key)
            if window.remaining <= 0:
                wait_s = math.ceil(window.reset_time - time.time())
                raise TooManyFailures(min(max(wait_s, 1), MAX_RETRY_AFTER_S))
            is_free = is_free and self._running[key] < window.remaining
        return is_free

    async def _end(self, attempt: Attempt, keys: list[tuple[RateLimitItem, str]]) -> None:
        async with self._ended:
            for rate, key in keys:
                if attempt.is_failure:
                    await self._limiter.hit(rate, key)
                elif attempt.is_success and rate is self._per_account:
                    await self._limiter.clear(rate, key)
                self._running[key] -= 1
                if not self._running[key]:
                    del self._running[key]
            self._ended.notify_all()
