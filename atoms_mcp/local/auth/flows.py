"""Sign-ins that left and come back: their codes, and the tokens that these are exchanged for.

Source: Supabase Auth API (PKCE flow).
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import code_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.bearers import read_uuid
from atoms_mcp.local.auth.body import get_text
from atoms_mcp.local.auth.code_store import Flow
from atoms_mcp.local.auth.context import Context, entry
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.redirects import add_query, put_fragment

FLOW_LIFE = timedelta(seconds=300)
TOLD = ("access_token", "refresh_token", "expires_in", "expires_at", "token_type")


class Flows:
    """Brings sign-ins back to where they began."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def exchange(self, request: web.Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give the token answer for a code and its verifier: grant type pkce.

        Raises:
            AuthError: each with the code that real clients know.
        """
        code, verifier = get_text(body, "auth_code"), get_text(body, "code_verifier")
        if not code or not verifier:
            raise AuthError(
                400,
                "validation_failed",
                "invalid request: both auth code and code verifier should be non-empty",
            )
        auth_code = read_uuid(code)
        async with self._context.pool.acquire() as connection, connection.transaction():
            flow = auth_code and await code_store.get_flow_by_code(connection, auth_code)
            if not flow or flow.user_id is None or flow.challenge is None:
                raise not_found()
            self.check_age(flow)
            if not flow.challenge.is_met_by(verifier):
                raise AuthError(
                    400,
                    "bad_code_verifier",
                    "code challenge does not match previously saved code verifier",
                )
            await code_store.remove_flow(connection, flow.id)
            return await self._open(request, connection, flow, flow.user_id)

    async def arrive(
        self,
        request: web.Request,
        connection: asyncpg.Connection,
        flow: Flow,
        user_id: uuid.UUID,
    ) -> str:
        """Give the address to go on to: with a code, or the tokens in the fragment."""
        if flow.challenge is not None:
            await code_store.finish_flow(connection, flow.id, user_id, self._context.at())
            return add_query(flow.redirect_to, {"code": str(flow.auth_code)})
        await code_store.remove_flow(connection, flow.id)
        answer = await self._open(request, connection, flow, user_id)
        return put_fragment(flow.redirect_to, {name: str(answer[name]) for name in TOLD})

    def check_age(self, flow: Flow) -> None:
        """Let pass a sign-in that did not take too long.

        Raises:
            AuthError: flow_state_expired (422).
        """
        if self._context.at() - flow.issued_at > FLOW_LIFE:
            raise AuthError(422, "flow_state_expired", "invalid flow state, flow state has expired")

    async def _open(
        self,
        request: web.Request,
        connection: asyncpg.Connection,
        flow: Flow,
        user_id: uuid.UUID,
    ) -> dict[str, Any]:
        user = await auth_store.get_user(connection, user_id)
        if user is not None and user.is_banned(self._context.now()):
            raise AuthError(400, "user_banned", "User is banned")
        provider = flow.provider if flow.method == "oauth" else None
        return await self._context.sessions.open(
            connection, user_id, entry(request, flow.method, provider)
        )


def not_found() -> AuthError:
    """Give the refusal of a sign-in that is not known."""
    return AuthError(404, "flow_state_not_found", "invalid flow state, no valid flow state found")


def refuse_at(url: str, error: AuthError, *, has_query: bool) -> str:
    """Give the address that tells a browser's page of a refusal, in fragment and query."""
    told = {
        "error": "access_denied" if error.status in {401, 403} else "invalid_request",
        "error_code": error.code,
        "error_description": error.message,
    }
    return put_fragment(add_query(url, told) if has_query else url, told)
