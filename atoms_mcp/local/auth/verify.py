"""What came by mail is shown: the code typed in, or the link followed.

Source: Supabase Auth API.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import code_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.body import check_email, get_text
from atoms_mcp.local.auth.context import Context, entry
from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.flows import TOLD, Flows, not_found, refuse_at
from atoms_mcp.local.auth.letters import KINDS, PKCE_PREFIX, hash_code
from atoms_mcp.local.auth.limits import take
from atoms_mcp.local.auth.redirects import choose_redirect, put_fragment
from atoms_mcp.local.auth.user import User

CODE_LIFE = timedelta(hours=1)
CONFIRMATION, RECOVERY = "confirmation_token", "recovery_token"
# What a type of request may be shown for.
TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "signup": (CONFIRMATION,),
        "invite": (CONFIRMATION,),
        "magiclink": (RECOVERY,),
        "recovery": (RECOVERY,),
        "email": (CONFIRMATION, RECOVERY),
    }
)
WRONG_CODE = "Token has expired or is invalid"
WRONG_LINK = "Email link is invalid or has expired"


class Verify:
    """Handlers of /verify."""

    def __init__(self, context: Context, flows: Flows) -> None:
        self._context = context
        self._flows = flows

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth."""
        return [
            web.post("/verify", self.verify),
            web.get("/verify", self.follow, allow_head=False),
        ]

    async def verify(self, request: web.Request) -> web.Response:
        """Sign in with a code, or with the hash from a link: POST /verify."""
        body = await self._context.read(request, self._context.limits.verify)
        token_types = _read_types(get_text(body, "type"))
        hashes, wrong = _read_hashes(body)
        async with self._context.pool.acquire() as connection, connection.transaction():
            user = await self._redeem(connection, token_types, hashes, wrong)
            answer = await self._context.sessions.open(connection, user.id, entry(request, "otp"))
        return json_response(answer)

    async def follow(self, request: web.Request) -> web.Response:
        """Follow a link from a mail: GET /verify; its end is told to the page it leads to."""
        take(self._context.limits.verify, request.remote)
        query = request.query
        to = choose_redirect(query.get("redirect_to", ""), self._context.options.site_url)
        kind, token = query.get("type", ""), query.get("token", "")
        if not token:
            raise AuthError(400, "validation_failed", "Verify requires a token or a token hash")
        token_types = _read_types(kind)
        is_pkce = token.startswith(PKCE_PREFIX)
        try:
            async with self._context.pool.acquire() as connection, connection.transaction():
                user = await self._redeem(connection, token_types, [token], WRONG_LINK)
                if is_pkce:
                    location = await self._arrive(request, connection, user, kind)
                else:
                    answer = await self._context.sessions.open(
                        connection, user.id, entry(request, "otp")
                    )
                    told = {name: str(answer[name]) for name in TOLD}
                    location = put_fragment(to, {**told, "type": kind})
        except AuthError as exc:
            location = refuse_at(to, exc, has_query=is_pkce)
        return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})

    async def _redeem(
        self,
        connection: asyncpg.Connection,
        token_types: Sequence[str],
        hashes: Sequence[str],
        wrong: str,
    ) -> User:
        taken = await code_store.take_token(
            connection, token_types=token_types, token_hashes=hashes
        )
        if taken is None or self._context.at() - taken.created_at > CODE_LIFE:
            raise AuthError(403, "otp_expired", wrong)
        user = await auth_store.get_user(connection, taken.user_id)
        if user is None:
            raise AuthError(403, "otp_expired", wrong)
        if user.is_banned(self._context.now()):
            raise AuthError(403, "user_banned", "User is banned")
        await auth_store.confirm_user(connection, user.id)
        return user

    async def _arrive(
        self, request: web.Request, connection: asyncpg.Connection, user: User, kind: str
    ) -> str:
        method = KINDS[kind].method if kind in KINDS else ""
        flow = await code_store.get_flow_of(connection, user.id, method)
        if flow is None:
            raise not_found()
        return await self._flows.arrive(request, connection, flow, user.id)


def _read_types(kind: str) -> tuple[str, ...]:
    if not kind:
        raise AuthError(400, "validation_failed", "Verify requires a verification type")
    if kind not in TYPES:
        raise AuthError(400, "validation_failed", "Unsupported verification type")
    return TYPES[kind]


def _read_hashes(body: Mapping[str, Any]) -> tuple[list[str], str]:
    """Give the hashes that would fit, and what to say where none does."""
    token, token_hash = get_text(body, "token"), get_text(body, "token_hash")
    email, phone = get_text(body, "email"), get_text(body, "phone")
    if token_hash:
        if token or email or phone:
            raise AuthError(
                400, "validation_failed", "Only the token_hash and type should be provided"
            )
        return [token_hash], WRONG_LINK
    if not token:
        raise AuthError(400, "validation_failed", "Verify requires a token or a token hash")
    if bool(email) == bool(phone):
        raise AuthError(
            400,
            "validation_failed",
            "Only an email address or phone number should be provided on verify",
        )
    if phone:
        raise AuthError(403, "otp_expired", WRONG_CODE)
    hashed = hash_code(check_email(email), token)
    return [hashed, PKCE_PREFIX + hashed], WRONG_CODE
