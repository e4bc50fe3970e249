"""The Supabase sessions behind cookies and sealed tokens, kept alive.

A refresh token of Supabase is good for one use, and the texts that seal one are out of our hands:
a cookie and several clients may carry different generations of one session's. So the newest one
of each session is kept in the store, sealed, where every process finds it; the one in the text
that was presented serves where the store has lost it. Nothing else here renews a session for
them.

Source: Supabase Auth, sessions (rotation of refresh tokens, reuse interval).
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.claims import peek
from atoms_mcp.identity.flight import Flight
from atoms_mcp.identity.holders import Holders
from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.auth import Scope, Session, SupabaseAuth, User
from atoms_mcp.supabase.errors import SupabaseError

PURPOSE = "chain"
# As long as the refresh tokens that we seal are good for; each renewal begins it anew.
KEPT_S = 30 * 24 * 3600
MARGIN_S = 60
MAX_REMEMBERED = 10_000


class SessionOver(AtomsError):  # noqa: N818 - says what is the case
    """Supabase has ended this session: signed out, expired, or its user is gone."""


class SessionUnknown(SessionOver):
    """The store has lost it: nothing here can reach it, which says nothing of whether it lives."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a session is now, and whether it was renewed for that."""

    session: Session
    is_renewed: bool


class Chains:
    """Knows the newest state of each session, by its id. `now` gives Unix seconds.

    `holders` knows who lives on them.
    """

    def __init__(
        self,
        auth: SupabaseAuth,
        store: Store,
        seal: Seal,
        now: Callable[[], float] = time.time,
        *,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self.holders = Holders(store, now)
        self._auth = auth
        self._store = store
        self._seal = seal
        self._now = now
        self._max_remembered = max_remembered
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._flight: Flight[str, _Step] = Flight()

    async def keep(self, session: Session) -> str:
        """Keep a session that was just opened or renewed; give its id.

        Raises:
            SupabaseError: (wrong) its access token names no session, or is too long.
            StoreDown: it cannot be kept.
        """
        sid = find_session_id(session)
        try:
            sealed = self._seal.seal(PURPOSE, _to_claims(session))
        except ValueError:
            raise SupabaseError("wrong", "the access token is too long to be kept") from None
        self._remember(sid, session)
        await self._store.put(_key(sid), sealed, self._now() + KEPT_S)
        return sid

    async def current(self, sid: str, rt: str | None, *, margin_s: float = MARGIN_S) -> Session:
        """Give the session with an access token that lives for `margin_s` more, at least.

        A token that never lives that long counts until half of its life. `rt` is the refresh
        token that was presented, if one was.

        Raises:
            SessionOver: the session has ended.
            SupabaseError: Supabase cannot be asked.
            StoreDown: the store cannot be asked.
        """
        known = self._known.get(sid)
        if known is not None and self._is_fresh(known, margin_s):
            self._known.move_to_end(sid)
            return known
        return await self._share(sid, rt, margin_s)

    async def renew(self, sid: str, rt: str) -> Session:
        """Give the session with a new access token. Many who ask at once share one renewal.

        Raises:
            SessionOver, SupabaseError, StoreDown: as above.
        """
        return await self._share(sid, rt, None)

    def forget(self, sid: str) -> None:
        """Forget what is remembered here of a session that was ended."""
        self._known.pop(sid, None)

    async def end(self, sid: str, rt: str | None) -> None:
        """End the session at Supabase; one that is over already is what was wanted.

        Without `rt` one that the store has lost goes on: nothing here can reach it any more.

        Raises:
            SupabaseError: Supabase cannot be asked.
            StoreDown: the store cannot be asked.
        """
        try:
            session = await self.current(sid, rt, margin_s=0)
        except SessionOver:
            return
        await self.sign_out(sid, session, "local")

    async def sign_out(self, sid: str, session: Session, scope: Scope) -> None:
        """End this session ("local"), or all of its user ("global"), and forget it.

        Raises:
            SupabaseError: Supabase cannot be asked.
            StoreDown: the store cannot be asked.
        """
        await self._auth.sign_out(session.access_token, scope)
        await self._drop(sid)

    async def _share(self, sid: str, rt: str | None, margin_s: float | None) -> Session:
        """Advance the session once for all who ask meanwhile.

        They may have asked for less, or with less in hand: what does not do is asked for again.
        """
        is_own = False

        async def advance() -> _Step:
            nonlocal is_own
            is_own = True
            return await self._advance(sid, rt, margin_s)

        while True:
            try:
                step = await self._flight.share(sid, advance)
            except SessionUnknown:
                if is_own or rt is None:
                    raise
                continue
            if is_own or step.is_renewed:
                return step.session
            if margin_s is not None and self._is_fresh(step.session, margin_s):
                return step.session

    async def _advance(self, sid: str, rt: str | None, margin_s: float | None) -> _Step:
        """Take what another process has renewed, if it will do; renew otherwise."""
        kept = await self._load(sid)
        if kept is not None and margin_s is not None and self._is_fresh(kept, margin_s):
            self._remember(sid, kept)
            return _Step(kept, is_renewed=False)
        newest = rt if kept is None else kept.refresh_token
        if newest is None:
            raise SessionUnknown("nothing is known of the session")
        try:
            session = await self._auth.refresh(newest)
        except SupabaseError as exc:
            if not exc.ends_refresh:
                raise
            await self._drop(sid)
            raise SessionOver("Supabase has ended the session") from exc
        await self.keep(session)
        return _Step(session, is_renewed=True)

    async def _drop(self, sid: str) -> None:
        self.forget(sid)
        await self._store.delete(_key(sid))

    async def _load(self, sid: str) -> Session | None:
        """Give what the store has; without it, what this process remembers."""
        sealed = await self._store.get(_key(sid))
        if sealed is None:
            return self._known.get(sid)
        try:
            return _from_claims(self._seal.open(PURPOSE, sealed))
        except (SealBroken, KeyError):  # a key that is no longer among ours, or another version
            return self._known.get(sid)

    def _is_fresh(self, session: Session, margin_s: float) -> bool:
        needed_s = min(margin_s, session.expires_in_s / 2)
        return session.expires_at - self._now() > needed_s

    def _remember(self, sid: str, session: Session) -> None:
        self._known[sid] = session
        self._known.move_to_end(sid)
        if len(self._known) > self._max_remembered:
            self._known.popitem(last=False)


def find_session_id(session: Session) -> str:
    """Give the id of a session.

    Raises:
        SupabaseError: (wrong) its access token has none.
    """
    sid = peek(session.access_token).get("session_id")
    if not isinstance(sid, str) or not sid:
        raise SupabaseError("wrong", "the access token names no session")
    return sid


def find_expiry(session: Session) -> int:
    """Give when the access token ends; what it says itself decides."""
    exp = peek(session.access_token).get("exp")
    return min(session.expires_at, int(exp)) if isinstance(exp, int | float) else session.expires_at


def _to_claims(session: Session) -> dict[str, Any]:
    return {
        "jwt": session.access_token,
        "rt": session.refresh_token,
        "life": session.expires_in_s,
        "exp": session.expires_at,
        "uid": session.user.id,
        "email": session.user.email,
    }


def _from_claims(claims: dict[str, Any]) -> Session:
    return Session(
        access_token=claims["jwt"],
        refresh_token=claims["rt"],
        expires_in_s=claims["life"],
        expires_at=claims["exp"],
        user=User(claims["uid"], claims["email"], is_anonymous=False),
    )


def _key(sid: str) -> str:
    return f"chain:{sid}"
