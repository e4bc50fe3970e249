"""Work that ends: at its deadline, or soon after the one who asked for it has left.

One timer looks after all calls of an engine. A timer for each would be the dearest part of a
call that takes no time (measured: 10 us for `asyncio.timeout`, 2 for `call_later`, 0.5 so).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from atoms_mcp.errors import AtomsError

LOOK_EVERY_S = 0.25


class DeadlinePassed(AtomsError):  # noqa: N818 - says what is the case
    """The work was stopped because it took too long."""


class Watched:
    """One piece of work: the task that does it, and when that is to stop."""

    __slots__ = ("deadline", "is_gone", "is_late", "task")

    def __init__(
        self, task: asyncio.Task[Any], deadline: float, is_gone: Callable[[], bool] | None
    ) -> None:
        self.task = task
        self.deadline = deadline
        self.is_gone = is_gone
        self.is_late = False

    def look(self, now: float) -> None:
        """Cancel the task if its time is up, or its client has left."""
        if self.is_late:
            return
        if now >= self.deadline:
            self.is_late = True
            self.task.cancel()
        elif self.is_gone is not None and self.is_gone():
            self.is_gone = None
            self.task.cancel()

    def take_back(self) -> bool:
        """Take back the cancellation of a late task; False where others want it to stop, too."""
        return self.is_late and self.task.uncancel() == 0


class Deadlines:
    """Looks after the work that is going on, every `look_every_s` while there is any."""

    def __init__(self, limit_s: float, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self.limit_s = limit_s
        self._look_every_s = look_every_s
        self._open: set[Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        # The loop of the last call: to ask for the task of a known loop costs no system call.
        self._last: asyncio.AbstractEventLoop | None = None

    def begin(self, is_gone: Callable[[], bool] | None) -> Watched:
        """Look after the running task from now on, until `end`."""
        loop = self._last
        task = None if loop is None else asyncio.current_task(loop)
        if loop is None or task is None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - messages are answered in tasks
            loop = self._last = task.get_loop()
        watched = Watched(task, time.monotonic() + self.limit_s, is_gone)
        self._open.add(watched)
        if self._loop is not loop:  # nothing was going on, or it was in a loop that has ended
            self._loop = loop
            loop.call_later(self._look_every_s, self._look, loop)
        return watched

    def end(self, watched: Watched) -> None:
        """Look after it no longer."""
        self._open.discard(watched)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for watched in self._open:
            watched.look(now)
        if self._open:
            loop.call_later(self._look_every_s, self._look, loop)
        else:
            self._loop = None
