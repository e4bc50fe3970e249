"""Signing in through somebody else: here, a pretended provider that knows all accounts.

Source: Supabase Auth API (/authorize, /callback).
"""

from urllib.parse import urlencode

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import code_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.bearers import read_uuid
from atoms_mcp.local.auth.code_store import Departure, Flow
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.flows import Flows, refuse_at
from atoms_mcp.local.auth.letters import FLOW_KEPT
from atoms_mcp.local.auth.options import DEMO_PROVIDER
from atoms_mcp.local.auth.pages import check_local, render_accounts, render_page
from atoms_mcp.local.auth.pkce import read_challenge
from atoms_mcp.local.auth.redirects import choose_redirect
from atoms_mcp.local.auth.user import User

ACCOUNT_LIMIT = 1000


class Providers:
    """Handlers of /authorize, of the pretended provider's page, and of /callback."""

    def __init__(self, context: Context, flows: Flows) -> None:
        self._context = context
        self._flows = flows

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth."""
        routes = [
            web.get("/authorize", self.authorize, allow_head=False),
            web.get("/callback", self.callback, allow_head=False),
        ]
        if self._context.options.has_demo_provider:
            routes.append(web.get("/demo", self.show_accounts, allow_head=False))
        return routes

    async def authorize(self, request: web.Request) -> web.Response:
        """Leave for a provider: GET /authorize?provider=..."""
        query = request.query
        provider = query.get("provider", "")
        if not self._context.options.has_demo_provider or provider != DEMO_PROVIDER:
            raise AuthError(
                400, "validation_failed", f"Unsupported provider: provider {provider!r} is not on"
            )
        at, site_url = self._context.at(), self._context.options.site_url
        to = choose_redirect(query.get("redirect_to", ""), site_url)
        departure = Departure(provider, "oauth", to, read_challenge(query))
        async with self._context.pool.acquire() as connection, connection.transaction():
            await code_store.remove_old(connection, at - FLOW_KEPT)
            flow_id = await code_store.add_flow(connection, departure, at)
        return _go(f"{self._context.issuer}/demo?{urlencode({'state': str(flow_id)})}")

    async def show_accounts(self, request: web.Request) -> web.Response:
        """Let somebody choose who to be: GET /demo, the provider's page."""
        check_local(request)
        async with self._context.pool.acquire() as connection:
            users = await auth_store.list_users(connection, ACCOUNT_LIMIT)
        accounts = render_accounts(
            users, state=request.query.get("state", ""), action=f"{self._context.issuer}/callback"
        )
        return render_page("Sign in with the demo provider", accounts)

    async def callback(self, request: web.Request) -> web.Response:
        """Come back from the provider: GET /callback?state=...&code=..."""
        flow: Flow | None = None
        try:
            async with self._context.pool.acquire() as connection, connection.transaction():
                flow = await _find(connection, request.query.get("state"))
                user = await self._read_person(connection, request, flow)
                await auth_store.add_identity(connection, user, flow.provider)
                location = await self._flows.arrive(request, connection, flow, user.id)
        except AuthError as exc:
            to = flow.redirect_to if flow else self._context.options.site_url
            location = refuse_at(to, exc, has_query=True)
        return _go(location)

    async def _read_person(
        self, connection: asyncpg.Connection, request: web.Request, flow: Flow
    ) -> User:
        self._flows.check_age(flow)
        query = request.query
        if query.get("error"):
            raise AuthError(403, "provider_refused", "The provider said: access_denied")
        user_id = read_uuid(query.get("code"))
        user = user_id and await auth_store.get_user(connection, user_id)
        if not user:
            raise AuthError(400, "bad_oauth_callback", "OAuth callback with missing code")
        if user.is_banned(self._context.now()):
            raise AuthError(403, "user_banned", "User is banned")
        return user


async def _find(connection: asyncpg.Connection, state: str | None) -> Flow:
    flow_id = read_uuid(state)
    flow = flow_id and await code_store.get_flow(connection, flow_id)
    if not flow or flow.user_id is not None or flow.provider != DEMO_PROVIDER:
        raise AuthError(400, "bad_oauth_state", "OAuth state not found or expired")
    return flow


def _go(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})
