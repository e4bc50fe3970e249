"""The OAuth server's tokens: for a code, for a refresh token; and what they say of their user.

Source: Supabase Auth API (OAuth 2.1 server); OpenID Connect Core 1.0 sections 2, 5.3.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import oauth_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.body import get_text, read_form
from atoms_mcp.local.auth.context import Context, entry
from atoms_mcp.local.auth.errors import OAuthShapeError, json_response
from atoms_mcp.local.auth.limits import take
from atoms_mcp.local.auth.oauth_clients import authenticate
from atoms_mcp.local.auth.oauth_store import Authorization, Client
from atoms_mcp.local.auth.user import User
from atoms_mcp.local.tokens import sign_access_token

METHOD = "oauth_provider/authorization_code"
TOLD = ("access_token", "token_type", "expires_in", "refresh_token")


class OAuthTokens:
    """Handlers of /oauth/token and /oauth/userinfo."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth; none where the server is off."""
        if not self._context.options.has_oauth_server:
            return []
        return [
            web.post("/oauth/token", self.token),
            web.get("/oauth/userinfo", self.user_info, allow_head=False),
        ]

    async def token(self, request: web.Request) -> web.Response:
        """Give an app its tokens: POST /oauth/token, with a form or JSON."""
        take(self._context.limits.token, request.remote)
        body = await read_form(request)
        grant = get_text(body, "grant_type")
        async with self._context.pool.acquire() as connection:
            client = await authenticate(connection, request, body)
        if not grant:
            raise OAuthShapeError("invalid_request", "grant_type is required")
        if grant not in client.grant_types:
            raise OAuthShapeError(
                "unsupported_grant_type", f"Client is not allowed to use grant type: {grant}"
            )
        if grant == "refresh_token":
            answer = await self._refresh(client, body)
        else:
            answer = await self._redeem(request, client, body)
        return json_response(answer, headers={"Cache-Control": "no-store"})

    async def user_info(self, request: web.Request) -> web.Response:
        """Say of a token's user what its scopes allow: GET /oauth/userinfo."""
        bearer = await self._context.bearers.authenticate(request)
        async with self._context.pool.acquire() as connection:
            scopes = await oauth_store.get_scopes(connection, bearer.session_id)
        return json_response(_describe(bearer.user, scopes))

    async def _refresh(self, client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
        text = get_text(body, "refresh_token")
        if not text:
            raise OAuthShapeError(
                "invalid_request", "refresh_token is required for refresh_token grant"
            )
        answer = await self._context.sessions.refresh(text, client.id)
        return {name: answer[name] for name in TOLD}

    async def _redeem(
        self, request: web.Request, client: Client, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        code = get_text(body, "code")
        if not code:
            raise OAuthShapeError(
                "invalid_request", "code is required for authorization_code grant"
            )
        async with self._context.pool.acquire() as connection, connection.transaction():
            authorization = await oauth_store.lock_code(connection, code)
            authorization = self._check(authorization, client, body, is_json=_is_json(request))
            user = await self._find_user(connection, authorization.user_id)
            await oauth_store.remove_authorization(connection, authorization.id)
            how = entry(request, METHOD)
            how = replace(how, client_id=client.id, scopes=authorization.scope)
            answer = await self._context.sessions.open(connection, user.id, how)
        told = {name: answer[name] for name in TOLD}
        if "openid" in authorization.scope.split():
            told["id_token"] = self._sign_id_token(user, authorization)
        return told

    def _check(
        self,
        authorization: Authorization | None,
        client: Client,
        body: Mapping[str, Any],
        *,
        is_json: bool,
    ) -> Authorization:
        if authorization is None:
            raise _invalid_grant("Invalid authorization code")
        if authorization.expires_at < self._context.at():
            raise _invalid_grant("Authorization code has expired")
        if authorization.client_id != client.id:
            raise _invalid_grant("Authorization code was not issued for this client")
        # As the real one: a form's resource is not looked at.
        resource = get_text(body, "resource") if is_json else ""
        if resource not in {"", authorization.resource}:
            raise _invalid_grant("Authorization code resource does not match")
        if get_text(body, "redirect_uri") not in {"", authorization.redirect_uri}:
            raise _invalid_grant("Invalid redirect_uri")
        if not authorization.challenge.is_met_by(get_text(body, "code_verifier")):
            raise _invalid_grant("PKCE verification failed: code challenge does not match")
        return authorization

    async def _find_user(self, connection: asyncpg.Connection, user_id: uuid.UUID | None) -> User:
        user = user_id and await auth_store.get_user(connection, user_id)
        if not user:
            raise _invalid_grant("User not found for authorization code")
        if user.is_banned(self._context.now()):
            raise OAuthShapeError("access_denied", "User is banned")
        return user

    def _sign_id_token(self, user: User, authorization: Authorization) -> str:
        issued_at = int(self._context.now())
        nonce = {"nonce": authorization.nonce} if authorization.nonce else {}
        return sign_access_token(
            self._context.ring,
            {
                "iss": self._context.issuer,
                "aud": str(authorization.client_id),
                "iat": issued_at,
                "exp": issued_at + self._context.options.token_life_s,
                **_describe(user, authorization.scope),
                **nonce,
            },
        )


def _describe(user: User, scopes: str) -> dict[str, Any]:
    told: dict[str, Any] = {"sub": str(user.id)}
    if "email" in scopes.split():
        told |= {"email": user.email, "email_verified": user.is_confirmed()}
    if "profile" in scopes.split():
        told |= {"name": user.user_metadata.get("name", user.email)}
    return told


def _is_json(request: web.Request) -> bool:
    return request.content_type == "application/json"


def _invalid_grant(description: str) -> OAuthShapeError:
    return OAuthShapeError("invalid_grant", description)
