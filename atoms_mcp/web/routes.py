"""The whole HTTP surface in one table, and the application made of it."""

from collections.abc import Iterable
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
from atoms_mcp.web.address import PROXIES, Proxies
from atoms_mcp.web.boundary import REQUEST_ID_HEADER, Boundary
from atoms_mcp.web.guard import Guard, parse_origins
from atoms_mcp.web.keys import Access, Cors, Route
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
# All that is public to pages of every origin lies below this.
PUBLIC = "/.well-known"
ANY_ORIGIN = ("*",)


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
    """Give the table. Access is closed and CORS is by configuration unless a row says more.

    A row with method `*` answers what the rows above it leave.
    """
    path = settings.http_path
    limit = settings.max_body_bytes
    either, open_ = Access.CALLER_OR_ARGUMENT, Access.OPEN
    documents = dict.fromkeys(
        [WELL_KNOWN, WELL_KNOWN + path, protected_resource_path(sites.canonical.resource)]
    )
    return (
        Route("POST", path, mcp.post, either, body_limit_bytes=limit),
        Route("GET", path, mcp.get),
        Route("DELETE", path, mcp.delete),
        Route("*", path, discovery.make_refusal(("POST", "GET", "DELETE")), cors=Cors.NONE),
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

    What is public to all origins is an application of its own: the signals of CORS cost every
    request of theirs, and the rest has none of them unless origins are configured.

    Raises:
        ConfigError: an allowed origin is none.
    """
    settings = parts.settings
    origins = parse_origins(settings.allowed_origins)
    boundary = Boundary(Guard(parts.sites, origins), parts.verifier, parts.sites.canonical)
    table = make_routes(settings, parts.sites)
    app = web.Application(client_max_size=settings.max_body_bytes)
    app[keys.SETTINGS] = settings
    app[keys.SITES] = parts.sites
    app[PROXIES] = Proxies(settings.trusted_proxies)
    app[keys.ENGINE] = parts.engine
    app[keys.VERIFIER] = parts.verifier
    app[keys.AUTH] = parts.auth
    app[keys.SIGN_IN] = parts.sign_in
    app[keys.READINESS] = parts.readiness
    _register(app, boundary, [row for row in table if row.cors is not Cors.ANY], origins)
    public = web.Application()
    rows = [row for row in table if row.cors is Cors.ANY]
    _register(public, boundary, rows, ANY_ORIGIN, prefix=PUBLIC)
    app.add_subapp(PUBLIC, public)
    rest = Route("*", "/{rest:.*}", discovery.not_here, Access.OPEN, Cors.NONE)
    app.router.add_route(rest.method, rest.path, boundary.wrap(rest))
    return app


def _register(
    app: web.Application,
    boundary: Boundary,
    rows: Iterable[Route],
    origins: tuple[str, ...],
    *,
    prefix: str = "",
) -> None:
    """Add the rows; those with CORS let pages of `origins` read answers and ask beforehand.

    Never with a browser's own credentials. Methods that a path does not have are refused last.
    `prefix` is where the application is mounted.
    """
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call] # it has no types
        allow_credentials=False,
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_S,
    )
    defaults = dict.fromkeys(origins, options)
    cors = aiohttp_cors.setup(app, defaults=defaults) if origins else None
    methods: dict[str, list[str]] = {}
    for row in rows:
        place = row.path.removeprefix(prefix)
        route = app.router.add_route(row.method, place, boundary.wrap(row))
        methods.setdefault(row.path, []).append(row.method)
        if cors is not None and row.cors is not Cors.NONE:
            cors.add(route)
    if cors is not None:
        settle = _say_any_origin if origins == ANY_ORIGIN else _vary_by_origin
        app.on_response_prepare.append(settle)
    for path, known in methods.items():
        if "*" not in known:
            refusal = Route("*", path, discovery.make_refusal(known), Access.OPEN, Cors.NONE)
            app.router.add_route("*", path.removeprefix(prefix), boundary.wrap(refusal))


async def _say_any_origin(_request: web.Request, response: web.StreamResponse) -> None:
    """Say `*` where everybody may read: the library repeats the origin instead."""
    if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"


async def _vary_by_origin(_request: web.Request, response: web.StreamResponse) -> None:
    """Keep a cache from handing an answer for one origin to another one."""
    if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
