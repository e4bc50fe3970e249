"""Which grants a user has, and on which of their Supabase sessions each one lives.

This is what says whose a grant is: the list that people see is their own to write. Whoever is
let go is marked as revoked, for as long as what was handed out could be shown again. A session
that several clients share ends with the last of them.
"""

import time
from collections.abc import Callable

import orjson

from atoms_mcp.store.edits import Edits
from atoms_mcp.store.store import Store

# Of somebody who has more, those that end first are not known here any more.
MAX_GRANTS = 1000

# By grant: its session, and until when it can live (Unix seconds).
Held = dict[str, tuple[str, float]]


class Holders:
    """Keeps in the store which grants live on which session, for each user."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._edits = Edits(store)
        self._now = now

    async def add(self, uid: str, sid: str, gid: str, until: float) -> None:
        """Let a grant of a user live on a session until then (Unix seconds)."""

        def change(kept: str | None) -> str:
            return _write({**self._read(kept), gid: (sid, until)})

        await self._edits.edit(_list_key(uid), change, until)

    async def remove(self, uid: str, gid: str, until: float) -> None:
        """Take a grant off its session; the others live on until then, at least."""
        if gid not in await self._load(uid):
            return

        def change(kept: str | None) -> str:
            return _write({name: one for name, one in self._read(kept).items() if name != gid})

        await self._edits.edit(_list_key(uid), change, until)

    async def get_all(self, uid: str) -> dict[str, str]:
        """Give the session of each grant that the user has."""
        return {gid: sid for gid, (sid, _until) in (await self._load(uid)).items()}

    async def has_any(self, uid: str, sid: str) -> bool:
        """Tell whether any grant lives on this session of the user's."""
        return sid in (await self.get_all(uid)).values()

    async def revoke(self, holder: str, until: float) -> None:
        """Mark a grant, or a browser, as revoked until then."""
        await self._store.mark(_mark(holder), until)

    async def is_revoked(self, holder: str) -> bool:
        """Tell whether it was revoked, by whatever process."""
        return await self._store.is_marked(_mark(holder))

    async def _load(self, uid: str) -> Held:
        return self._read(await self._store.get(_list_key(uid)))

    def _read(self, kept: str | None) -> Held:
        """Give those whose time is not over: one that is must not keep a session alive."""
        found = {} if kept is None else orjson.loads(kept)
        now = self._now()
        return {gid: (sid, until) for gid, (sid, until) in found.items() if now < until}


def _write(held: Held) -> str:
    latest = sorted(held.items(), key=lambda entry: entry[1][1])[-MAX_GRANTS:]
    return orjson.dumps(dict(latest)).decode()


def _list_key(uid: str) -> str:
    return f"user:{uid}:grants"


def _mark(holder: str) -> str:
    return f"revoked:{holder}"
