"""The store of several processes and machines: entries in Redis or Valkey, beside others' keys.

Redis forgets entries itself when their time is over. It must not drop them earlier
(`maxmemory-policy noeviction`): a forgotten mark lets a code be used twice. So nothing is dropped
here, be it spare or not; what a user may keep is bounded by whoever keeps it.

Source: https://redis.io/docs/latest/commands/set/; https://redis.io/docs/latest/commands/eval/.
"""

import math
import secrets
import time
from collections.abc import Callable

from atoms_mcp.store.channels import Subscription
from atoms_mcp.store.redis_channels import RedisChannels
from atoms_mcp.store.redis_link import RedisLink

PREFIX = "atoms:"
# Before a value, which tells it from a mark.
VALUE = "value:"
# Older servers know no condition but that there is nothing yet.
SWAP = """
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
return 1
"""


class RedisStore:
    """Keeps entries in the Redis at `url`; nothing is connected before it is needed.

    Raises:
        ConfigError: the extra is not installed, or `url` is none of Redis.
    """

    def __init__(self, url: str, *, now: Callable[[], float] = time.time) -> None:
        self.link = RedisLink(url)
        self._client = self.link.client
        self._channels = RedisChannels(self.link)
        self._now = now

    async def mark(self, key: str, until: float, *, is_spare: bool = False) -> None:  # noqa: ARG002 - nothing is dropped
        """As `Store.mark`."""
        await self._set(key, "", until)

    async def is_marked(self, key: str) -> bool:
        """As `Store.is_marked`."""
        return bool(await self.link.ask(lambda: self._client.exists(PREFIX + key)))

    async def take_once(self, key: str, until: float, *, is_spare: bool = False) -> bool:  # noqa: ARG002 - as `mark`
        """As `Store.take_once`.

        Each taker leaves a sign of its own, so that one whose first answer was lost with its
        connection finds that it was itself who took it.
        """
        life_ms = self._life_ms(until)
        if life_ms <= 0:
            return False
        sign = f"taken:{secrets.token_hex(8)}"
        name = PREFIX + key
        if await self.link.ask(lambda: self._client.set(name, sign, nx=True, px=life_ms)):
            return True
        return await self._find(name) == sign

    async def put(self, key: str, value: str, until: float, *, is_spare: bool = False) -> None:  # noqa: ARG002 - as `mark`
        """As `Store.put`."""
        await self._set(key, VALUE + value, until)

    async def swap(
        self,
        key: str,
        before: str | None,
        after: str,
        until: float,
        *,
        is_spare: bool = False,  # noqa: ARG002 - as `mark`
    ) -> bool:
        """As `Store.swap`."""
        life_ms = self._life_ms(until)
        if life_ms <= 0:
            return False
        name, value = PREFIX + key, VALUE + after
        if before is None:
            asked = self.link.ask(lambda: self._client.set(name, value, nx=True, px=life_ms))
        else:
            said = (name, VALUE + before, value, life_ms)
            asked = self.link.ask(lambda: self._client.eval(SWAP, 1, *said))
        return bool(await asked)

    async def get(self, key: str) -> str | None:
        """As `Store.get`."""
        kept = await self._find(PREFIX + key)
        return kept.removeprefix(VALUE) if kept is not None and kept.startswith(VALUE) else None

    async def delete(self, key: str) -> None:
        """As `Store.delete`."""
        await self.link.ask(lambda: self._client.delete(PREFIX + key))

    async def publish(self, channel: str, message: str) -> None:
        """As `Store.publish`."""
        await self._channels.publish(channel, message)

    def subscribe(self, channel: str) -> Subscription:
        """As `Store.subscribe`."""
        return self._channels.subscribe(channel)

    async def ping(self) -> None:
        """As `Store.ping`."""
        await self.link.ask(self._client.ping)

    async def close(self) -> None:
        """As `Store.close`."""
        await self._channels.close()
        await self.link.close()

    async def _find(self, name: str) -> str | None:
        kept = await self.link.ask(lambda: self._client.get(name))
        return None if kept is None else str(kept)  # the link decodes; the types do not know

    async def _set(self, key: str, kept: str, until: float) -> None:
        life_ms = self._life_ms(until)
        if life_ms <= 0:
            await self.delete(key)
            return
        await self.link.ask(lambda: self._client.set(PREFIX + key, kept, px=life_ms))

    def _life_ms(self, until: float) -> int:
        """Give how long from now, for the two clocks may differ."""
        return math.ceil((until - self._now()) * 1000)
