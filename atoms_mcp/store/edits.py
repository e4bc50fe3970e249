"""Values that several may change at the same moment, without one undoing what another did.

A change is computed from the value as it is and put in its place only if that is still so;
otherwise it is computed anew. So `change` has to be without effects, and may be applied to what
it gave itself: an answer of the store may be lost after it was obeyed.
"""

import asyncio
import weakref
from collections.abc import Callable
from typing import Final

from atoms_mcp.store.store import Store, StoreDown

# In this process they wait for each other; only other processes come between.
MAX_TRIES: Final = 20


class Edits:
    """Changes the values of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def edit(
        self,
        key: str,
        change: Callable[[str | None], str],
        until: float,
        *,
        is_spare: bool = False,
    ) -> str:
        """Put what `change` makes of the value under `key`, and give it; None is no entry.

        `key` must hold no mark, and `until` must not be over.

        Raises:
            StoreDown: as the store, or others change this value all the time.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            for _ in range(MAX_TRIES):
                before = await self._store.get(key)
                after = change(before)
                if await self._store.swap(key, before, after, until, is_spare=is_spare):
                    return after
        raise StoreDown("an entry changes faster than it can be read")
