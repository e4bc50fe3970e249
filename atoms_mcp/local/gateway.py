"""The gateway: Auth and REST behind one address, with what stands in front of both.

Keys of the project, CORS, errors in JSON. It decides who asks REST; what they may do there
is the database's.

Source: Supabase Auth and PostgREST references.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog
from aiohttp import hdrs, web

from atoms_mcp.local.auth.api import AuthApi
from atoms_mcp.local.auth.discovery import Discovery
from atoms_mcp.local.auth.errors import (
    API_VERSION_HEADER,
    TRIGGER_CLASSES,
    AuthError,
    OAuthShapeError,
    is_outage,
    render_auth_error,
    render_gateway_refusal,
    render_oauth_error,
    render_raised,
)
from atoms_mcp.local.auth.pages import MAIL_PATH
from atoms_mcp.local.keys import KeyRing
from atoms_mcp.local.rest.errors import error_response
from atoms_mcp.local.tokens import TokenError, read_access_token

AUTH = "/auth/v1"
REST = "/rest/v1"
OPEN_PATHS = frozenset(
    {
        MAIL_PATH,
        *(
            f"{AUTH}/{name}"
            for name in (
                *("verify", "callback", "authorize", "demo", ".well-known/jwks.json"),
                # Apps are led here by the metadata, and know no key.
                *("oauth/authorize", "oauth/token", "oauth/userinfo", "oauth/clients/register"),
            )
        ),
    }
)
# Pages for whoever sits here: no other origin's page may read them.
PRIVATE_PATHS = frozenset({MAIL_PATH, f"{AUTH}/demo", f"{AUTH}/callback", f"{AUTH}/authorize"})
OPEN_PREFIX = "/.well-known/oauth-authorization-server"
ROLES = frozenset({"anon", "authenticated", "service_role"})
LEEWAY_S = 30
REST_BODY_BYTES = 32 * 1024 * 1024
HINT = (
    "Send the project's publishable key in the header `apikey`; the stack prints it at its start."
)
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
EXPOSED = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, "
    "Preference-Applied, Proxy-Status, Range-Unit, WWW-Authenticate, X-Sb-Error-Code, "
    "X-Supabase-Api-Version"
)

UNREADABLE = AuthError(400, "bad_json", "The body of the request did not arrive whole")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger()


class RestHandler(Protocol):
    """What answers below /rest/v1, once it is known who asks."""

    async def handle(self, request: web.Request, claims: Mapping[str, Any]) -> web.Response:
        """Answer as the role and user in `claims`."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the gateway is made of; `app` mounts it."""

    auth: AuthApi
    discovery: Discovery
    rest: RestHandler
    ring: KeyRing
    anon_key: str
    now: Callable[[], float] = time.time

    def app(self) -> web.Application:
        """Give the aiohttp application."""
        app = web.Application(
            middlewares=[cross_origin, boundary, self.check_key], client_max_size=REST_BODY_BYTES
        )
        discovery = self.discovery
        app.add_routes(
            [
                *(_below_auth(route) for route in self.auth.routes()),
                web.get(MAIL_PATH, self.auth.mail.show),
                web.get(f"{AUTH}/health", discovery.health),
                web.get(f"{AUTH}/settings", discovery.settings),
                web.get(f"{AUTH}/.well-known/jwks.json", discovery.jwks),
                web.get(f"{AUTH}/.well-known/openid-configuration", discovery.openid_configuration),
                web.get(f"{AUTH}{OPEN_PREFIX}", discovery.oauth_metadata),
                web.get(OPEN_PREFIX + "{tail:(/auth/v1)?}", discovery.oauth_metadata),
                web.route("*", AUTH + "/oauth/{tail:.*}", discovery.oauth_off),
                web.route("*", AUTH + "/user/oauth/grants", discovery.oauth_off),
                web.route("*", REST, self.answer_rest),
                web.route("*", REST + "/{tail:.*}", self.answer_rest),
            ]
        )
        return app

    @web.middleware
    async def check_key(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in whoever names the project's key, and anybody where the path is open."""
        path = request.path
        if path in OPEN_PATHS or path.startswith(OPEN_PREFIX):
            return await handler(request)
        key = request.headers.get("apikey") or request.query.get("apikey")
        if not key:
            return render_gateway_refusal(
                "No API key found in request", HINT, "UNAUTHORIZED_MISSING_API_KEY"
            )
        if key != self.anon_key:
            return render_gateway_refusal("Invalid API key", HINT, "UNAUTHORIZED_INVALID_API_KEY")
        return await handler(request)

    async def answer_rest(self, request: web.Request) -> web.StreamResponse:
        """Find out who asks REST, and hand over."""
        try:
            claims = self._claims(request)
        except TokenError as exc:
            return error_response(401, "PGRST303" if exc.is_stale else "PGRST301", exc.reason)
        if not isinstance(claims["role"], str) or claims["role"] not in ROLES:
            return error_response(401, "22023", f'role "{claims["role"]}" does not exist')
        if "apikey" in request.query:
            # It would be read as a filter on a column of that name.
            request = request.clone(rel_url=request.rel_url.without_query_params("apikey"))
        request.match_info.setdefault("tail", "")
        return await self.rest.handle(request, claims)

    def _claims(self, request: web.Request) -> Mapping[str, Any]:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or token in {"", self.anon_key}:
            return {"role": "anon"}
        claims = read_access_token(self.ring, token, self.now(), leeway_s=LEEWAY_S)
        return {**claims, "role": claims.get("role", "anon")}


def _below_auth(route: web.RouteDef) -> web.RouteDef:
    return web.route(route.method, AUTH + route.path, route.handler)


@web.middleware
async def cross_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pages of every origin call: what protects is the token, which no browser adds itself.

    Source: Fetch standard, CORS protocol.
    """
    if request.path in PRIVATE_PATHS:
        return await handler(request)
    is_preflight = (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )
    response = web.Response(status=204) if is_preflight else await handler(request)
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
    response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
    if is_preflight:
        asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "*")
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = asked
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = METHODS
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "3600"
    return response


@web.middleware
async def boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into JSON of the half that it happened in."""
    is_auth = not request.path.startswith(REST)
    asked = request.headers.get(API_VERSION_HEADER)
    try:
        return await handler(request)
    except AuthError as exc:
        return render_auth_error(exc, asked)
    except OAuthShapeError as exc:
        return render_oauth_error(exc)
    except web.HTTPException as exc:
        error = AuthError(exc.status, _code(exc.status), exc.reason)
        headers = {name: exc.headers[name] for name in (hdrs.ALLOW,) if name in exc.headers}
    except asyncpg.PostgresError as exc:
        if is_auth and (exc.sqlstate or "").startswith(TRIGGER_CLASSES):
            return render_raised(exc)
        error, headers = _unexpected(exc), {}
    except Exception as exc:  # noqa: BLE001 - the boundary: nothing but JSON leaves
        error, headers = (UNREADABLE if _is_clients(exc, request) else _unexpected(exc)), {}
    if is_auth:
        response = render_auth_error(error, asked)
    else:
        response = error_response(error.status, _rest_code(error.status), error.message)
    response.headers.update(headers)
    return response


def _is_clients(exc: Exception, request: web.Request) -> bool:
    """Tell whether it was the client that broke off, or broke the transfer of its body."""
    is_gone = isinstance(exc, ConnectionResetError) and request.transport is None
    return is_gone or isinstance(exc, web.RequestPayloadError)


def _unexpected(exc: Exception) -> AuthError:
    if is_outage(exc):
        log.warning("gateway.database_away", error=repr(exc))
        return AuthError(
            503, "unexpected_failure", "The database does not answer; try again in a moment"
        )
    if isinstance(exc, asyncpg.DataError):
        said = str(exc.args[0]) if exc.args else "bad value"
        return AuthError(400, "validation_failed", f"The database cannot keep this: {said}")
    if isinstance(exc, asyncpg.PostgresError):
        exc.detail = None  # it may show a whole row
    log.error("gateway.failed", exc_info=exc)
    return AuthError(500, "unexpected_failure", "Unexpected failure, please check the server log")


def _code(status: int) -> str:
    return {404: "not_found", 405: "method_not_allowed", 413: "request_entity_too_large"}.get(
        status, "unexpected_failure"
    )


def _rest_code(status: int) -> str:
    return {400: "PGRST102", 405: "PGRST117", 413: "PGRST102", 503: "PGRST001"}.get(
        status, "PGRSTX00"
    )
