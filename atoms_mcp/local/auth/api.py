"""The endpoints of Auth, as far as this package uses them, and what is around them.

Source: Supabase Auth API.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiohttp import hdrs, web

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.body import check_email, get_data, get_text, read_object
from atoms_mcp.local.auth.errors import AuthError, OAuthShapeError, json_response
from atoms_mcp.local.auth.limits import Buckets
from atoms_mcp.local.auth.passwords import Passwords, check_strength
from atoms_mcp.local.auth.sessions import Sessions
from atoms_mcp.local.auth.user import User, render_user
from atoms_mcp.local.keys import KeyRing
from atoms_mcp.local.tokens import AUDIENCE, TokenError, read_access_token

EMAIL_KEY = "users_email_partial_key"
USER_AGENT_CHARS = 500
TAKEN = "A user with this email address has already been registered"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one address may do; None lifts a limit."""

    token: Buckets | None = None
    signup: Buckets | None = None
    user: Buckets | None = None


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that Auth found good, with its account; `session_id` None where it names none."""

    user: User
    session_id: uuid.UUID | None


class AuthApi:
    """Handlers of /auth/v1; `anon_key` as a bearer means that nobody is signed in."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        ring: KeyRing,
        *,
        issuer: str,
        anon_key: str,
        limits: Limits,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._anon_key = anon_key
        self._limits = limits
        self._now = now
        self._passwords = Passwords()
        self._sessions = Sessions(pool, ring, issuer, now)

    def close(self) -> None:
        """Let go of what the handlers work with."""
        self._passwords.close()

    async def token(self, request: web.Request) -> web.Response:
        """Sign in or carry on: POST /token?grant_type=..."""
        _take(self._limits.token, request)
        grant = request.query.get("grant_type")
        if grant == "password":
            return await self._sign_in(request)
        if grant == "refresh_token":
            body = await read_object(request)
            text = get_text(body, "refresh_token")
            if not text:
                raise OAuthShapeError("invalid_request", "refresh_token required")
            return json_response(await self._sessions.refresh(text))
        if grant == "pkce":
            return await _refuse_pkce(request)
        if grant == "id_token":
            return await _refuse_id_token(request)
        raise AuthError(400, "invalid_credentials", "unsupported_grant_type")

    async def signup(self, request: web.Request) -> web.Response:
        """Make an account and sign it in (addresses count as confirmed): POST /signup."""
        _take(self._limits.signup, request)
        body = await read_object(request)
        email, password = get_text(body, "email"), get_text(body, "password")
        data = get_data(body)
        _check_who(email, get_text(body, "phone"))
        if not password:
            raise AuthError(400, "validation_failed", "Signup requires a valid password")
        email = check_email(email)
        check_strength(password)
        password_hash = await self._passwords.hash(password)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                user = await auth_store.add_user(connection, email, password_hash, data)
                answer = await self._sessions.open(connection, user.id, **_origin(request))
        except asyncpg.UniqueViolationError as exc:
            _reraise_unless_email(exc)
            raise AuthError(422, "user_already_exists", "User already registered") from exc
        return json_response(answer)

    async def read_user(self, request: web.Request) -> web.Response:
        """Say who a token is, if its login lives: GET /user."""
        return json_response(render_user((await self._authenticate(request)).user))

    async def change_user(self, request: web.Request) -> web.Response:
        """Change password, address or data of whoever asks: PUT /user."""
        _take(self._limits.user, request)
        bearer = await self._authenticate(request)
        body = await read_object(request)
        if get_text(body, "phone"):
            raise AuthError(422, "phone_provider_disabled", "Phone logins are disabled")
        data = get_data(body)
        email = get_text(body, "email")
        email = check_email(email) if email else ""
        password_hash = await self._new_hash(bearer.user, body)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                user = await auth_store.change_user(
                    connection,
                    bearer.user.id,
                    email=email or None,
                    password_hash=password_hash,
                    data=data,
                )
                if password_hash is not None:
                    # Whoever knew the old password is out.
                    await auth_store.end_sessions(
                        connection, bearer.user.id, keep=bearer.session_id
                    )
        except asyncpg.UniqueViolationError as exc:
            _reraise_unless_email(exc)
            raise AuthError(422, "email_exists", TAKEN) from exc
        return json_response(render_user(user or bearer.user))

    async def logout(self, request: web.Request) -> web.Response:
        """End logins: POST /logout?scope=global|local|others."""
        bearer = await self._authenticate(request)
        scope = request.query.get("scope", "global")
        async with self._pool.acquire() as connection:
            if scope == "global":
                await auth_store.end_sessions(connection, bearer.user.id)
            elif scope == "others":
                await auth_store.end_sessions(connection, bearer.user.id, keep=bearer.session_id)
            elif scope == "local" and bearer.session_id is not None:
                await auth_store.end_session(connection, bearer.session_id)
            elif scope != "local":
                raise AuthError(400, "validation_failed", f'Unsupported logout scope "{scope}"')
        return web.Response(status=204)

    async def _sign_in(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        email, password = get_text(body, "email"), get_text(body, "password")
        _check_who(email, get_text(body, "phone"))
        user = None
        if "\0" not in email:
            async with self._pool.acquire() as connection:
                user = await auth_store.get_user_by_email(connection, email.lower())
        if user is not None and user.is_banned(self._now()):
            raise AuthError(400, "user_banned", "User is banned")
        stored = None if user is None else user.password_hash
        is_right = await self._passwords.matches(password, stored)
        if user is None or not is_right:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if not user.is_confirmed():
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        async with self._pool.acquire() as connection, connection.transaction():
            answer = await self._sessions.open(connection, user.id, **_origin(request))
        return json_response(answer)

    async def _new_hash(self, user: User, body: dict[str, Any]) -> str | None:
        """Give what to store for a new password, None where none is asked for."""
        password = get_text(body, "password")
        if not password:
            return None
        check_strength(password)
        current = get_text(body, "current_password")
        if current and not await self._passwords.matches(current, user.password_hash):
            raise AuthError(400, "current_password_invalid", "Current password is not right.")
        if await self._passwords.matches(password, user.password_hash):
            raise AuthError(
                422,
                "same_password",
                "New password should be different from the old password.",
            )
        return await self._passwords.hash(password)

    async def _authenticate(self, request: web.Request) -> Bearer:
        """Find out who asks, in the order of section 5.1.

        Raises:
            AuthError: 401 without a token, 403 with a bad one or for a login that has ended.
        """
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
        user_id, session_id = self._read_claims(token.strip())
        async with self._pool.acquire() as connection:
            user = await auth_store.get_user(connection, user_id)
            if user is None:
                raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
            if session_id and not await auth_store.has_session(connection, session_id, user_id):
                raise AuthError(
                    403, "session_not_found", "Session from session_id claim in JWT does not exist"
                )
        if user.is_banned(self._now()):
            raise AuthError(403, "user_banned", "User is banned")
        return Bearer(user, session_id)

    def _read_claims(self, token: str) -> tuple[uuid.UUID, uuid.UUID | None]:
        if token == self._anon_key:
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        try:
            claims = read_access_token(self._ring, token, self._now())
        except TokenError as exc:
            raise AuthError(403, "bad_jwt", f"invalid JWT: {exc.reason}") from exc
        if not claims.get("sub"):
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        user_id = _uuid(claims["sub"])
        if user_id is None:
            raise AuthError(400, "bad_jwt", "invalid claim: sub claim must be a UUID")
        audience = claims.get("aud")
        if audience != AUDIENCE and not (isinstance(audience, list) and AUDIENCE in audience[:1]):
            raise AuthError(
                400, "validation_failed", "Token audience doesn't match request audience"
            )
        session_id = claims.get("session_id")
        return user_id, _uuid(session_id) if session_id else None


def _take(buckets: Buckets | None, request: web.Request) -> None:
    if buckets is not None and not buckets.take(request.remote or ""):
        raise AuthError(429, "over_request_rate_limit", "Request rate limit reached")


def _check_who(email: str, phone: str) -> None:
    if email and phone:
        raise AuthError(
            400,
            "validation_failed",
            "Only an email address or phone number should be provided on login.",
        )
    if phone:
        raise AuthError(422, "phone_provider_disabled", "Phone logins are disabled")
    if not email:
        raise AuthError(400, "validation_failed", "missing email or phone")


def _origin(request: web.Request) -> dict[str, str | None]:
    agent = request.headers.get(hdrs.USER_AGENT)
    return {"user_agent": agent and agent[:USER_AGENT_CHARS], "ip": request.remote}


def _reraise_unless_email(exc: asyncpg.UniqueViolationError) -> None:
    # A unique violation of a project's own trigger is another matter.
    if exc.constraint_name != EMAIL_KEY:
        raise exc


def _uuid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


async def _refuse_pkce(request: web.Request) -> web.Response:
    body = await read_object(request)
    if not get_text(body, "auth_code") or not get_text(body, "code_verifier"):
        raise AuthError(
            400, "validation_failed", "invalid request: both auth code and code verifier required"
        )
    raise AuthError(404, "flow_state_not_found", "invalid flow state, no valid flow state found")


async def _refuse_id_token(request: web.Request) -> web.Response:
    if not get_text(await read_object(request), "id_token"):
        raise OAuthShapeError("invalid request", "id_token required")
    raise AuthError(422, "provider_disabled", "No provider of id tokens is enabled")
