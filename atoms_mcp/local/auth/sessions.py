"""Logins of Auth: opened with a password, carried on by refresh tokens, ended by logout.

Source: Supabase Auth API.
"""

import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.refresh import Decision, decide
from atoms_mcp.local.auth.store import Session
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

ACCESS_TOKEN_S = 3600
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
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._issuer = issuer
        self._now = now

    async def open(
        self,
        connection: asyncpg.Connection,
        user_id: uuid.UUID,
        *,
        user_agent: str | None,
        ip: str | None,
    ) -> dict[str, Any]:
        """Begin a login by password and give the token answer."""
        await auth_store.note_sign_in(connection, user_id)
        session = await auth_store.add_session(
            connection,
            user_id,
            key=secrets.token_bytes(KEY_BYTES),
            amr=({"method": "password", "timestamp": int(self._now())},),
            user_agent=user_agent,
            ip=ip,
        )
        user = await auth_store.get_user(connection, user_id)
        if user is None:
            raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
        return self._answer(user, session, session.counter)

    async def refresh(self, text: str) -> dict[str, Any]:
        """Carry a login on and give the token answer.

        Raises:
            AuthError: by the table of section 3.2.
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
            "expires_in": ACCESS_TOKEN_S,
            "expires_at": claims["exp"],
            "refresh_token": sign_refresh_token(session.id, counter, session.key),
            "user": render_user(user),
        }

    def _claims(self, user: User, session: Session) -> Mapping[str, Any]:
        issued_at = int(self._now())
        return {
            "iss": self._issuer,
            "sub": str(user.id),
            "aud": AUDIENCE,
            "exp": issued_at + ACCESS_TOKEN_S,
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
