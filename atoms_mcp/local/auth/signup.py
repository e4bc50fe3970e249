"""Making an account with a password.

Source: Supabase Auth API.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import letters
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.body import check_email, check_who, get_data, get_text
from atoms_mcp.local.auth.context import Context, entry
from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.letters import Way, read_way
from atoms_mcp.local.auth.passwords import check_strength
from atoms_mcp.local.auth.user import User, render_user
from atoms_mcp.local.tokens import AUDIENCE


class Signups:
    """Handler of /signup."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth."""
        return [web.post("/signup", self.sign_up)]

    async def sign_up(self, request: web.Request) -> web.Response:
        """Make an account: POST /signup.

        It is signed in at once where addresses count as confirmed; else a mail goes out, and
        an address that is taken is answered as if it were new.
        """
        context = self._context
        body = await context.read(request, context.limits.signup, has_captcha=True)
        if not context.options.has_signup:
            raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")
        email, password, data = _read_person(body)
        way = read_way(request, body, context.options.site_url)
        password_hash = await context.passwords.hash(password)
        answer = None
        try:
            async with context.pool.acquire() as connection, connection.transaction():
                user = await auth_store.get_user_by_email(connection, email)
                if user is None:
                    user = await auth_store.add_user(
                        connection,
                        email,
                        password_hash,
                        data,
                        is_confirmed=context.options.has_autoconfirm,
                    )
                    answer = await self._welcome(request, connection, user, way)
                elif not (context.options.has_autoconfirm or user.is_confirmed()):
                    # What is known of it stays: whoever asks may be a stranger.
                    answer = await self._mail(connection, user, way)
        except asyncpg.UniqueViolationError as exc:
            auth_store.reraise_unless_email(exc)
        return json_response(answer or self._tell_taken(email, data))

    async def _welcome(
        self, request: web.Request, connection: asyncpg.Connection, user: User, way: Way
    ) -> dict[str, Any]:
        if not user.is_confirmed():
            return await self._mail(connection, user, way)
        return await self._context.sessions.open(connection, user.id, entry(request, "password"))

    async def _mail(self, connection: asyncpg.Connection, user: User, way: Way) -> dict[str, Any]:
        await letters.send(self._context, connection, user, "signup", way)
        sent = {**user.times, "confirmation_sent_at": self._context.at()}
        return render_user(replace(user, times=sent))

    def _tell_taken(self, email: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Say that the address is taken, or, where mails confirm, what a new one would be told."""
        if self._context.options.has_autoconfirm:
            raise AuthError(422, "user_already_exists", "User already registered")
        at = self._context.at()
        nobody = User(
            id=uuid.uuid4(),
            aud=AUDIENCE,
            role="",
            email=email,
            phone="",
            app_metadata={"provider": "email", "providers": ["email"]},
            user_metadata=data,
            identities=(),
            factors=(),
            times={"confirmation_sent_at": at, "created_at": at, "updated_at": at},
            is_anonymous=False,
            password_hash=None,
        )
        return render_user(nobody)


def _read_person(body: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    email, password = get_text(body, "email"), get_text(body, "password")
    data = get_data(body)
    check_who(email, get_text(body, "phone"))
    if not password:
        raise AuthError(400, "validation_failed", "Signup requires a valid password")
    email = check_email(email)
    check_strength(password)
    return email, password, data
