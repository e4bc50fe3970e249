"""The one timer of all open event streams: it keeps quiet ones alive, and finds lost ones.

A timer or a task for each would be the dearest part of a stream that says nothing.
"""

import asyncio
from typing import Final, Protocol

from aiohttp import web

LOOK_EVERY_S: Final = 1.0
# Proxies close what is quiet for a minute, many earlier.
QUIET_LOOKS: Final = 15


class Beating(Protocol):
    """What is looked after."""

    def look(self, turn: int) -> None:
        """See how it is; `turn` counts the looks."""


class Pulse:
    """Looks after streams every `look_every_s`, while there are any."""

    def __init__(self, look_every_s: float = LOOK_EVERY_S) -> None:
        self._look_every_s = look_every_s
        self._open: set[Beating] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._turn = 0

    @property
    def turn(self) -> int:
        """How often was looked so far."""
        return self._turn

    def add(self, stream: Beating) -> None:
        """Look after a stream from now on."""
        self._open.add(stream)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._look_every_s, self._look, loop)

    def remove(self, stream: Beating) -> None:
        """Look after it no longer."""
        self._open.discard(stream)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turn += 1
        turn = self._turn
        for stream in list(self._open):
            stream.look(turn)
        self._timer = None
        if self._open:
            self._timer = loop.call_later(self._look_every_s, self._look, loop)


PULSE = web.AppKey("pulse", Pulse)
