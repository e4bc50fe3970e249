"""One call for many who want the same at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Flight(Generic[Key, Value]):
    """Runs at most one call per key at a time; everybody who asks meanwhile shares its end.

    The call goes on when one of those who wait is cancelled, since the others still want it.
    """

    def __init__(self) -> None:
        self._tasks: dict[Key, asyncio.Task[Value]] = {}

    async def share(self, key: Key, call: Callable[[], Awaitable[Value]]) -> Value:
        """Give what `call` gives, or raise what it raises."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(call))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(task)

    def _land(self, key: Key, done: asyncio.Task[Value]) -> None:
        del self._tasks[key]
        if not done.cancelled():
            # Reading it marks it as seen: all who waited may have been cancelled.
            done.exception()


async def _run(call: Callable[[], Awaitable[Value]]) -> Value:
    return await call()
