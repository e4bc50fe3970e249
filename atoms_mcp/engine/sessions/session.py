"""Sessions of the handshake revisions: the id itself, sealed, says what a session is.

Nothing is kept but what was ended before its time, so any replica serves any session and a
restart ends none. A session is no proof of identity: the caller's token is checked on every
request, and a session of another user is as good as none. So a replica that was not told may
learn a few seconds late that another one has ended a session, and goes on without a store that
cannot be asked.

A session costs nothing to open and to end, so its end must not cost a row: each user has one,
which names the ended ones. Past so many of them the one that began first is named no more, and
with it ends whatever its user began no later.

Source: MCP 2025-11-25 basic/transports, Session Management; security best practices, Session
Hijacking.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

import orjson
import structlog

from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.protocol.jsonrpc import INVALID_REQUEST, RpcError
from atoms_mcp.store.edits import Edits
from atoms_mcp.store.store import Store, StoreDown

PURPOSE = "session"
LIFETIME_S = 7 * 24 * 3600
MAX_OPENED = 10_000
# How late an end at another replica may be noticed; a store's answer may take a network trip.
CHECK_S = 15.0
MAX_ENDED: Final = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """What was agreed at the handshake.

    `owner` is a user id, empty where the transport has but one user. `capabilities` are names
    of what the client can do for a server. `expires_at` is in Unix seconds.
    """

    key: str
    owner: str
    revision: str
    capabilities: tuple[str, ...]
    expires_at: int


@dataclass(slots=True, weakref_slot=True)
class _Opened:
    """A session that was seen here; `asked_at` is when the store last knew of no end."""

    session: Session
    asked_at: float
    is_ended: bool = False


class Sessions:
    """Makes session ids, opens them again, and ends them.

    What other replicas have ended is asked of the store once in `check_s`.
    """

    def __init__(
        self,
        seal: Seal,
        store: Store,
        *,
        check_s: float = CHECK_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._seal = seal
        self._store = store
        self._edits = Edits(store)
        self._check_s = check_s
        self._now = now
        # Opening costs a decryption; a client sends the same id with every request.
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        # The same by their keys, as long as they are there.
        self._by_key: WeakValueDictionary[str, _Opened] = WeakValueDictionary()

    def start(self, owner: str, revision: str, capabilities: tuple[str, ...]) -> Session:
        """Give a new session; nothing is stored."""
        expires_at = int(self._now()) + LIFETIME_S
        return Session(secrets.token_urlsafe(16), owner, revision, capabilities, expires_at)

    def seal(self, session: Session) -> str:
        """Give the session as an id: visible ASCII that only this server can make."""
        session_id = self._seal.seal(
            PURPOSE,
            {
                "jti": session.key,
                "sub": session.owner,
                "rev": session.revision,
                "cap": session.capabilities,
                "exp": session.expires_at,
            },
        )
        self._remember(session_id, session, asked_at=self._now())
        return session_id

    def get_remembered(self, session_id: str, owner: str) -> Session | None:
        """Give the session if it was looked at lately: the fast way, no waiting."""
        opened = self._opened.get(session_id)
        if opened is None or opened.is_ended or opened.session.owner != owner:
            return None
        now = self._now()
        if now >= opened.session.expires_at or now - opened.asked_at >= self._check_s:
            return None
        self._opened.move_to_end(session_id)
        return opened.session

    async def find(self, session_id: str, owner: str) -> Session:
        """Give the live session behind an id.

        Raises:
            RpcError: -32600 with status 404, the same for unknown, expired, ended and foreign.
        """
        opened = self._opened.get(session_id)
        if opened is None:
            opened = self._open(session_id)
        else:
            self._opened.move_to_end(session_id)
        if (
            opened is None
            or opened.session.owner != owner
            or opened.session.expires_at <= self._now()
            or await self._is_ended(opened)
        ):
            raise RpcError(
                INVALID_REQUEST, "there is no such session; initialize again", status=404
            )
        return opened.session

    async def end(self, session_id: str, owner: str) -> None:
        """End a session before its time: here at once, elsewhere as soon as the store tells.

        Raises:
            RpcError: as `find`.
        """
        session = await self.find(session_id, owner)
        self._remember(session_id, session, asked_at=self._now()).is_ended = True
        try:
            await self._edits.edit(
                _key(session), partial(_add, session, self._now()), self._now() + LIFETIME_S
            )
        except StoreDown:
            log.warning("session.end_untold", hint="other replicas go on serving this session")

    def take_end(self, key: str) -> None:
        """Take it that a session was ended elsewhere, if it is known here."""
        opened = self._by_key.get(key)
        if opened is not None:
            opened.is_ended = True

    async def _is_ended(self, opened: _Opened) -> bool:
        now = self._now()
        if opened.is_ended or now - opened.asked_at < self._check_s:
            return opened.is_ended
        opened.asked_at = now
        try:
            kept = await self._store.get(_key(opened.session))
        except StoreDown:
            return False
        # Never taken back: it may have been ended here while the store was asked.
        opened.is_ended = opened.is_ended or _names(kept, opened.session)
        return opened.is_ended

    def _open(self, session_id: str) -> _Opened | None:
        try:
            claims = self._seal.open(PURPOSE, session_id)
        except SealBroken:
            return None
        session = Session(
            claims["jti"], claims["sub"], claims["rev"], tuple(claims["cap"]), claims["exp"]
        )
        return self._remember(session_id, session, asked_at=float("-inf"))

    def _remember(self, session_id: str, session: Session, *, asked_at: float) -> _Opened:
        opened = self._opened[session_id] = _Opened(session, asked_at)
        self._by_key[session.key] = opened
        if len(self._opened) > MAX_OPENED:
            self._opened.popitem(last=False)
        return opened


def _key(session: Session) -> str:
    return f"ended:{session.owner}"


def _read(kept: str | None) -> tuple[float, dict[str, int]]:
    """Give up to which end of its time all of a user's sessions are over, and which others are."""
    before, ended = (0, {}) if kept is None else orjson.loads(kept)
    return before, ended


def _add(session: Session, now: float, kept: str | None) -> str:
    """Give what is kept with one more session that is over."""
    before, ended = _read(kept)
    ended[session.key] = session.expires_at
    live = sorted((until, key) for key, until in ended.items() if until > max(before, now))
    for until, _ in live[:-MAX_ENDED]:
        before = until
    return orjson.dumps([before, {key: until for until, key in live[-MAX_ENDED:]}]).decode()


def _names(kept: str | None, session: Session) -> bool:
    """Tell whether a session is over by what is kept."""
    before, ended = _read(kept)
    return session.key in ended or session.expires_at <= before
