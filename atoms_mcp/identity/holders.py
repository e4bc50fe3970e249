"""Who lives on a Supabase session: grants of clients, and the browser that signed in.

Whoever is let go is marked as revoked, for as long as what was handed out could be shown again.
A session that several clients share ends with the last of them.
"""

import asyncio
import weakref

import orjson

from atoms_mcp.store.store import Store


class Holders:
    """Keeps in the store which grants live on which session."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def add(self, sid: str, gid: str, until: float) -> None:
        """Let a grant live on the session until then (Unix seconds)."""
        async with self._lock(sid):
            gids = await self.get_all(sid)
            if gid not in gids:
                gids.append(gid)
            await self._store.put(_list_key(sid), orjson.dumps(gids).decode(), until)

    async def remove(self, sid: str, gid: str, until: float) -> None:
        """Take a grant off the session; the others live on until then, at least."""
        async with self._lock(sid):
            gids = [other for other in await self.get_all(sid) if other != gid]
            if gids:
                await self._store.put(_list_key(sid), orjson.dumps(gids).decode(), until)
            else:
                await self._store.delete(_list_key(sid))

    async def get_all(self, sid: str) -> list[str]:
        """Give the grants that live on the session."""
        kept = await self._store.get(_list_key(sid))
        gids: list[str] = [] if kept is None else orjson.loads(kept)
        return gids

    async def has_any(self, sid: str) -> bool:
        """Tell whether any grant lives on the session."""
        return bool(await self.get_all(sid))

    async def revoke(self, holder: str, until: float) -> None:
        """Mark a grant, or a browser, as revoked until then."""
        await self._store.mark(_mark(holder), until)

    async def is_revoked(self, holder: str) -> bool:
        """Tell whether it was revoked, by whatever process."""
        return await self._store.is_marked(_mark(holder))

    def _lock(self, sid: str) -> asyncio.Lock:
        """Give the lock of a session: two who read and write its list would lose one of them.

        Two processes still may; then the session ends with the grant that was kept, and the
        other client has to sign in again.
        """
        return self._locks.setdefault(sid, asyncio.Lock())


def _list_key(sid: str) -> str:
    return f"session:{sid}:grants"


def _mark(holder: str) -> str:
    return f"revoked:{holder}"
