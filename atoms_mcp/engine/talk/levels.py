"""Which log messages a session wants to hear, as its client set it.

A session is sealed into its id, so what is set later has to be kept: in the store for all
replicas, and here for a while. A store that cannot be asked knows nothing.

Source: MCP 2025-11-25 server/utilities/logging.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from atoms_mcp.engine.sessions.rows import SessionRows
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.protocol.levels import Level, read_level
from atoms_mcp.store.store import StoreDown

CHECK_S = 15.0
MAX_KNOWN = 10_000

log = structlog.get_logger(__name__)


class Levels:
    """The levels of the sessions; `now` gives Unix seconds."""

    def __init__(self, rows: SessionRows, now: Callable[[], float] = time.time) -> None:
        self._rows = rows
        self._now = now
        # Level and when it was asked for; another replica may set another one.
        self._known: OrderedDict[str, tuple[Level | None, float]] = OrderedDict()

    async def set(self, session: Session, level: Level) -> None:
        """Keep the level of a session."""
        self._remember(session.key, level, self._now())
        try:
            await self._rows.put(session, "level", level)
        except StoreDown:
            log.warning("level.untold", hint="other replicas go on with the level before")

    async def find(self, session: Session) -> Level | None:
        """Give the level of a session; None where it was never set: it wants to hear nothing."""
        known = self._known.get(session.key)
        now = self._now()
        if known is not None and now - known[1] < CHECK_S:
            return known[0]
        try:
            kept = await self._rows.get(session, "level")
        except StoreDown:
            return None if known is None else known[0]
        level = None if kept is None else read_level(kept)
        self._remember(session.key, level, now)
        return level

    def forget(self, session: Session) -> None:
        """Know nothing more of a session that is over; what is kept goes with its rows."""
        self._known.pop(session.key, None)

    def _remember(self, key: str, level: Level | None, now: float) -> None:
        self._known[key] = (level, now)
        self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
