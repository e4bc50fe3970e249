"""Work that ends: at its deadline, when it is cancelled, or soon after its client has left.

One timer looks after all calls of an engine. A timer for each would be the dearest part of a
call that takes no time (measured: 10 us for `asyncio.timeout`, 2 for `call_later`, 0.5 so).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from atoms_mcp.errors import AtomsError
from atoms_mcp.protocol.jsonrpc import Id

LOOK_EVERY_S = 0.25
# Who hears nothing for longer may be cut off by a proxy, or give up.
QUIET_S = 15.0

# Whose request it is, and its id. Ids are each client's own choice and must never be looked up
# across clients. 1 and "1" are two ids, and equal text must not hide that: so the type is in it.
Key = tuple[str, type, Id]


class DeadlinePassed(AtomsError):  # noqa: N818 - says what is the case
    """The work was stopped because it took too long."""


class Watched:
    """One piece of work: the task that does it, and when that is to stop.

    `limit_s` is how long it may take without a sign of life. `is_late` and `is_cancelled` say
    what came in between, `is_over` that it has ended. `keep_alive` shows the client once that the
    work goes on, when nothing was heard of it for `QUIET_S`.
    """

    # What most work never changes is the class's until it does.
    is_late = is_cancelled = is_over = False
    keep_alive: Callable[[], None] | None = None

    def __init__(
        self,
        task: asyncio.Task[Any],
        limit_s: float,
        is_gone: Callable[[], bool] | None,
        key: Key | None,
        stops_itself: bool,  # noqa: FBT001 - said by name in the one place that makes these
    ) -> None:
        self.task = task
        self.limit_s = limit_s
        self.deadline = time.monotonic() + limit_s
        self._is_gone = is_gone
        self.key = key
        self._stops_itself = stops_itself

    def look(self, now: float) -> None:
        """Stop the work if its time is up, or its client has left."""
        if self.is_late:
            return
        if self.keep_alive is not None and now - self.deadline + self.limit_s >= QUIET_S:
            self.keep_alive()
            self.keep_alive = None
        if now >= self.deadline:
            self.is_late = True
            self.task.cancel()
        elif self._is_gone is not None and self._is_gone():
            self._is_gone = None
            if self._stops_itself:
                self.is_cancelled = True
            else:
                self.task.cancel()

    def extend(self, limit_s: float | None = None) -> None:
        """Give it its time anew, or another one: it has shown that it goes on."""
        self.deadline = time.monotonic() + (self.limit_s if limit_s is None else limit_s)

    def cancel(self) -> None:
        """Stop it because its result is not wanted any more; a second time changes nothing."""
        if not self.is_cancelled:
            self.is_cancelled = True
            if not self._stops_itself:
                self.task.cancel()

    def take_back(self) -> bool:
        """Take back a cancellation of ours; False where others want the task to stop, too."""
        return (self.is_late or self.is_cancelled) and self.task.uncancel() == 0


class Deadlines:
    """Looks after the work that is going on, every `look_every_s` while there is any."""

    def __init__(self, limit_s: float, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self.limit_s = limit_s
        self._look_every_s = look_every_s
        self._open: set[Watched] = set()
        self._by_key: dict[Key, Watched] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        # The loop of the last call: to ask for the task of a known loop costs no system call.
        self._last: asyncio.AbstractEventLoop | None = None

    def begin(
        self,
        is_gone: Callable[[], bool] | None,
        limit_s: float | None = None,
        key: Key | None = None,
        *,
        stops_itself: bool = False,
    ) -> Watched:
        """Look after the running task from now on, until `end`.

        By `key` it can be cancelled. `stops_itself` says that the work looks at `is_cancelled`;
        then only its deadline stops it.
        """
        loop = self._last
        task = None if loop is None else asyncio.current_task(loop)
        if loop is None or task is None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - messages are answered in tasks
            loop = self._last = task.get_loop()
        watched = Watched(task, limit_s or self.limit_s, is_gone, key, stops_itself)
        self._open.add(watched)
        if key is not None:
            self._by_key[key] = watched
        if self._loop is not loop:  # nothing was going on, or it was in a loop that has ended
            self._loop = loop
            loop.call_later(self._look_every_s, self._look, loop)
        return watched

    def end(self, watched: Watched) -> None:
        """Look after it no longer; later work of the same key is left alone."""
        watched.is_over = True
        self._open.discard(watched)
        key = watched.key
        if key is not None and self._by_key.get(key) is watched:
            del self._by_key[key]

    def cancel(self, origin: str, call_id: object) -> None:
        """Stop the work on a request; an id that is unknown or finished is passed over.

        Source: MCP 2026-07-28 and 2025-11-25, Cancellation.
        """
        if isinstance(call_id, int | str):
            watched = self._by_key.get((origin, type(call_id), call_id))
            if watched is not None:
                watched.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for watched in self._open:
            watched.look(now)
        if self._open:
            loop.call_later(self._look_every_s, self._look, loop)
        else:
            self._loop = None
