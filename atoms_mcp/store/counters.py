"""How often something has happened within a fixed window: the counts behind every limit.

Each process counts for itself. Where there is a Redis, it counts for all of them and its
counts decide. While it is lost those of the process do: a limit bites later then, and stays.
"""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter, RateLimiter

from atoms_mcp.store.redis_link import RedisLink
from atoms_mcp.store.store import StoreDown

PREFIX = "atoms:limits"
# Nobody is told to wait longer; whoever comes back too soon is told again.
MAX_RETRY_AFTER_S = 300

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Window:
    """What is left of a window; where nothing is, for how long to wait (1 to 300 s, else 0)."""

    remaining: int
    retry_after_s: int


class Counters:
    """Counts in this process, and in the Redis of `link` for all processes that share it."""

    def __init__(self, link: RedisLink | None = None) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = None if link is None else (link, _share(link))

    async def look(self, rate: RateLimitItem, key: str) -> Window:
        """Give the window of `key` as it is now."""
        shared = await self._ask(lambda limiter: _look(limiter, rate, key))
        return shared or await _look(self._own, rate, key)

    async def hit(self, rate: RateLimitItem, key: str) -> bool:
        """Count once more, and tell whether that was still within the rate."""
        # Here in any case, so that nobody starts anew by the loss of Redis.
        own = await self._own.hit(rate, key)
        shared = await self._ask(lambda limiter: limiter.hit(rate, key))
        return own if shared is None else shared

    async def clear(self, rate: RateLimitItem, key: str) -> None:
        """Forget what was counted for `key`."""
        await self._own.clear(rate, key)
        await self._ask(lambda limiter: limiter.clear(rate, key))

    async def _ask(self, call: Callable[[RateLimiter], Awaitable[Answer]]) -> Answer | None:
        """Give what `call` gives of the shared counts; None while there are none."""
        if self._shared is None:
            return None
        link, limiter = self._shared
        try:
            return await link.ask(lambda: call(limiter))
        except StoreDown:
            return None


async def _look(limiter: RateLimiter, rate: RateLimitItem, key: str) -> Window:
    name = rate.key_for(key)
    remaining = rate.amount - await limiter.storage.get(name)
    if remaining > 0:  # the library asks for the end in any case, which is one more trip
        return Window(remaining, 0)
    wait_s = math.ceil(await limiter.storage.get_expiry(name) - time.time())
    return Window(0, min(max(wait_s, 1), MAX_RETRY_AFTER_S))


def _share(link: RedisLink) -> RateLimiter:
    """Count over the connections of the link, which looks after time limits and outages."""
    storage = RedisStorage(
        "async+redis://",
        implementation="redispy",
        key_prefix=PREFIX,
        connection_pool=link.pool,  # type: ignore[arg-type] # the one option that is no scalar
    )
    return FixedWindowRateLimiter(storage)
