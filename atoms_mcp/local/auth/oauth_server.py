"""Supabase's OAuth 2.1 server: apps get tokens of their own for a user who consents.

The page that asks for the consent is the site's, not ours: a browser is sent there with the id
of the authorization, and the page decides through this API as the user.

Source: Supabase Auth API (OAuth 2.1 server); RFC 6749; RFC 7636.
"""

import secrets
from datetime import timedelta
from typing import Any

import asyncpg
from aiohttp import hdrs, web

from atoms_mcp.local.auth import oauth_store
from atoms_mcp.local.auth.bearers import Bearer, read_uuid
from atoms_mcp.local.auth.body import get_text, read_object
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.limits import take
from atoms_mcp.local.auth.oauth_clients import describe_client, make_client, render_client
from atoms_mcp.local.auth.oauth_request import RequestError, read_request
from atoms_mcp.local.auth.oauth_store import Authorization, Client, Consent
from atoms_mcp.local.auth.redirects import add_query, choose_redirect
from atoms_mcp.local.auth.user import render_time

AUTHORIZATION_LIFE = timedelta(minutes=10)
ID_BYTES = 16
CODE_BYTES = 32
CONSENT_PATH = "/oauth/consent"


class OAuthServer:
    """Handlers of registration, authorization and consent."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth; none where the server is off."""
        if not self._context.options.has_oauth_server:
            return []
        return [
            web.post("/oauth/clients/register", self.register),
            web.get("/oauth/authorize", self.authorize, allow_head=False),
            web.get("/oauth/authorizations/{id}", self.read, allow_head=False),
            web.post("/oauth/authorizations/{id}/consent", self.decide),
            web.get("/user/oauth/grants", self.list_grants, allow_head=False),
            web.delete("/user/oauth/grants", self.revoke_grant),
        ]

    async def register(self, request: web.Request) -> web.Response:
        """Register an app: POST /oauth/clients/register."""
        take(self._context.limits.clients, request.remote)
        client, secret = make_client(await read_object(request), self._context.at())
        async with self._context.pool.acquire() as connection:
            await oauth_store.add_client(connection, client)
        return json_response(render_client(client, secret), status=201)

    async def authorize(self, request: web.Request) -> web.Response:
        """Take an app's request, and send the browser to the site's page: GET /oauth/authorize."""
        query, at = request.query, self._context.at()
        async with self._context.pool.acquire() as connection:
            client = await _find_client(connection, query.get("client_id", ""))
            redirect_uri = query.get("redirect_uri", "")
            if redirect_uri not in client.redirect_uris:
                wrong = "invalid redirect_uri" if redirect_uri else "redirect_uri is required"
                raise AuthError(400, "validation_failed", wrong)
            try:
                authorization = read_request(
                    query,
                    client,
                    authorization_id=secrets.token_hex(ID_BYTES),
                    until=at + AUTHORIZATION_LIFE,
                )
            except RequestError as exc:
                state = query.get("state")
                return _go(_refuse(redirect_uri, "invalid_request", str(exc), state))
            async with connection.transaction():
                await oauth_store.add_authorization(connection, authorization, at)
        page = self._context.options.site_url + CONSENT_PATH
        return _go(add_query(page, {"authorization_id": authorization.id}))

    async def read(self, request: web.Request) -> web.Response:
        """Tell a user's page what is asked: GET /oauth/authorizations/{id}.

        Whoever reads it first is the one who decides. Where the same app has as much already,
        it is approved at once, and the answer is where to go.
        """
        self._check_origin(request)
        bearer = await self._context.bearers.authenticate(request)
        async with self._context.pool.acquire() as connection, connection.transaction():
            authorization = await self._find(connection, request)
            if authorization.user_id is None:
                await oauth_store.claim_authorization(connection, authorization.id, bearer.user.id)
                consented = await oauth_store.get_consent(
                    connection, bearer.user.id, authorization.client_id
                )
                if consented and set(authorization.scope.split()) <= set(consented.split()):
                    return json_response(
                        {"redirect_url": await _approve(connection, authorization)}
                    )
            _check_owner(authorization, bearer, may_be_nobodys=True)
            client = await oauth_store.get_client(connection, authorization.client_id)
        return json_response(
            {
                "authorization_id": authorization.id,
                "redirect_uri": authorization.redirect_uri,
                "client": describe_client(client) if client else {},
                "user": {"id": str(bearer.user.id), "email": bearer.user.email},
                "scope": authorization.scope,
            }
        )

    async def decide(self, request: web.Request) -> web.Response:
        """Take the user's decision: POST /oauth/authorizations/{id}/consent."""
        self._check_origin(request)
        bearer = await self._context.bearers.authenticate(request)
        action = get_text(await read_object(request), "action")
        if action not in {"approve", "deny"}:
            raise AuthError(400, "validation_failed", "action must be 'approve' or 'deny'")
        async with self._context.pool.acquire() as connection, connection.transaction():
            authorization = await self._find(connection, request)
            _check_owner(authorization, bearer)
            if action == "approve":
                await oauth_store.put_consent(
                    connection, bearer.user.id, authorization.client_id, authorization.scope
                )
                url = await _approve(connection, authorization)
            else:
                await oauth_store.decide_authorization(connection, authorization.id, "denied", None)
                url = _refuse(
                    authorization.redirect_uri,
                    "access_denied",
                    "User denied the request",
                    authorization.state,
                )
        return json_response({"redirect_url": url})

    async def list_grants(self, request: web.Request) -> web.Response:
        """Tell a user which apps have something: GET /user/oauth/grants."""
        bearer = await self._context.bearers.authenticate(request)
        async with self._context.pool.acquire() as connection:
            grants = [
                await _describe_grant(connection, consent)
                for consent in await oauth_store.list_consents(connection, bearer.user.id)
            ]
        return json_response(grants)

    async def revoke_grant(self, request: web.Request) -> web.Response:
        """Take back what an app has: DELETE /user/oauth/grants?client_id=..."""
        bearer = await self._context.bearers.authenticate(request)
        named = request.query.get("client_id", "")
        client_id = read_uuid(named)
        if client_id is None:
            wrong = "invalid client_id format" if named else "client_id query parameter is required"
            raise AuthError(400, "validation_failed", wrong)
        async with self._context.pool.acquire() as connection, connection.transaction():
            if not await oauth_store.remove_consent(connection, bearer.user.id, client_id):
                raise AuthError(
                    404, "oauth_consent_not_found", "No active grant found for this client"
                )
        return web.Response(status=204)

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin and choose_redirect(origin, self._context.options.site_url) != origin:
            raise AuthError(400, "validation_failed", "unauthorized request origin")

    async def _find(self, connection: asyncpg.Connection, request: web.Request) -> Authorization:
        found = await oauth_store.lock_authorization(connection, request.match_info["id"])
        if found is None or found.expires_at < self._context.at():
            raise _unknown()
        if found.status != "pending":
            raise AuthError(400, "validation_failed", "authorization request cannot be processed")
        return found


async def _find_client(connection: asyncpg.Connection, named: str) -> Client:
    if not named:
        raise AuthError(400, "validation_failed", "client_id is required")
    client_id = read_uuid(named)
    client = client_id and await oauth_store.get_client(connection, client_id)
    if not client:
        wrong = "invalid client_id" if client_id else "invalid client_id format"
        raise AuthError(400, "oauth_client_not_found", wrong)
    return client


async def _describe_grant(connection: asyncpg.Connection, consent: Consent) -> dict[str, Any]:
    client = await oauth_store.get_client(connection, consent.client_id)
    return {
        "client": describe_client(client) if client else {},
        "scopes": consent.scopes.split(),
        "granted_at": render_time(consent.granted_at),
    }


async def _approve(connection: asyncpg.Connection, authorization: Authorization) -> str:
    code = secrets.token_hex(CODE_BYTES)
    await oauth_store.decide_authorization(connection, authorization.id, "approved", code)
    state = {"state": authorization.state} if authorization.state else {}
    return add_query(authorization.redirect_uri, {"code": code, **state})


def _check_owner(
    authorization: Authorization, bearer: Bearer, *, may_be_nobodys: bool = False
) -> None:
    owner = authorization.user_id
    if owner != bearer.user.id and not (may_be_nobodys and owner is None):
        raise _unknown()


def _refuse(redirect_uri: str, error: str, description: str, state: str | None) -> str:
    told = {"error": error, "error_description": description}
    return add_query(redirect_uri, {**told, "state": state} if state else told)


def _unknown() -> AuthError:
    return AuthError(404, "oauth_authorization_not_found", "authorization not found")


def _go(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})
