"""Keeps the catalogue: read once, read again when the schema changed or a name is missing.

Source: PostgREST reference, "Schema Cache Reloading".
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import asyncpg
import structlog

from atoms_mcp.local.rest.catalogue import Catalogue
from atoms_mcp.local.rest.database import Database
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.introspect import load_catalogue

CHANNEL = "pgrst"
PAYLOADS = frozenset({"", "reload schema"})
RETRY_S = 3.0
RECONNECT_S = 1.0

log = structlog.get_logger()


class CatalogueCache:
    """The catalogue as last read; one reading at a time, shared by all who wait for it."""

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._now = now
        self._known: Catalogue | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[Catalogue] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def get(self) -> Catalogue:
        """Give the catalogue, reading it the first time.

        Raises:
            RestError: 503, there is no database.
        """
        return self._known or await self._shared()

    async def reload(self) -> Catalogue:
        """Read the schema as it is now, also if a reading is under way already.

        Raises:
            RestError: 503, there is no database.
        """
        if self._reading is not None:
            await asyncio.wait([self._reading])  # it may have begun before the change
        return await self._shared()

    async def get_newer(self, seen: Catalogue) -> Catalogue | None:
        """Give a catalogue that is newer than `seen`, at most one reading every few seconds."""
        if self._known is not seen:
            return self._known
        if self._now() - self._read_at < RETRY_S:
            return None
        return await self._shared()

    def start(self) -> None:
        """Begin to listen for `NOTIFY pgrst, 'reload schema'`."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="rest-schema-listener")

    async def stop(self) -> None:
        """Stop listening and reading."""
        tasks = [task for task in (self._listening, self._reading) if task is not None]
        self._listening = self._reading = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _shared(self) -> Catalogue:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="rest-schema-reading")
        # Shielded: one request that is given up must not take the reading from the others.
        return await asyncio.shield(self._reading)

    async def _read(self) -> Catalogue:
        try:
            async with self._database.plain() as connection:
                self._known = await load_catalogue(connection)
            self._read_at = self._now()
            log.info("schema.read", relations=len(self._known.relations))
            return self._known
        finally:
            self._reading = None

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(RestError):
                async with self._database.plain() as connection:
                    await self._follow(connection)
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self, connection: asyncpg.Connection) -> None:
        """Reload for each notice until the connection is lost."""
        notices: asyncio.Queue[str | None] = asyncio.Queue()

        def hear(_c: object, _pid: int, _channel: str, payload: str) -> None:
            notices.put_nowait(payload)

        def miss(_c: object) -> None:
            notices.put_nowait(None)

        connection.add_termination_listener(miss)
        await connection.add_listener(CHANNEL, hear)
        try:
            await self.reload()  # nobody listened until now
            while (payload := await notices.get()) is not None:
                if payload in PAYLOADS:
                    await self.reload()
        finally:
            connection.remove_termination_listener(miss)
            await connection.remove_listener(CHANNEL, hear)
