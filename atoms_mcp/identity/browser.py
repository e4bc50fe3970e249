"""Who is signed in at a browser: one sealed cookie, so that the next client needs only a click.

The cookie says who, and carries the way to the Supabase session; `identity.chains` keeps that
alive. What it looks like on the wire (name, flags) is the pages' matter.
"""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from atoms_mcp.identity.chains import Chains, SessionOver
from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.auth import Session

PURPOSE = "browser"
LIFETIME_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """What the cookie says. `sid` is Supabase's id of the session, `key` the cookie's own.

    `expires_at` is in Unix seconds. That it can be read does not say that the session lives;
    `BrowserSessions.current` does.
    """

    user_id: str
    email: str
    sid: str
    refresh_token: str = field(repr=False)
    expires_at: int
    key: str = field(repr=False)


class BrowserSessions:
    """Makes cookies, reads them, and ends what they stand for. `now` gives Unix seconds."""

    def __init__(self, seal: Seal, chains: Chains, now: Callable[[], float] = time.time) -> None:
        self._seal = seal
        self._chains = chains
        self._now = now

    async def start(self, session: Session) -> tuple[BrowserSession, str]:
        """Give the browser session of a fresh sign-in, and the cookie's value.

        Raises:
            SupabaseError: (wrong) the access token names no session.
            StoreDown: it cannot be kept.
        """
        browser = BrowserSession(
            user_id=session.user.id,
            email=session.user.email,
            sid=await self._chains.keep(session),
            refresh_token=session.refresh_token,
            expires_at=int(self._now()) + LIFETIME_S,
            key=secrets.token_urlsafe(16),
        )
        return browser, self._seal.seal(PURPOSE, _to_claims(browser))

    def read(self, cookie: str | None) -> BrowserSession | None:
        """Give whom the cookie names; None without one, or where it is forged or too old."""
        if cookie is None:
            return None
        try:
            browser = _from_claims(self._seal.open(PURPOSE, cookie))
        except (SealBroken, KeyError):  # forged, or made by another version
            return None
        return browser if self._now() < browser.expires_at else None

    async def current(self, browser: BrowserSession) -> Session:
        """Give the live Supabase session, renewed where it is about to expire.

        Raises:
            SessionOver: it has ended, or this browser was signed out.
            SupabaseError: Supabase cannot be asked.
            StoreDown: the store cannot be asked.
        """
        if await self._chains.holders.is_revoked(browser.key):
            raise SessionOver("this browser was signed out")
        return await self._chains.current(browser.sid, browser.refresh_token)

    async def end(self, browser: BrowserSession) -> None:
        """Sign this browser out; clients that were connected from it stay connected.

        Raises:
            SupabaseError: Supabase cannot be asked to end the session.
            StoreDown: the store cannot be asked.
        """
        holders = self._chains.holders
        await holders.revoke(browser.key, browser.expires_at)
        if not await holders.has_any(browser.user_id, browser.sid):
            await self._chains.end(browser.sid, browser.refresh_token)

    async def end_everywhere(self, browser: BrowserSession) -> None:
        """End all sessions of the user: every browser and every connected client.

        Until Supabase has done it, it can be tried again.

        Raises:
            SessionOver: this one has ended already, so it can end no other.
            SupabaseError: Supabase cannot be asked.
            StoreDown: the store cannot be asked.
        """
        session = await self.current(browser)
        # What fails after Supabase has ended it leaves nothing behind that opens anything.
        with suppress(StoreDown):
            await self._chains.sign_out(browser.sid, session, "global")
            await self._chains.holders.revoke(browser.key, browser.expires_at)


def _to_claims(browser: BrowserSession) -> dict[str, Any]:
    return {
        "uid": browser.user_id,
        "email": browser.email,
        "sid": browser.sid,
        "rt": browser.refresh_token,
        "exp": browser.expires_at,
        "key": browser.key,
    }


def _from_claims(claims: dict[str, Any]) -> BrowserSession:
    return BrowserSession(
        user_id=claims["uid"],
        email=claims["email"],
        sid=claims["sid"],
        refresh_token=claims["rt"],
        expires_at=claims["exp"],
        key=claims["key"],
    )
