"""The list of connected clients, kept up to date beside the way of a token, never in it.

The list is the user's own (a table under row-level security) and for the user's eyes; no token
depends on it. So what is written there is tried once, in the background, and a failure is told
in the log and to nobody else.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.connections import Connection, Connections, TableMissing

# More than this at once means that nobody answers; then it is not worth a task any more.
MAX_TASKS = 100
CLOSE_S = 2

log = structlog.get_logger()


class Ledger:
    """Writes to the list of connections in the background."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_missing_told = False

    def record(self, connection: Connection, token: str) -> None:
        """Enter a connection as the user of `token` (a Supabase access token)."""
        self._begin(self._connections.record(connection, token))

    def touch(self, gid: str, token: str) -> None:
        """Note that a connection was used."""
        self._begin(self._connections.touch(gid, token))

    def remove(self, gid: str, token: str) -> None:
        """Strike a connection off."""
        self._begin(self._connections.remove(gid, token))

    async def clear(self, token: str) -> None:
        """Strike all of the user's connections off, and wait until that was tried."""
        await self._run(self._connections.clear(token))

    async def close(self) -> None:
        """Let what is under way end, within two seconds."""
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks, timeout=CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _begin(self, write: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= MAX_TASKS:
            write.close()
            return
        task = asyncio.create_task(self._run(write))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, write: Coroutine[Any, Any, None]) -> None:
        try:
            await write
        except TableMissing as exc:
            if not self._is_missing_told:
                self._is_missing_told = True
                log.warning("connections.missing", hint=str(exc))
        except AtomsError as exc:
            log.warning("connections.failed", fault=str(exc))
