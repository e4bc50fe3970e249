"""Channels that reach all processes which share a Redis.

All messages go through one channel of Redis, to every process: they are few and short. So there
is one connection that listens, and a subscription begins without a trip over the network.

Redis keeps nothing for who is not connected. A lost connection is made again by itself; who
listens is told that messages may have been missed. In this process they arrive in any case.

Source: https://redis.io/docs/latest/develop/pubsub/.
"""

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from atoms_mcp.store.channels import Channels
from atoms_mcp.store.redis_link import ANSWER_S, PAUSE_S, RedisLink

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

CHANNEL = "atoms:channels"
# After so long without a message the connection is tried; an answer has to come as soon.
SILENCE_S = 15.0

log = structlog.get_logger()


class RedisChannels(Channels):
    """The channels of this process, connected to those of others from the first subscription on."""

    def __init__(self, link: RedisLink, *, silence_s: float = SILENCE_S) -> None:
        super().__init__()
        self._link = link
        self._silence_s = silence_s
        self._origin = secrets.token_hex(8)
        self._reader: asyncio.Task[None] | None = None
        self._is_live = asyncio.Event()
        self._is_first = True

    async def publish(self, name: str, message: str) -> None:
        """Give a message to all subscribers, those of other processes included.

        Raises:
            StoreDown: it reached those of this process only.
        """
        self.deliver(name, message)
        sent = orjson.dumps([self._origin, name, message])
        await self._link.ask(lambda: self._link.client.publish(CHANNEL, sent))

    async def connect(self) -> None:
        """Connect, and wait for that a moment: without Redis it comes later, by itself."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._is_live.wait()

    async def close(self) -> None:
        """Listen to other processes no longer."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None

    async def _read(self) -> None:
        """Listen for ever, on one connection after the other."""
        while True:
            pubsub = self._link.client.pubsub()
            try:
                await pubsub.subscribe(CHANNEL)
                await self._read_connection(pubsub)
            except (*self._link.faults, EOFError) as exc:
                self._lose(type(exc).__name__)
            except Exception as exc:
                # Whatever it is: if nobody listened any more, nobody would come to know of it.
                log.exception("channels.failed", place=self._link.place)
                self._lose(type(exc).__name__)
            finally:
                with suppress(*self._link.faults):
                    await pubsub.aclose()  # type: ignore[no-untyped-call] # it has no types
            await asyncio.sleep(PAUSE_S)

    def _lose(self, fault: str) -> None:
        if self._is_live.is_set():
            log.warning("channels.lost", place=self._link.place, fault=fault)
        self._is_live.clear()

    async def _read_connection(self, pubsub: "PubSub") -> None:
        """Take messages until the connection breaks.

        Raises:
            TimeoutError: nothing comes any more, not even an answer.
        """
        was_asked = False
        while True:
            message = await pubsub.get_message(timeout=self._silence_s)
            was_asked = await self._look(pubsub, message, was_asked=was_asked)

    async def _look(
        self, pubsub: "PubSub", message: dict[str, Any] | None, *, was_asked: bool
    ) -> bool:
        """Take a message; without one ask whether there is still somebody, and tell so."""
        if message is not None:
            self._take(message)
            return False
        if was_asked:
            raise TimeoutError
        await pubsub.ping()
        return True

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            # The first one, or one on a connection that was made anew, by us or by the library.
            if not self._is_first:
                log.info("channels.back", place=self._link.place)
                self.deliver_gap()
            self._is_first = False
            self._is_live.set()
        elif message["type"] == "message":
            self._pass_on(message["data"])

    def _pass_on(self, sent: bytes) -> None:
        """Give a message of another process to those who listen here."""
        try:
            origin, name, said = orjson.loads(sent)
        except (ValueError, TypeError):
            origin, name, said = None, None, None
        if type(name) is not str or type(said) is not str:
            # Another program's, or one of another version; those after it can be read again.
            log.warning("channels.unread", place=self._link.place, size_bytes=len(sent))
        elif origin != self._origin:
            self.deliver(name, said)
