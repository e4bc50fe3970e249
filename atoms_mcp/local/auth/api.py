"""The endpoints of Auth, as far as this package uses them, and what is around them.

Source: Supabase Auth API.
"""

from collections.abc import Mapping
from typing import Any

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.body import check_email, check_who, get_data, get_text, read_object
from atoms_mcp.local.auth.codes import Codes
from atoms_mcp.local.auth.context import Context, entry
from atoms_mcp.local.auth.errors import AuthError, OAuthShapeError, json_response
from atoms_mcp.local.auth.factors import Factors
from atoms_mcp.local.auth.flows import Flows
from atoms_mcp.local.auth.limits import take
from atoms_mcp.local.auth.oauth_server import OAuthServer
from atoms_mcp.local.auth.oauth_tokens import OAuthTokens
from atoms_mcp.local.auth.pages import MailPage
from atoms_mcp.local.auth.passwords import check_strength
from atoms_mcp.local.auth.providers import Providers
from atoms_mcp.local.auth.signup import Signups
from atoms_mcp.local.auth.user import User, render_user
from atoms_mcp.local.auth.verify import Verify

TAKEN = "A user with this email address has already been registered"


class AuthApi:
    """Handlers of /auth/v1."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._flows = Flows(context)
        self._parts = (
            Signups(context),
            Codes(context),
            Verify(context, self._flows),
            Factors(context),
            Providers(context, self._flows),
            OAuthServer(context),
            OAuthTokens(context),
        )
        self.mail = MailPage(context.mailbox)

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth."""
        return [
            web.post("/token", self.token),
            web.get("/user", self.read_user),
            web.put("/user", self.change_user),
            web.post("/logout", self.logout),
            *(route for part in self._parts for route in part.routes()),
        ]

    def close(self) -> None:
        """Let go of what the handlers work with."""
        self._context.passwords.close()

    async def token(self, request: web.Request) -> web.Response:
        """Sign in or carry on: POST /token?grant_type=..."""
        grant = request.query.get("grant_type")
        body = await self._context.read(
            request, self._context.limits.token, has_captcha=grant == "password"
        )
        if grant == "password":
            return await self._sign_in(request, body)
        if grant == "refresh_token":
            text = get_text(body, "refresh_token")
            if not text:
                raise OAuthShapeError("invalid_request", "refresh_token required")
            return json_response(await self._context.sessions.refresh(text))
        if grant == "pkce":
            return json_response(await self._flows.exchange(request, body))
        if grant == "id_token":
            return _refuse_id_token(body)
        raise AuthError(400, "invalid_credentials", "unsupported_grant_type")

    async def read_user(self, request: web.Request) -> web.Response:
        """Say who a token is, if its login lives: GET /user."""
        return json_response(render_user((await self._context.bearers.authenticate(request)).user))

    async def change_user(self, request: web.Request) -> web.Response:
        """Change password, address or data of whoever asks: PUT /user."""
        take(self._context.limits.user, request.remote)
        bearer = await self._context.bearers.authenticate(request)
        body = await read_object(request)
        if get_text(body, "phone"):
            raise AuthError(422, "phone_provider_disabled", "Phone logins are disabled")
        data = get_data(body)
        email = get_text(body, "email")
        email = check_email(email) if email else ""
        is_sensitive = bool(get_text(body, "password")) or email not in {"", bearer.user.email}
        if is_sensitive and bearer.user.has_second_factor() and bearer.level != "aal2":
            raise AuthError(
                401,
                "insufficient_aal",
                "AAL2 session is required to update email or password when MFA is enabled.",
            )
        password_hash = await self._new_hash(bearer.user, body)
        try:
            async with self._context.pool.acquire() as connection, connection.transaction():
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
            auth_store.reraise_unless_email(exc)
            raise AuthError(422, "email_exists", TAKEN) from exc
        return json_response(render_user(user or bearer.user))

    async def logout(self, request: web.Request) -> web.Response:
        """End logins: POST /logout?scope=global|local|others."""
        bearer = await self._context.bearers.authenticate(request)
        scope = request.query.get("scope", "global")
        async with self._context.pool.acquire() as connection:
            if scope == "global":
                await auth_store.end_sessions(connection, bearer.user.id)
            elif scope == "others":
                await auth_store.end_sessions(connection, bearer.user.id, keep=bearer.session_id)
            elif scope == "local" and bearer.session_id is not None:
                await auth_store.end_session(connection, bearer.session_id)
            elif scope != "local":
                raise AuthError(400, "validation_failed", f'Unsupported logout scope "{scope}"')
        return web.Response(status=204)

    async def _sign_in(self, request: web.Request, body: Mapping[str, Any]) -> web.Response:
        email, password = get_text(body, "email"), get_text(body, "password")
        check_who(email, get_text(body, "phone"))
        user = None
        if "\0" not in email:
            async with self._context.pool.acquire() as connection:
                user = await auth_store.get_user_by_email(connection, email.lower())
        if user is not None and user.is_banned(self._context.now()):
            raise AuthError(400, "user_banned", "User is banned")
        stored = None if user is None else user.password_hash
        is_right = await self._context.passwords.matches(password, stored)
        if user is None or not is_right:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if not user.is_confirmed():
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        async with self._context.pool.acquire() as connection, connection.transaction():
            answer = await self._context.sessions.open(
                connection, user.id, entry(request, "password")
            )
        return json_response(answer)

    async def _new_hash(self, user: User, body: dict[str, Any]) -> str | None:
        """Give what to store for a new password, None where none is asked for."""
        password = get_text(body, "password")
        if not password:
            return None
        check_strength(password)
        current = get_text(body, "current_password")
        if current and not await self._context.passwords.matches(current, user.password_hash):
            raise AuthError(400, "current_password_invalid", "Current password is not right.")
        if await self._context.passwords.matches(password, user.password_hash):
            raise AuthError(
                422,
                "same_password",
                "New password should be different from the old password.",
            )
        return await self._context.passwords.hash(password)


def _refuse_id_token(body: Mapping[str, Any]) -> web.Response:
    if not get_text(body, "id_token"):
        raise OAuthShapeError("invalid request", "id_token required")
    raise AuthError(422, "provider_disabled", "No provider of id tokens is enabled")
