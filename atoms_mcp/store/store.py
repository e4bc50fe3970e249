"""What a store is: marks and short texts that outlive a request, each until a time of its own.

Keys are made by us and bounded; what is in a value is sealed by whoever puts it there. There
is one set of keys: a mark is an entry without a value. Times are Unix seconds, and an entry
whose time is over is as if it had never been.

Most entries guard something: that a code is used once, that a grant is over, that a login goes
on. What a user makes at will, and can do without, is `is_spare`: where room is short it goes
first, so that nobody pushes out what guards others. Who keeps an entry says which it is.

Besides it carries messages to whoever listens at the moment; of those nothing is kept. A store
of one machine carries them within its process only.
"""

from typing import Protocol

from atoms_mcp.errors import AtomsError
from atoms_mcp.store.channels import Subscription


class StoreDown(AtomsError):  # noqa: N818 - says what is the case
    """The store cannot be asked; nothing is known of what it holds, nor of what was to be kept."""


class Store(Protocol):
    """Shared by all requests, and by all processes that use the same file or the same Redis.

    Every method raises `StoreDown` where the store cannot be asked.
    """

    async def mark(self, key: str, until: float, *, is_spare: bool = False) -> None:
        """Remember `key` until then; marking again moves the end."""

    async def is_marked(self, key: str) -> bool:
        """Tell whether `key` is there: marked, taken or put, and not over."""

    async def take_once(self, key: str, until: float, *, is_spare: bool = False) -> bool:
        """Mark `key` and tell whether this call did it: true for exactly one of all takers.

        False, too, where `until` is over: what has expired cannot be used any more.
        """

    async def put(self, key: str, value: str, until: float, *, is_spare: bool = False) -> None:
        """Keep a value under `key`, in place of what was there."""

    async def swap(
        self, key: str, before: str | None, after: str, until: float, *, is_spare: bool = False
    ) -> bool:
        """Put `after` where the value is `before`, and tell whether it was; None is no entry.

        See `edits` for how a value is changed that others may change as well.
        """

    async def get(self, key: str) -> str | None:
        """Give the value under `key`; None where there is no entry, or one without a value."""

    async def delete(self, key: str) -> None:
        """Forget `key`; one that is not there is no fault."""

    async def publish(self, channel: str, message: str) -> None:
        """Give a message to all who listen to `channel` now, in this process and in others.

        Those of this process have it even where the store cannot be asked. `message` must not
        be empty.
        """

    def subscribe(self, channel: str) -> Subscription:
        """Give the messages of `channel`: entered with `async with`, read with `async for`.

        Never raises `StoreDown`: it says `GAP` where messages may have been missed. Who
        publishes hears it as well.
        """

    async def ping(self) -> None:
        """Raise `StoreDown` where nothing could be kept now."""

    async def close(self) -> None:
        """Let go of file or connections; nothing is asked afterwards."""
