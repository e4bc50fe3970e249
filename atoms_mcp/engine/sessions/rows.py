"""What a session wants beyond what is sealed into its id: short texts, in the store for all.

A session costs nothing to open, so what is kept of them is bounded by the user: so many sessions
have something kept, and the one that was set longest ago loses it to a new one. All of it can be
done without: a session that lost it hears less, and may say again what it wants.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import orjson
import structlog

from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.store.edits import Edits
from atoms_mcp.store.store import Store, StoreDown

LIFETIME_S: Final = 24 * 3600
MAX_SESSIONS: Final = 200

Kind = Literal["level", "listens"]
KINDS: Final[tuple[Kind, ...]] = ("level", "listens")

log = structlog.get_logger(__name__)


class SessionRows:
    """The rows of the sessions, one of each kind; `now` gives Unix seconds.

    Every method but `forget` raises `StoreDown` where the store cannot be asked.
    """

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._edits = Edits(store)
        self._now = now

    async def get(self, session: Session, kind: Kind) -> str | None:
        """Give what is kept of a session; None where nothing is, or no more."""
        return await self._store.get(_key(session.key, kind))

    async def put(self, session: Session, kind: Kind, value: str) -> None:
        """Keep a value in the place of what was there."""
        await self.edit(session, kind, lambda _before: value)

    async def edit(self, session: Session, kind: Kind, change: Callable[[str | None], str]) -> None:
        """Keep what `change` makes of what is there; see `Edits.edit`."""
        await self._make_room(session)
        until = min(self._now() + LIFETIME_S, session.expires_at)
        await self._edits.edit(_key(session.key, kind), change, until, is_spare=True)

    async def forget(self, session: Session) -> None:
        """Keep nothing of a session any more; without the store it goes by itself, later."""
        try:
            kept = await self._store.get(_list_key(session))
            if session.key in _read_keys(kept):
                await self._edit_keys(session, partial(_remove, session.key))
                await self._delete(session.key)
        except StoreDown:
            log.warning("session.rows_kept", hint="they go with their own time")

    async def _make_room(self, session: Session) -> None:
        """Count a session among those of its user, and let go of what is too much."""
        surplus: list[str] = []

        def count(before: str | None) -> str:
            keys = [*(key for key in _read_keys(before) if key != session.key), session.key]
            surplus[:] = keys[:-MAX_SESSIONS]
            return orjson.dumps(keys[-MAX_SESSIONS:]).decode()

        await self._edit_keys(session, count)
        for key in surplus:
            await self._delete(key)

    async def _edit_keys(self, session: Session, change: Callable[[str | None], str]) -> None:
        until = self._now() + LIFETIME_S
        await self._edits.edit(_list_key(session), change, until, is_spare=True)

    async def _delete(self, session_key: str) -> None:
        for kind in KINDS:
            await self._store.delete(_key(session_key, kind))


def _remove(session_key: str, before: str | None) -> str:
    return orjson.dumps([key for key in _read_keys(before) if key != session_key]).decode()


def _read_keys(kept: str | None) -> list[str]:
    keys: list[str] = [] if kept is None else orjson.loads(kept)
    return keys


def _key(session_key: str, kind: Kind) -> str:
    return f"{kind}:{session_key}"


def _list_key(session: Session) -> str:
    return f"rows:{session.owner}"
