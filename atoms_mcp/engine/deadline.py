"""Work that ends: at its deadline, or soon after the one who asked for it has left.

One timer watches both, because a timer is what costs something on a request that takes no time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from atoms_mcp.errors import AtomsError

LOOK_EVERY_S = 0.25

Answer = TypeVar("Answer")


class DeadlinePassed(AtomsError):  # noqa: N818 - says what is the case
    """The work was stopped because it took too long."""


class _Watch:
    """Cancels the running task when its time is up, or when `is_gone` says so."""

    __slots__ = ("_deadline", "_handle", "_is_gone", "_loop", "_task", "is_late")

    def __init__(self, limit_s: float, is_gone: Callable[[], bool] | None) -> None:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - requests are answered in tasks
        self._task = task
        self._is_gone = is_gone
        self._deadline = self._loop.time() + limit_s
        self.is_late = False
        first_s = limit_s if is_gone is None else min(LOOK_EVERY_S, limit_s)
        self._handle = self._loop.call_later(first_s, self._look)

    def _look(self) -> None:
        if self._is_gone is not None and self._is_gone():
            self._task.cancel()
            return
        left_s = self._deadline - self._loop.time()
        # Timers may fire a clock tick early.
        if left_s <= 0.001:  # noqa: PLR2004 - one millisecond
            self.is_late = True
            self._task.cancel()
            return
        wait_s = left_s if self._is_gone is None else min(LOOK_EVERY_S, left_s)
        self._handle = self._loop.call_later(wait_s, self._look)

    def stop(self) -> None:
        self._handle.cancel()


async def finish(
    work: Awaitable[Answer], *, limit_s: float, is_gone: Callable[[], bool] | None = None
) -> Answer:
    """Wait for the work in the running task, but not for ever.

    Raises:
        DeadlinePassed: it took longer than `limit_s`.
        CancelledError: its client has gone, or somebody else stopped it.
    """
    watch = _Watch(limit_s, is_gone)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.is_late and _take_back():
            raise DeadlinePassed(f"stopped after {limit_s:g} s") from None
        raise
    finally:
        watch.stop()


def _take_back() -> bool:
    """Take back our own cancellation; False where somebody else wants this task to stop as well."""
    task = asyncio.current_task()
    return task is not None and task.uncancel() == 0
