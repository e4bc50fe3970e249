"""The requests of one connection that are being worked on, so that they can be cancelled by id.

Belongs to one client: ids are that client's choice and must never be looked up across clients.
"""

import asyncio
from typing import Any

from atoms_mcp.protocol.jsonrpc import Id


class InFlight:
    """The tasks behind the open requests of one connection."""

    def __init__(self) -> None:
        # 1 and "1" are two ids, and equal text must not hide that; so the type is in the key.
        self._tasks: dict[tuple[type, Id], asyncio.Task[Any]] = {}

    def add(self, call_id: Id) -> None:
        """Note that the running task works on a request."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - requests are answered in tasks
        self._tasks[type(call_id), call_id] = task

    def remove(self, call_id: Id) -> None:
        """Note that the running task has done with a request."""
        key = (type(call_id), call_id)
        if self._tasks.get(key) is asyncio.current_task():
            del self._tasks[key]

    def cancel(self, call_id: object) -> None:
        """Stop the work on a request; an id that is unknown or finished is passed over.

        Source: MCP 2026-07-28 basic/patterns/cancellation.
        """
        if isinstance(call_id, int | str):
            task = self._tasks.get((type(call_id), call_id))
            if task is not None:
                task.cancel()
