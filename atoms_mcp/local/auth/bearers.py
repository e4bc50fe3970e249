"""Who asks: a bearer token, held against the accounts and logins that live.

Source: Supabase Auth API.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from aiohttp import hdrs, web

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.user import User
from atoms_mcp.local.keys import KeyRing
from atoms_mcp.local.tokens import AUDIENCE, TokenError, read_access_token


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that Auth found good, with its account; `session_id` None where it names none.

    `level` is how much the login has shown: "aal1", or "aal2" after a second factor.
    """

    user: User
    session_id: uuid.UUID | None
    level: str = "aal1"


class Bearers:
    """Finds out who asks; `anon_key` as a bearer means that nobody is signed in."""

    def __init__(
        self, pool: asyncpg.Pool, ring: KeyRing, anon_key: str, now: Callable[[], float]
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._anon_key = anon_key
        self._now = now

    async def authenticate(self, request: web.Request) -> Bearer:
        """Find out who asks, in the order in which the real one checks.

        Raises:
            AuthError: 401 without a token, 403 with a bad one or for a login that has ended.
        """
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
        user_id, session_id = self._read_claims(token.strip())
        level: str | None = "aal1"
        async with self._pool.acquire() as connection:
            user = await auth_store.get_user(connection, user_id)
            if user is None:
                raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
            if session_id:
                level = await auth_store.get_level(connection, session_id, user_id)
        if level is None:
            raise AuthError(
                403, "session_not_found", "Session from session_id claim in JWT does not exist"
            )
        if user.is_banned(self._now()):
            raise AuthError(403, "user_banned", "User is banned")
        return Bearer(user, session_id, level)

    def _read_claims(self, token: str) -> tuple[uuid.UUID, uuid.UUID | None]:
        if token == self._anon_key:
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        try:
            claims = read_access_token(self._ring, token, self._now())
        except TokenError as exc:
            raise AuthError(403, "bad_jwt", f"invalid JWT: {exc.reason}") from exc
        if not claims.get("sub"):
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        user_id = read_uuid(claims["sub"])
        if user_id is None:
            raise AuthError(400, "bad_jwt", "invalid claim: sub claim must be a UUID")
        audience = claims.get("aud")
        if audience != AUDIENCE and not (isinstance(audience, list) and AUDIENCE in audience[:1]):
            raise AuthError(
                400, "validation_failed", "Token audience doesn't match request audience"
            )
        session_id = claims.get("session_id")
        return user_id, read_uuid(session_id) if session_id else None


def read_uuid(value: object) -> uuid.UUID | None:
    """Give the UUID that a text is, None where it is none."""
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
