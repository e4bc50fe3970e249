"""The whole HTTP surface in one table, and the application made of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import aiohttp_cors
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.identity.browser import BrowserSessions
from atoms_mcp.identity.clients import Clients
from atoms_mcp.identity.connections import Connections
from atoms_mcp.identity.grants import Grants
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.sign_in import SignIn
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.oauth.metadata import (
    OPENID_WELL_KNOWN,
    REGISTER_PATH,
    REVOKE_PATH,
    SERVER_WELL_KNOWN,
    TOKEN_PATH,
    WELL_KNOWN,
)
from atoms_mcp.settings import ServerSettings
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.web import (
    account,
    auth,
    authorize,
    callback,
    compat,
    consent,
    discovery,
    entry,
    files,
    health,
    home,
    keys,
    mail_code,
    mcp,
    oauth,
    password,
    provider,
    recover,
    register,
    sign_in,
    sign_up,
)
from atoms_mcp.web.address import PROXIES, Proxies
from atoms_mcp.web.boundary import REQUEST_ID_HEADER, Boundary
from atoms_mcp.web.forms import FORMS, Forms
from atoms_mcp.web.guard import Guard, parse_origins
from atoms_mcp.web.keys import Access, Cors, Route
from atoms_mcp.web.load import Load
from atoms_mcp.web.pages import set_up_pages
from atoms_mcp.web.problem import SERVER
from atoms_mcp.web.pulse import PULSE, Pulse
from atoms_mcp.web.readiness import Readiness
from atoms_mcp.web.site import Sites
from atoms_mcp.web.theme import load_theme

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
# The longest address of ours that a form may have to carry on, sealed.
PAGE_LIMIT_BYTES = 32 * 1024
# All that is public to pages of every origin lies at or below one of these.
PUBLIC = ("/.well-known", REGISTER_PATH, TOKEN_PATH, REVOKE_PATH)
ANY_ORIGIN = ("*",)
EVERYTHING = "/{rest:.*}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is built on, made by `app`."""

    settings: ServerSettings
    sites: Sites
    seal: Seal
    store: Store
    engine: Engine
    verifier: Verifier
    auth: SupabaseAuth
    sign_in: SignIn
    clients: Clients
    browsers: BrowserSessions
    grants: Grants
    connections: Connections
    readiness: Readiness


def make_routes(settings: ServerSettings, sites: Sites) -> tuple[Route, ...]:
    """Give the table. Access is closed and CORS is by configuration unless a row says more.

    A row with method `*` answers what the rows above it leave.
    """
    path = settings.http_path
    limit = settings.max_body_bytes
    either, open_ = Access.CALLER_OR_ARGUMENT, Access.OPEN
    takes_jwt = settings.accept_supabase_jwt == "on"
    login, refresh = (auth.login, auth.refresh) if takes_jwt else (auth.closed, auth.closed)
    return (
        Route("POST", path, mcp.post, either, body_limit_bytes=limit),
        Route("GET", path, mcp.get),
        Route("DELETE", path, mcp.delete),
        Route("*", path, discovery.make_refusal(("POST", "GET", "DELETE")), cors=Cors.NONE),
        Route("*", f"{path}/", discovery.without_slash, open_, Cors.NONE),
        Route("POST", f"{path}/tools/call", compat.call_tool, either, body_limit_bytes=limit),
        Route("POST", "/auth/login", login, open_),
        Route("POST", "/auth/refresh", refresh, open_),
        Route("POST", "/auth/logout", auth.logout),
        Route("GET", "/auth/status", auth.status, open_),
        *_make_documents(settings, sites),
        *_make_oauth(settings),
        *_make_pages(),
        *_make_consent(settings),
        Route("GET", f"/.well-known{EVERYTHING}", discovery.not_found, open_, Cors.ANY),
        Route("GET", "/healthz", health.healthz, open_, Cors.NONE, is_vital=True),
        Route("GET", "/readyz", health.readyz, open_, Cors.NONE, is_vital=True),
    )


def _make_documents(settings: ServerSettings, sites: Sites) -> Iterator[Route]:
    """Give where the metadata is: at the places of the RFCs, and where clients look besides."""
    ends = ("", settings.http_path)
    for end in ends:
        yield Route("GET", WELL_KNOWN + end, discovery.protected_resource, Access.OPEN, Cors.ANY)
    if sites.canonical.server_metadata is None:
        return
    for place in (SERVER_WELL_KNOWN, OPENID_WELL_KNOWN):
        for end in ends:
            yield Route("GET", place + end, discovery.authorization_server, Access.OPEN, Cors.ANY)


def _make_oauth(settings: ServerSettings) -> Iterator[Route]:
    """Give the endpoints of this authorization server; mode delegated has none."""
    if settings.auth_mode == "delegated":
        return
    yield Route("POST", REGISTER_PATH, register.register, Access.OPEN, Cors.ANY)
    yield Route("POST", TOKEN_PATH, oauth.token, Access.OPEN, Cors.ANY)
    yield Route("POST", REVOKE_PATH, oauth.revoke, Access.OPEN, Cors.ANY)


def _make_pages() -> Iterator[Route]:
    """Give the pages for people."""
    yield _page("GET", "/", home.home)
    yield Route("GET", f"{files.PLACE}{{name}}", files.asset, Access.OPEN, Cors.NONE)
    yield _page("GET", "/sign-in", sign_in.sign_in)
    yield _page("POST", "/sign-in", password.by_password)
    yield _page("GET", "/sign-in/code", mail_code.ask)
    yield _page("POST", "/sign-in/code", mail_code.by_code)
    yield _page("GET", "/sign-in/second-factor", entry.not_begun)
    yield _page("POST", "/sign-in/second-factor", entry.second_factor)
    yield _page("POST", "/sign-in/provider", provider.to_provider)
    yield _page("GET", callback.PATH, callback.callback)
    yield _page("GET", "/sign-up", sign_up.ask)
    yield _page("POST", "/sign-up", sign_up.sign_up)
    yield _page("GET", "/recover", recover.ask)
    yield _page("POST", "/recover", recover.recover)
    yield _page("GET", "/recover/new-password", entry.not_begun)
    yield _page("POST", "/recover/new-password", entry.new_password)


def _make_consent(settings: ServerSettings) -> Iterator[Route]:
    """Give the pages on which people allow things, and take that back.

    In mode delegated Supabase asks for the consent, and this server shows the page for it.
    """
    if settings.auth_mode == "delegated":
        yield _page("GET", consent.PATH, consent.show)
        yield _page("POST", consent.PATH, consent.decide)
    else:
        yield _page("GET", authorize.PATH, authorize.authorize)
        yield _page("GET", consent.PATH, consent.not_here)
        yield _page("POST", consent.PATH, authorize.decide)
    yield _page("GET", account.PATH, account.show)
    yield _page("POST", account.REVOKE_PATH, account.revoke)
    yield _page("POST", account.SIGN_OUT_PATH, account.sign_out)


def _page(method: str, path: str, handler: Handler) -> Route:
    return Route(method, path, handler, Access.OPEN, Cors.SELF, PAGE_LIMIT_BYTES, "page")


def build_web(parts: Parts, further: Sequence[Route] = ()) -> web.Application:
    """Give the application, everything registered, with `further` rows beside its own.

    What is public to all origins is applications of its own: the signals of CORS cost every
    request of theirs, and the rest has none of them unless origins are configured.

    Raises:
        ConfigError: an allowed origin is none, or the logo of the pages cannot be used.
    """
    settings = parts.settings
    origins = parse_origins(settings.allowed_origins)
    load = Load()
    boundary = Boundary(Guard(parts.sites, origins), parts.verifier, parts.sites.canonical, load)
    table = (*make_routes(settings, parts.sites), *further)
    app = _furnish(parts)
    app[keys.LOAD] = load
    set_up_pages(app, load_theme(settings))
    app[FORMS] = Forms(parts.seal)
    closed = [row for row in table if row.cors is not Cors.ANY]
    # Tools may want arguments repeated in headers, which pages may send only where they are named.
    headers = (*ALLOWED_HEADERS, *sorted(parts.engine.argument_headers))
    _register(app, boundary, closed, origins, headers=headers)
    for root in PUBLIC:
        rows = [row for row in table if row.cors is Cors.ANY and _is_below(row.path, root)]
        if not rows:
            continue
        public = _furnish(parts)
        _register(public, boundary, rows, ANY_ORIGIN, prefix=root)
        known = {row.path.removeprefix(root) for row in rows}
        _refuse_rest(public, boundary, *({"", EVERYTHING} - known))
        app.add_subapp(root, public)
    _refuse_rest(app, boundary, EVERYTHING, shows="either")
    return app


def _furnish(parts: Parts) -> web.Application:
    """Give an application without routes, in which handlers find all parts."""
    app = web.Application(client_max_size=parts.settings.max_body_bytes)
    app[keys.SETTINGS] = parts.settings
    app[keys.SITES] = parts.sites
    app[PROXIES] = Proxies(parts.settings.trusted_proxies)
    app[keys.STORE] = parts.store
    app[keys.ENGINE] = parts.engine
    app[PULSE] = Pulse()
    app[keys.VERIFIER] = parts.verifier
    app[keys.AUTH] = parts.auth
    app[keys.SIGN_IN] = parts.sign_in
    app[keys.CLIENTS] = parts.clients
    app[keys.BROWSERS] = parts.browsers
    app[keys.GRANTS] = parts.grants
    app[keys.CONNECTIONS] = parts.connections
    app[keys.READINESS] = parts.readiness
    return app


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _refuse_rest(
    app: web.Application,
    boundary: Boundary,
    *places: str,
    shows: Literal["json", "either"] = "json",
) -> None:
    """Answer every address that no row has."""
    for place in places:
        rest = Route("*", place, discovery.not_here, Access.OPEN, Cors.NONE, shows=shows)
        _add(app, boundary, rest, place)


def _register(
    app: web.Application,
    boundary: Boundary,
    rows: Iterable[Route],
    origins: tuple[str, ...],
    *,
    prefix: str = "",
    headers: tuple[str, ...] = ALLOWED_HEADERS,
) -> None:
    """Add the rows; those with CORS let pages of `origins` read answers and ask beforehand.

    Never with a browser's own credentials. Methods that a path does not have are refused last.
    `prefix` is where the application is mounted, and `headers` are what those pages may send.
    """
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call] # it has no types
        allow_credentials=False,
        allow_headers=headers,
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_S,
    )
    defaults = dict.fromkeys(origins, options)
    cors = aiohttp_cors.setup(app, defaults=defaults) if origins else None
    methods: dict[str, list[str]] = {}
    for row in rows:
        route = _add(app, boundary, row, row.path.removeprefix(prefix))
        methods.setdefault(row.path, []).append(row.method)
        if cors is not None and row.cors in {Cors.CONFIGURED, Cors.ANY}:
            cors.add(route)
    if cors is not None:
        settle = _say_any_origin if origins == ANY_ORIGIN else _vary_by_origin
        app.on_response_prepare.append(settle)
    for path, known in methods.items():
        if "*" not in known:
            shows: Literal["json", "either"] = "json" if prefix else "either"
            refuse = discovery.make_refusal(known)
            refusal = Route("*", path, refuse, Access.OPEN, Cors.NONE, shows=shows)
            _add(app, boundary, refusal, path.removeprefix(prefix))


def _add(app: web.Application, boundary: Boundary, row: Route, place: str) -> web.AbstractRoute:
    """Register a row at its place within the application."""
    return app.router.add_route(
        row.method,
        place,
        boundary.wrap(row),
        expect_handler=boundary.wrap_expectation(row).meet,
    )


async def _say_any_origin(_request: web.Request, response: web.StreamResponse) -> None:
    """Say `*` where everybody may read: the library repeats the origin instead."""
    if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
    _hide_library(response)


async def _vary_by_origin(_request: web.Request, response: web.StreamResponse) -> None:
    """Keep a cache from handing an answer for one origin to another one."""
    if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    _hide_library(response)


def _hide_library(response: web.StreamResponse) -> None:
    """Speak as ourselves where the library answers a preflight, and repeat nothing of it."""
    response.headers[hdrs.SERVER] = SERVER
    if isinstance(response, web.HTTPException):
        response.text = response.reason
        # Its length has been told by now.
        response.headers[hdrs.CONTENT_LENGTH] = str(len(response.reason))
