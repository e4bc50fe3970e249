"""One who listens for changes, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal

from atoms_mcp.identity.caller import Caller

# How it ended: the server or the token gave out, or nobody is there to hear.
Ending = Literal["over", "gone"]


class Gate:
    """Keeps what is told back until the client knows that it is being told."""

    __slots__ = ("_held", "_push")

    def __init__(self, push: Callable[[bytes], None]) -> None:
        self._push = push
        self._held: list[bytes] | None = []

    def push(self, message: bytes) -> None:
        """Send a message without waiting, or keep it until the gate is open."""
        if self._held is None:
            self._push(message)
        else:
            self._held.append(message)

    def open(self) -> None:
        """Send what was kept, and keep nothing back any more."""
        held, self._held = self._held or [], None
        for message in held:
            self._push(message)


class Listener:
    """A stream of 2026-07-28, or all that a session listens for.

    `push` sends a message without waiting; `tag` is what the messages of this stream carry.
    `is_gone` tells whether the client has left. `find_caller` gives who listens, as long as the
    token is good, and `expires_at` (Unix seconds) is when it ends; `on_end` is called then.
    """

    __slots__ = (
        "_ended",
        "ending",
        "expires_at",
        "find_caller",
        "is_gone",
        "lists",
        "on_end",
        "push",
        "tag",
        "uris",
        "user_id",
    )

    def __init__(  # noqa: PLR0913 - each is a fact of its own, given by name
        self,
        user_id: str,
        push: Callable[[bytes], None],
        *,
        lists: Iterable[str] = (),
        uris: Iterable[str] = (),
        tag: bytes = b"",
        is_gone: Callable[[], bool] | None = None,
        find_caller: Callable[[], Awaitable[Caller]],
        expires_at: float,
    ) -> None:
        self.user_id = user_id
        self.push = push
        self.lists = frozenset(lists)
        self.uris = set(uris)
        self.tag = tag
        self.is_gone = is_gone
        self.find_caller = find_caller
        self.expires_at = expires_at
        self.on_end: Callable[[], None] | None = None
        self.ending: Ending | None = None
        self._ended: asyncio.Future[None] | None = None

    async def wait(self) -> Ending:
        """Wait until it ends, and give how it did."""
        if self.ending is None:
            self._ended = asyncio.get_running_loop().create_future()
            await self._ended
        assert self.ending is not None  # noqa: S101 - it has just ended
        return self.ending

    def end(self, ending: Ending) -> None:
        """End it; a second time changes nothing."""
        if self.ending is None:
            self.ending = ending
            if self._ended is not None and not self._ended.done():
                self._ended.set_result(None)
            if self.on_end is not None:
                self.on_end()
