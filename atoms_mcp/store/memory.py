"""Marks that live for a while: what was ended or used up must stay so until it expires.

One process knows them. Bounded: past `max_marks` the oldest one is dropped.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

MAX_MARKS = 100_000


class MemoryStore:
    """The store of a server that is one process."""

    def __init__(self, *, now: Callable[[], float] = time.time, max_marks: int = MAX_MARKS) -> None:
        self._now = now
        self._max_marks = max_marks
        self._until: OrderedDict[str, float] = OrderedDict()

    async def mark(self, key: str, until: float) -> None:
        """Remember `key` until then (Unix seconds)."""
        self._until[key] = until
        self._until.move_to_end(key)
        self._drop_old()

    async def is_marked(self, key: str) -> bool:
        """Tell whether `key` was marked and the mark has not expired."""
        until = self._until.get(key)
        if until is None:
            return False
        if until <= self._now():
            del self._until[key]
            return False
        return True

    def _drop_old(self) -> None:
        """Drop what is expired at the front, and the oldest where there are too many."""
        now = self._now()
        while self._until:
            key, until = next(iter(self._until.items()))
            if until > now and len(self._until) <= self._max_marks:
                return
            del self._until[key]
