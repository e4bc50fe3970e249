"""The connections to one Redis or Valkey: short waits, one kind of fault, back by itself.

What is slow is as good as lost here, since callers wait. After a fault everybody is told so at
once for a moment, and then one of them asks again. Of the URL nothing is ever shown but host
and port: it may carry a password.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import structlog

from atoms_mcp.errors import ConfigError
from atoms_mcp.store.store import StoreDown

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool, Redis

CONNECT_S = 1.0
ANSWER_S = 1.0
TOTAL_S = 2.0
# How long it stays lost before somebody asks again.
PAUSE_S = 1.0
MAX_CONNECTIONS = 64

Answer = TypeVar("Answer")

log = structlog.get_logger()


class RedisLink:
    """A pool of connections, made as they are needed. `clock` is monotonic.

    Raises:
        ConfigError: the extra is not installed, or `url` is none of Redis.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            from redis import asyncio as redis  # noqa: PLC0415 - an extra most servers do without
            from redis import exceptions  # noqa: PLC0415 - as above
            from redis.asyncio.retry import Retry  # noqa: PLC0415 - as above
            from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
        except ImportError as exc:
            raise ConfigError(
                ["ATOMS_REDIS_URL needs an extra: pip install 'atoms-mcp[redis]'"]
            ) from exc
        try:
            self.pool: BlockingConnectionPool = redis.BlockingConnectionPool.from_url(
                url,
                max_connections=MAX_CONNECTIONS,
                timeout=ANSWER_S,
                socket_connect_timeout=CONNECT_S,
                socket_timeout=ANSWER_S,
                # Once more at once: a connection of the pool may have died with the last server.
                retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
                decode_responses=True,
                # Nothing of the third is needed, and it takes more steps to connect.
                protocol=2,
            )
        except ValueError as exc:
            raise ConfigError(
                ["ATOMS_REDIS_URL is not a URL like redis://:password@redis.internal:6379/0"]
            ) from exc
        self.client: Redis = redis.Redis(connection_pool=self.pool)
        self._clock = clock
        self.faults = (exceptions.RedisError, OSError, TimeoutError)
        self._is_lost = False
        self._again_at = float("-inf")

    @property
    def place(self) -> str:
        """Host and port (or the socket) for people to read."""
        where = self.pool.connection_kwargs
        return str(where.get("path") or f"{where.get('host')}:{where.get('port', 6379)}")

    async def ask(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Give what `call` gives; it uses `client` or `pool`.

        Raises:
            StoreDown: it was refused, took too long, or was lost a moment ago.
        """
        now = self._clock()
        if now < self._again_at:
            raise self._down()
        if self._is_lost:  # one asks, and the others are not kept waiting for it
            self._again_at = now + PAUSE_S
        try:
            async with asyncio.timeout(TOTAL_S):
                answer = await call()
        except self.faults as exc:
            if not self._is_lost:
                log.warning("redis.lost", place=self.place, fault=type(exc).__name__)
            self._is_lost = True
            self._again_at = self._clock() + PAUSE_S
            raise self._down() from exc
        if self._is_lost:
            log.info("redis.back", place=self.place)
        self._is_lost = False
        self._again_at = float("-inf")
        return answer

    async def close(self) -> None:
        """Let go of all connections."""
        await self.client.aclose()
        await self.pool.disconnect()

    def _down(self) -> StoreDown:
        return StoreDown(f"Redis at {self.place} cannot be asked")
