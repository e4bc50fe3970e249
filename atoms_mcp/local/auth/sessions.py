"""Logins of Auth: opened by a first factor, lifted by a second, carried on by refresh tokens.

Source: Supabase Auth API.
"""

import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.errors import AuthError, OAuthShapeError
from atoms_mcp.local.auth.options import ACCESS_TOKEN_S
from atoms_mcp.local.auth.refresh import Decision, decide
from atoms_mcp.local.auth.store import Entry, Session
from atoms_mcp.local.auth.user import User, render_user
from atoms_mcp.local.keys import KeyRing
from atoms_mcp.local.tokens import (
    AUDIENCE,
    TokenError,
    is_signed_by,
    read_refresh_token,
    sign_access_token,
    sign_refresh_token,
)

LOCK_WAIT = "5s"
KEY_BYTES = 32
EARLIER_FORMAT = re.compile(r"[a-z0-9]{12}")  # legal, and never handed out here


class Sessions:
    """Gives out token answers; `issuer` is the URL of Auth, as tokens name it."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        ring: KeyRing,
        issuer: str,
        now: Callable[[], float] = time.time,
        *,
        life_s: int = ACCESS_TOKEN_S,
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._issuer = issuer
        self._now = now
        self._life_s = life_s

    async def open(
        self, connection: asyncpg.Connection, user_id: uuid.UUID, entry: Entry
    ) -> dict[str, Any]:
        """Begin a login and give the token answer."""
        await auth_store.note_sign_in(connection, user_id)
        method: dict[str, Any] = {"method": entry.method, "timestamp": int(self._now())}
        if entry.provider is not None:
            method["provider"] = entry.provider
        session = await auth_store.add_session(
            connection, user_id, entry, key=secrets.token_bytes(KEY_BYTES), amr=(method,)
        )
        return await self._tell(connection, session)

    async def lift(
        self, connection: asyncpg.Connection, session_id: uuid.UUID, method: str
    ) -> dict[str, Any]:
        """Write down a second factor and give the token answer of the lifted login.

        Raises:
            AuthError: session_not_found (403), it has ended in between.
        """
        session = await auth_store.lock_session(connection, session_id)
        if session is None:
            raise AuthError(
                403, "session_not_found", "Session from session_id claim in JWT does not exist"
            )
        earlier = (one for one in session.amr if one["method"] != method)
        amr = ({"method": method, "timestamp": int(self._now())}, *earlier)
        await auth_store.lift_session(connection, session_id, amr)
        lifted = replace(session, aal="aal2", amr=amr, counter=session.counter + 2)
        return await self._tell(connection, lifted)

    async def _tell(self, connection: asyncpg.Connection, session: Session) -> dict[str, Any]:
        user = await auth_store.get_user(connection, session.user_id)
        if user is None:
            raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
        return self._answer(user, session, session.counter)

    async def refresh(self, text: str, client_id: uuid.UUID | None = None) -> dict[str, Any]:
        """Carry a login on and give the token answer; `client_id` is the OAuth client that asks.

        Raises:
            AuthError: each with the code that real clients know.
            OAuthShapeError: the login is another client's.
        """
        if EARLIER_FORMAT.fullmatch(text):
            raise _not_found()
        try:
            token = read_refresh_token(text)
        except TokenError as exc:
            raise AuthError(400, "validation_failed", exc.reason) from exc
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(f"set local lock_timeout = '{LOCK_WAIT}'")
                session = await auth_store.lock_session(connection, token.session_id)
                if session is None:
                    raise _not_found()
                if not is_signed_by(token, session.key):
                    raise AuthError(
                        400,
                        "validation_failed",
                        "Refresh token is not valid: Not Issued By This Server",
                    )
                if session.client_id != client_id:
                    raise OAuthShapeError(
                        "invalid_client", "The session belongs to another OAuth client, or to none"
                    )
                answer = await self._carry_on(connection, session, token.counter)
        except asyncpg.LockNotAvailableError as exc:
            raise AuthError(
                409,
                "conflict",
                "Too many concurrent token refresh requests on the same session or refresh token",
            ) from exc
        if answer is None:
            raise AuthError(
                400, "refresh_token_already_used", "Invalid Refresh Token: Already Used"
            )
        return answer

    async def _carry_on(
        self, connection: asyncpg.Connection, session: Session, presented: int
    ) -> dict[str, Any] | None:
        """Do what the rules decide; None where reuse was detected and the login has ended.

        That is a value and no exception, because it has to be committed.
        """
        now = self._now()
        user = await auth_store.get_user(connection, session.user_id)
        if user is None:
            raise _not_found()
        if user.is_banned(now):
            raise AuthError(400, "user_banned", "Invalid Refresh Token: User Banned")
        if session.not_after is not None and session.not_after.timestamp() < now:
            raise AuthError(400, "session_expired", "Invalid Refresh Token: Session Expired")
        decision = decide(
            presented=presented,
            current=session.counter,
            refreshed_at=_seconds(session.refreshed_at),
            now=now,
        )
        if decision is Decision.UNKNOWN:
            raise _not_found()
        if decision is Decision.REVOKE:
            await auth_store.end_session(connection, session.id)
            return None
        if decision is Decision.REPEAT:
            return self._answer(user, session, session.counter)
        await auth_store.advance_session(connection, session.id, datetime.fromtimestamp(now, UTC))
        return self._answer(user, session, session.counter + 1)

    def _answer(self, user: User, session: Session, counter: int) -> dict[str, Any]:
        claims = self._claims(user, session)
        return {
            "access_token": sign_access_token(self._ring, claims),
            "token_type": "bearer",
            "expires_in": self._life_s,
            "expires_at": claims["exp"],
            "refresh_token": sign_refresh_token(session.id, counter, session.key),
            "user": render_user(user),
        }

    def _claims(self, user: User, session: Session) -> Mapping[str, Any]:
        issued_at = int(self._now())
        client = {} if session.client_id is None else {"client_id": str(session.client_id)}
        if session.scopes is not None:
            client["scope"] = session.scopes
        return {
            **client,
            "iss": self._issuer,
            "sub": str(user.id),
            "aud": AUDIENCE,
            "exp": issued_at + self._life_s,
            "iat": issued_at,
            "email": user.email,
            "phone": user.phone,
            "app_metadata": user.app_metadata,
            "user_metadata": user.user_metadata,
            "role": user.role,
            "aal": session.aal,
            "amr": session.amr,
            "session_id": str(session.id),
            "is_anonymous": user.is_anonymous,
        }


def _not_found() -> AuthError:
    return AuthError(
        400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found"
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
