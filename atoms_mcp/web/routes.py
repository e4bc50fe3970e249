"""The whole HTTP surface in one table, and the application made of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp_cors
from aiohttp import hdrs, web

from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.identity.sign_in import SignIn
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.oauth.metadata import WELL_KNOWN, protected_resource_path
from atoms_mcp.settings import ServerSettings
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.web import auth, compat, discovery, health, keys, mcp
from atoms_mcp.web.guard import Guard, parse_origins
from atoms_mcp.web.keys import Access, Cors, Route
from atoms_mcp.web.middleware import REQUEST_ID_HEADER, Boundary, make_boundary
from atoms_mcp.web.readiness import Readiness
from atoms_mcp.web.site import Sites

ALLOWED_HEADERS = (
    hdrs.AUTHORIZATION,
    hdrs.CONTENT_TYPE,
    hdrs.ACCEPT,
    "Mcp-Protocol-Version",
    "Mcp-Session-Id",
    "Mcp-Method",
    "Mcp-Name",
    "Last-Event-ID",
    REQUEST_ID_HEADER,
)
EXPOSED_HEADERS = (
    hdrs.WWW_AUTHENTICATE,
    hdrs.RETRY_AFTER,
    "Mcp-Session-Id",
    REQUEST_ID_HEADER,
)
PREFLIGHT_S = 600

Settle = Callable[[web.Request, web.StreamResponse], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is built on, made by `app`."""

    settings: ServerSettings
    sites: Sites
    engine: Engine
    verifier: Verifier
    auth: SupabaseAuth
    sign_in: SignIn
    readiness: Readiness


def make_routes(settings: ServerSettings, sites: Sites) -> tuple[Route, ...]:
    """Give the table. Access is closed and CORS is by configuration unless a row says more."""
    path = settings.http_path
    limit = settings.max_body_bytes
    # Where pages of other origins may call, OPTIONS is their preflight and needs no token.
    verbs = ("HEAD", "PUT", "PATCH", *(() if settings.allowed_origins else ("OPTIONS",)))
    either, open_ = Access.CALLER_OR_ARGUMENT, Access.OPEN
    documents = dict.fromkeys(
        [WELL_KNOWN, WELL_KNOWN + path, protected_resource_path(sites.canonical.resource)]
    )
    return (
        Route("POST", path, mcp.post, either, body_limit_bytes=limit),
        Route("GET", path, mcp.get),
        Route("DELETE", path, mcp.delete),
        *(Route(verb, path, discovery.refuse_method) for verb in verbs),
        Route("*", f"{path}/", discovery.without_slash, open_, Cors.NONE),
        Route("POST", f"{path}/tools/call", compat.call_tool, either, body_limit_bytes=limit),
        Route("POST", "/auth/login", auth.login, open_),
        Route("POST", "/auth/refresh", auth.refresh, open_),
        Route("POST", "/auth/logout", auth.logout),
        Route("GET", "/auth/status", auth.status, open_),
        *(
            Route("GET", place, discovery.protected_resource, open_, Cors.ANY)
            for place in documents
        ),
        Route("GET", "/.well-known/{rest:.*}", discovery.not_found, open_, Cors.ANY),
        Route("GET", "/healthz", health.healthz, open_, Cors.NONE),
        Route("GET", "/readyz", health.readyz, open_, Cors.NONE),
    )


def build_web(parts: Parts) -> web.Application:
    """Give the application, everything registered.

    Raises:
        ConfigError: an allowed origin is none.
    """
    settings = parts.settings
    origins = parse_origins(settings.allowed_origins)
    table: dict[web.AbstractRoute, Route] = {}
    app = web.Application(
        client_max_size=settings.max_body_bytes,
        middlewares=[
            make_boundary(
                Boundary(Guard(parts.sites, origins), parts.verifier, table, parts.sites.canonical)
            )
        ],
    )
    app[keys.SETTINGS] = settings
    app[keys.SITES] = parts.sites
    app[keys.ENGINE] = parts.engine
    app[keys.VERIFIER] = parts.verifier
    app[keys.AUTH] = parts.auth
    app[keys.SIGN_IN] = parts.sign_in
    app[keys.READINESS] = parts.readiness
    for row in make_routes(settings, parts.sites):
        table[app.router.add_route(row.method, row.path, row.handler)] = row
    _add_cors(app, table, origins)
    return app


def _add_cors(
    app: web.Application, table: dict[web.AbstractRoute, Route], origins: tuple[str, ...]
) -> None:
    """Let pages of the allowed origins read answers; never with a browser's own credentials."""
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call] # it has no types
        allow_credentials=False,
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_S,
    )
    allowed: dict[Cors, dict[str, aiohttp_cors.ResourceOptions]] = {
        Cors.NONE: {},
        Cors.CONFIGURED: dict.fromkeys(origins, options),
        Cors.ANY: {"*": options},
    }
    cors = aiohttp_cors.setup(app)
    public: set[web.AbstractResource | None] = set()
    for route, row in table.items():
        if allowed[row.cors]:
            cors.add(route, allowed[row.cors])
        if row.cors is Cors.ANY:
            public.add(route.resource)
    hooks = list(app.on_response_prepare)
    app.on_response_prepare.clear()
    app.on_response_prepare.append(_make_settle(hooks, public))


def _make_settle(hooks: Sequence[Settle], public: set[web.AbstractResource | None]) -> Settle:
    """Give the one hook in place of the library's own `hooks`; most requests need none."""

    async def settle(request: web.Request, response: web.StreamResponse) -> None:
        if hdrs.ORIGIN not in request.headers:
            return
        for hook in hooks:
            await hook(request, response)
        if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
            if request.match_info.route.resource in public:
                # The library repeats the origin, even where everybody may read.
                response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
            else:
                # Or a cache would hand an answer for one origin to another one.
                response.headers.add(hdrs.VARY, hdrs.ORIGIN)

    return settle
