"""Asking for mails: a code to sign in, a forgotten password, a confirmation once more.

What is answered does not tell whether an account exists, except where the real one tells.

Source: Supabase Auth API.
"""

from collections.abc import Mapping
from typing import Any

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import letters
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.body import check_email, check_who, get_data, get_flag, get_text
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.letters import Way, read_way
from atoms_mcp.local.auth.user import User

RESENDABLE = frozenset({"signup", "email_change", "sms", "phone_change"})


class Codes:
    """Handlers of /otp, /magiclink, /recover and /resend."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth."""
        return [
            web.post("/otp", self.otp),
            web.post("/magiclink", self.magic_link),
            web.post("/recover", self.recover),
            web.post("/resend", self.resend),
        ]

    async def otp(self, request: web.Request) -> web.Response:
        """Mail a code to sign in with, and make the account if need be: POST /otp."""
        body = await self._read(request)
        await self._mail_sign_in(request, body, may_create=get_flag(body, "create_user"))
        return json_response({})

    async def magic_link(self, request: web.Request) -> web.Response:
        """Do the same by its older name: POST /magiclink."""
        body = await self._read(request)
        await self._mail_sign_in(request, body, may_create=True)
        return json_response({})

    async def recover(self, request: web.Request) -> web.Response:
        """Mail a way back to an account: POST /recover. Strangers are told the same."""
        body = await self._read(request)
        email, way = self._read_who(request, body)
        async with self._context.pool.acquire() as connection, connection.transaction():
            user = await auth_store.get_user_by_email(connection, email)
            if user is not None:
                await letters.send(self._context, connection, user, "recovery", way)
        return json_response({})

    async def resend(self, request: web.Request) -> web.Response:
        """Mail a confirmation once more: POST /resend. Whoever needs none is told the same."""
        body = await self._read(request)
        if get_text(body, "type") not in RESENDABLE:
            raise AuthError(
                400,
                "validation_failed",
                "Missing one of these types: signup, email_change, sms, phone_change",
            )
        email, way = self._read_who(request, body)
        async with self._context.pool.acquire() as connection, connection.transaction():
            user = await auth_store.get_user_by_email(connection, email)
            is_due = user is not None and not user.is_confirmed()
            if user is not None and is_due and body["type"] == "signup":
                await letters.send(self._context, connection, user, "signup", way)
        return json_response({})

    async def _read(self, request: web.Request) -> dict[str, Any]:
        limit = self._context.limits.mail_requests
        return await self._context.read(request, limit, has_captcha=True)

    def _read_who(self, request: web.Request, body: Mapping[str, Any]) -> tuple[str, Way]:
        check_who(get_text(body, "email"), get_text(body, "phone"))
        email = check_email(get_text(body, "email"))
        return email, read_way(request, body, self._context.options.site_url)

    async def _mail_sign_in(
        self, request: web.Request, body: Mapping[str, Any], *, may_create: bool
    ) -> None:
        email, way = self._read_who(request, body)
        data = get_data(body)
        async with self._context.pool.acquire() as connection, connection.transaction():
            user = await auth_store.get_user_by_email(connection, email)
            if user is None:
                self._check_creation(may_create=may_create)
                user = await self._create(connection, email, data)
            # An address that was never confirmed is confirmed by the same mail.
            kind = "magiclink" if user.is_confirmed() else "signup"
            await letters.send(self._context, connection, user, kind, way)

    def _check_creation(self, *, may_create: bool) -> None:
        if not may_create:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        if not self._context.options.has_signup:
            raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")

    async def _create(
        self, connection: asyncpg.Connection, email: str, data: Mapping[str, Any]
    ) -> User:
        return await auth_store.add_user(
            connection, email, None, data, is_confirmed=self._context.options.has_autoconfirm
        )
