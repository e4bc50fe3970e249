"""Sessions of the handshake revisions: the id itself, sealed, says what a session is.

Nothing is kept but what was ended before its time, so any replica serves any session and a
restart ends none. A session is no proof of identity: the caller's token is checked on every
request, and a session of another user is as good as none.

Source: MCP 2025-11-25 basic/transports, Session Management; security best practices, Session
Hijacking.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.protocol.jsonrpc import INVALID_REQUEST, RpcError
from atoms_mcp.store.memory import MemoryStore

PURPOSE = "session"
LIFETIME_S = 7 * 24 * 3600
MAX_OPENED = 10_000


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


class Sessions:
    """Makes session ids, opens them again, and ends them."""

    def __init__(
        self, seal: Seal, store: MemoryStore, *, now: Callable[[], float] = time.time
    ) -> None:
        self._seal = seal
        self._store = store
        self._now = now
        # Opening costs a decryption; a client sends the same id with every request.
        self._opened: OrderedDict[str, Session] = OrderedDict()

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
        self._remember(session_id, session)
        return session_id

    async def find(self, session_id: str, owner: str) -> Session:
        """Give the live session behind an id.

        Raises:
            RpcError: -32600 with status 404, the same for unknown, expired, ended and foreign.
        """
        session = self._opened.get(session_id)
        if session is None:
            session = self._open(session_id)
        else:
            self._opened.move_to_end(session_id)
        if (
            session is None
            or session.owner != owner
            or session.expires_at <= self._now()
            or await self._store.is_marked(_mark(session))
        ):
            raise RpcError(
                INVALID_REQUEST, "there is no such session; initialize again", status=404
            )
        return session

    async def end(self, session_id: str, owner: str) -> None:
        """End a session before its time.

        Raises:
            RpcError: as `find`.
        """
        session = await self.find(session_id, owner)
        await self._store.mark(_mark(session), session.expires_at)
        self._opened.pop(session_id, None)

    def _open(self, session_id: str) -> Session | None:
        try:
            claims = self._seal.open(PURPOSE, session_id)
        except SealBroken:
            return None
        session = Session(
            claims["jti"], claims["sub"], claims["rev"], tuple(claims["cap"]), claims["exp"]
        )
        self._remember(session_id, session)
        return session

    def _remember(self, session_id: str, session: Session) -> None:
        self._opened[session_id] = session
        if len(self._opened) > MAX_OPENED:
            self._opened.popitem(last=False)


def _mark(session: Session) -> str:
    return f"ended:{session.key}"
