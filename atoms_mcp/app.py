"""The composition root: the only module that constructs and connects what lives long.

Each of `serve`, `develop`, `run_stack` and `speak_stdio` is one way to run, until a signal.
"""

import asyncio
import errno
import gc
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from aiohttp import web
from pydantic import SecretStr

from atoms_mcp import logs, stdio, tools
from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.engine.footing import Footing
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.pace import Pace
from atoms_mcp.engine.sessions.session import Sessions
from atoms_mcp.entities.catalogue import load_catalogue
from atoms_mcp.errors import ConfigError
from atoms_mcp.identity.access import AccessTokens
from atoms_mcp.identity.attempts import Attempts
from atoms_mcp.identity.browser import BrowserSessions
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.chains import Chains
from atoms_mcp.identity.clients import Clients, load_clients
from atoms_mcp.identity.connections import Connections
from atoms_mcp.identity.documents import Documents
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.identity.grants import Grants
from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.identity.kept_login import KeptLogin, NoLogin
from atoms_mcp.identity.ledger import Ledger
from atoms_mcp.identity.quota import Quota
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.sign_in import SignIn
from atoms_mcp.identity.vault import open_vault
from atoms_mcp.identity.verify import InvalidToken, Verifier
from atoms_mcp.settings import (
    MIN_SECRET_CHARS,
    ServerSettings,
    StackSettings,
    load,
    parse_rate,
)
from atoms_mcp.store.counters import Counters
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.redis import RedisStore
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.auth import Session, SupabaseAuth
from atoms_mcp.supabase.rest import Rest
from atoms_mcp.supabase.wire import Wire
from atoms_mcp.tools import entry_points
from atoms_mcp.web.connection import listen
from atoms_mcp.web.keys import Route
from atoms_mcp.web.landing import Landing
from atoms_mcp.web.readiness import Readiness
from atoms_mcp.web.routes import Parts, build_web
from atoms_mcp.web.site import Sites
from atoms_mcp.web.visitor import COOKIE, COOKIE_NAME

BACKLOG = 1024
DRAIN_S = 2
# New objects between two looks for garbage; Python's own is 700, made for small programs.
GARBAGE_THRESHOLD = 20_000
# How long a command waits for somebody to sign in, and for the last page to be sent.
BROWSER_S = 600
GOODBYE_S = 0.5
# In the state folder: what seals sessions and cursors where no ATOMS_SECRET_KEY is set.
LOGIN_FILE = "login.json"
SECRET_FILE = "secret-key"  # noqa: S105 - the name of a file
STORE_FILE = "store.sqlite3"

log = structlog.get_logger()
NOTHING_MORE = Offer()


@dataclass(frozen=True, slots=True)
class StackFacts:
    """Where a running embedded stack is. `dsn` is for psql and passes row-level security."""

    url: str
    anon_key: str = field(repr=False)
    dsn: str
    postgres_pid: int
    state_dir: Path

    def give_to(self, settings: ServerSettings) -> ServerSettings:
        """Give a server's settings with this stack as its project."""
        return settings.model_copy(
            update={"supabase_url": self.url, "supabase_anon_key": SecretStr(self.anon_key)}
        )


async def serve(settings: ServerSettings, announce: Callable[[str], None]) -> None:
    """Serve a Supabase project over HTTP; `announce` is given the URL of the MCP endpoint."""
    logs.configure(settings.log_format, settings.log_level)
    with ended_by_signals():
        async with serving(settings) as url:
            announce(url)
            await _forever()


async def run_stack(
    settings: StackSettings, announce: Callable[[StackFacts], None], *, with_demo: bool
) -> None:
    """Run the embedded stack alone."""
    logs.configure(settings.log_format, settings.log_level)
    with ended_by_signals():
        async with running_stack(settings, with_demo=with_demo) as stack:
            announce(stack)
            await _forever()


async def develop(
    environ: Mapping[str, str], announce: Callable[[str, StackFacts], None], *, with_demo: bool
) -> None:
    """Run the embedded stack and a server in front of it."""
    stack_settings = load(StackSettings, environ)
    # Faults of the server's settings are told before anything is started.
    unknown = dict.fromkeys(("NEXT_PUBLIC_SUPABASE_ANON_KEY", "NEXT_PUBLIC_SUPABASE_URL"), "")
    unknown |= {"SUPABASE_URL": "http://127.0.0.1", "SUPABASE_ANON_KEY": "told by the stack"}
    settings = load(ServerSettings, {**environ, **unknown})
    logs.configure(settings.log_format, settings.log_level)
    with ended_by_signals():
        async with (
            running_stack(stack_settings, with_demo=with_demo) as stack,
            serving(stack.give_to(settings)) as url,
        ):
            announce(url, stack)
            await _forever()


async def speak_stdio(settings: ServerSettings, extra: Offer = NOTHING_MORE) -> None:
    """Speak MCP on stdin and stdout, as the user of ATOMS_ACCESS_TOKEN or of the kept login.

    Raises:
        NoLogin: there is neither; told at once rather than at the first call.
    """
    logs.configure(settings.log_format, settings.log_level)
    core = build_core(settings, extra)
    find_token = _token_source(settings, core.auth)

    async def find_caller() -> Caller:
        try:
            return await core.verifier.verify(await find_token())
        except InvalidToken as exc:
            raise Unauthenticated(exc.reason) from exc
        except NoLogin as exc:
            raise Unauthenticated(str(exc)) from exc

    try:
        await find_token()
        await stdio.run(core.engine, find_caller, max_line_bytes=settings.max_body_bytes)
    finally:
        await core.close()


@dataclass(frozen=True, slots=True)
class Desk:
    """What signing in and out on this machine takes."""

    auth: SupabaseAuth
    sign_in: SignIn
    kept: KeptLogin


@asynccontextmanager
async def open_desk(settings: ServerSettings) -> AsyncIterator[Desk]:
    """Give the desk for as long as the context lasts."""
    logs.configure(settings.log_format, settings.log_level)
    wire = Wire(settings)
    try:
        auth = SupabaseAuth(wire)
        yield Desk(auth, _sign_in(settings, auth, Counters()), _kept_login(settings, auth))
    finally:
        await wire.close()


async def sign_in_by_browser(settings: ServerSettings, announce: Callable[[str], None]) -> Session:
    """Serve the sign-in pages on this machine until somebody has signed in; give the session.

    `announce` is given the URL to open. What the server keeps meanwhile goes with it.

    Raises:
        TimeoutError: nobody came.
    """
    logs.configure(settings.log_format, "warning")
    landing = Landing()
    with tempfile.TemporaryDirectory() as folder:
        alone = settings.model_copy(
            update={
                "host": "127.0.0.1",
                "port": 0,
                "base_url": None,
                "state_dir": Path(folder),
                "secret_key": (),
                "redis_url": None,
            }
        )
        async with (
            serving(alone, extra_routes=[landing.route], cookie=landing.cookie) as url,
            asyncio.timeout(BROWSER_S),
        ):
            announce(url.removesuffix(settings.http_path) + landing.path)
            session = await landing.wait()
            # The page that says so is still on its way.
            await asyncio.sleep(GOODBYE_S)
            return session


@dataclass(frozen=True, slots=True)
class Core:
    """What both transports stand on."""

    wire: Wire
    auth: SupabaseAuth
    rest: Rest
    jwks: Jwks
    seal: Seal
    store: Store
    chains: Chains
    access: AccessTokens
    verifier: Verifier
    engine: Engine
    counters: Counters

    async def close(self) -> None:
        """Stop what goes on, and let go of the connections; nothing is asked afterwards."""
        await self.engine.close()
        await self.wire.close()
        await self.store.close()


def build_core(
    settings: ServerSettings, extra: Offer = NOTHING_MORE, sites: Sites | None = None
) -> Core:
    """Construct everything below the transports; nothing is connected yet.

    `extra` is offered beside what is our own and what other packages add, and looked at by nobody.
    `sites` are the names under which tokens are issued. Without any there are no OAuth
    endpoints, so the project's own access tokens are all that can come.

    Raises:
        ConfigError: a setting does not fit the others, or needs an extra.
    """
    seal = Seal(_secret_keys(settings))
    store, counters = _open_store(settings)
    wire = Wire(settings)
    auth, rest = SupabaseAuth(wire), Rest(wire)
    jwks = Jwks(auth)
    chains = Chains(auth, store, seal)
    access = AccessTokens(seal, chains.holders, {} if sites is None else sites.issuers)
    verifier = Verifier(
        settings.auth_mode,
        jwks,
        auth,
        secret=settings.jwt_secret.get_secret_value() if settings.jwt_secret else None,
        access=access,
        accepts_jwt=sites is None or settings.accept_supabase_jwt == "on",
        session_check_s=settings.session_check_s,
    )
    own = tools.build_offer(load_catalogue(), cursor_key=seal.derive("cursor"))
    offer = own + entry_points.load_offers()
    entry_points.check_offer(offer)
    engine = Engine(
        offer + extra,
        Footing(rest, verifier, Sessions(seal, store), seal, store, _pace(settings)),
        instructions=tools.INSTRUCTIONS,
    )
    return Core(wire, auth, rest, jwks, seal, store, chains, access, verifier, engine, counters)


def _open_store(settings: ServerSettings) -> tuple[Store, Counters]:
    if settings.redis_url is None:
        return LocalStore(settings.state_dir / STORE_FILE), Counters()
    shared = RedisStore(settings.redis_url.get_secret_value())
    return shared, Counters(shared.link)


@asynccontextmanager
async def serving(
    settings: ServerSettings,
    extra: Offer = NOTHING_MORE,
    extra_routes: Sequence[Route] = (),
    *,
    cookie: str = COOKIE,
) -> AsyncIterator[str]:
    """Serve HTTP for as long as the context lasts; gives the URL of the MCP endpoint.

    Raises:
        ConfigError: the address cannot be bound, or a setting does not fit the others.
    """
    async with AsyncExitStack() as exits:
        listener = _bind(settings.host, settings.port)
        exits.callback(listener.close)
        sites = Sites(settings, listener.getsockname()[1])
        if sites.canonical.is_plain:
            log.warning(
                "serve.plain_http",
                url=sites.canonical.base_url,
                hint="clients refuse to sign in there: put TLS in front, and set "
                "ATOMS_FASTMCP_BASE_URL to the https URL",
            )
        core = build_core(settings, extra, sites)
        exits.push_async_callback(core.close)
        readiness = Readiness(core.auth, core.jwks, core.store)
        application = build_web(_build_parts(settings, sites, core, readiness, exits), extra_routes)
        application[COOKIE_NAME] = cookie
        runner = web.AppRunner(application, shutdown_timeout=DRAIN_S)
        exits.push_async_callback(runner.cleanup)
        await runner.setup()
        server = await listen(runner, listener, backlog=BACKLOG)
        exits.callback(server.close)
        # Other processes tell of what concerns sessions, even while nobody listens here.
        await core.engine.listening.start()
        exits.callback(core.engine.drain)
        exits.callback(readiness.drain)
        _spare_the_collector()
        yield sites.canonical.resource


def _build_parts(
    settings: ServerSettings,
    sites: Sites,
    core: Core,
    readiness: Readiness,
    exits: AsyncExitStack,
) -> Parts:
    """Construct what only HTTP has: signing in by browser, clients and their grants."""
    schemes = settings.redirect_schemes
    documents = None
    if settings.client_documents == "on":
        documents = Documents(domains=settings.client_domains, schemes=schemes)
        exits.push_async_callback(documents.close)
    connections = Connections(core.rest)
    ledger = Ledger(connections)
    exits.push_async_callback(ledger.close)
    browsers = BrowserSessions(core.seal, core.chains)
    return Parts(
        settings=settings,
        sites=sites,
        seal=core.seal,
        store=core.store,
        engine=core.engine,
        verifier=core.verifier,
        auth=core.auth,
        sign_in=_sign_in(settings, core.auth, core.counters),
        clients=Clients(
            core.seal,
            documents=documents,
            configured=load_clients(settings.clients_file, schemes),
            schemes=schemes,
            can_register=settings.client_registration == "on",
            quota=Quota(
                "clients", _rate(settings, settings.registrations_per_address), core.counters
            ),
        ),
        browsers=browsers,
        grants=Grants(
            core.seal,
            core.store,
            core.chains,
            browsers,
            access=core.access,
            verifier=core.verifier,
            ledger=ledger,
        ),
        connections=connections,
        readiness=readiness,
    )


@asynccontextmanager
async def running_stack(settings: StackSettings, *, with_demo: bool) -> AsyncIterator[StackFacts]:
    """Run the embedded stack for as long as the context lasts.

    Raises:
        ConfigError: it cannot start, or its extra is not installed.
    """
    try:
        from atoms_mcp.local.stack import Stack  # noqa: PLC0415 - an extra that servers do without
    except ImportError as exc:
        raise ConfigError(
            [f"the embedded stack is not installed ({exc.name}): pip install 'atoms-mcp[local]'"]
        ) from exc
    stack = Stack(settings, with_demo=with_demo)
    try:
        await stack.start()
        yield StackFacts(
            url=stack.url,
            anon_key=stack.anon_key,
            dsn=stack.dsn,
            postgres_pid=stack.postgres.pid or 0,
            state_dir=settings.state_dir,
        )
    finally:
        await stack.stop()


def find_stack(settings: StackSettings) -> Mapping[str, str]:
    """Give the variables of the embedded stack that runs on this state folder; none, {}."""
    try:
        from atoms_mcp.local.keys import load_anon_key  # noqa: PLC0415 - as above
        from atoms_mcp.local.lock import find_running  # noqa: PLC0415 - as above
    except ImportError:
        return {}
    url = find_running(settings.state_dir)
    if url is None:
        return {}
    return {"SUPABASE_URL": url, "SUPABASE_ANON_KEY": load_anon_key(settings.state_dir)}


def rotate_key(settings: StackSettings) -> str:
    """Make a new signing key for the embedded gateway and give its id."""
    from atoms_mcp.local.keys import rotate  # noqa: PLC0415 - as above

    return rotate(settings.state_dir)


def _spare_the_collector() -> None:
    """Keep the garbage collector from going again and again through what was made at the start.

    A request leaves few cycles behind, if any. Worth a sixth of a short request's time
    (`scripts/bench http`, with and without).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, *gc.get_threshold()[1:])


def _rate(settings: ServerSettings, rate: str) -> str | None:
    return rate if settings.rate_limits == "on" else None


def _pace(settings: ServerSettings) -> Pace:
    if settings.rate_limits == "off":
        return Pace()
    rate = parse_rate(settings.calls_per_user)
    return Pace(rate.amount, rate.get_expiry())


def _sign_in(settings: ServerSettings, auth: SupabaseAuth, counters: Counters) -> SignIn:
    return SignIn(
        auth,
        Attempts(
            per_account=_rate(settings, settings.login_failures_per_account),
            per_address=_rate(settings, settings.login_failures_per_address),
            counters=counters,
        ),
        mails=Quota("mails", _rate(settings, settings.mails_per_address), counters),
    )


def _secret_keys(settings: ServerSettings) -> list[bytes]:
    """Give the sealing keys, newest first; without any, one that is kept in the state folder.

    Raises:
        ConfigError: the folder cannot be used.
    """
    if settings.secret_key:
        return [key.get_secret_value().encode() for key in settings.secret_key]
    path = settings.state_dir / SECRET_FILE
    try:
        if not path.exists():
            settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_hex(32), encoding="ascii")
            # Of processes that start at once on one folder the first one makes the key of all.
            with suppress(FileExistsError):
                path.hardlink_to(fresh)
            fresh.unlink()
        key = path.read_bytes()
    except OSError as exc:
        raise ConfigError(
            [f"{path} cannot be used ({exc.strerror}); set ATOMS_STATE_DIR or ATOMS_SECRET_KEY"]
        ) from exc
    if len(key) < MIN_SECRET_CHARS:
        raise ConfigError([f"{path} is cut short; remove it, and a new key is made"])
    return [key]


def _kept_login(settings: ServerSettings, auth: SupabaseAuth) -> KeptLogin:
    vault = open_vault(settings.state_dir / LOGIN_FILE, settings.supabase_url)
    return KeptLogin(vault, auth, settings.supabase_url)


def _token_source(settings: ServerSettings, auth: SupabaseAuth) -> Callable[[], Awaitable[str]]:
    if settings.access_token is None:
        return _kept_login(settings, auth).token
    token = settings.access_token.get_secret_value()

    async def find_token() -> str:
        return token

    return find_token


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as exc:
        listener.close()
        fault = f"cannot bind {host}: {exc.strerror or exc}; set ATOMS_FASTMCP_HOST"
        if exc.errno == errno.EADDRINUSE:
            fault = f"port {port} of {host} is in use; set ATOMS_FASTMCP_PORT to another, or to 0"
        raise ConfigError([fault]) from exc
    return listener


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end what runs inside: contexts close in their order."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are inside of one
    has_come = False

    def end() -> None:
        nonlocal has_come
        if not has_come:
            has_come = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        yield
    except asyncio.CancelledError:
        if not has_come:
            raise


async def _forever() -> None:
    await asyncio.Event().wait()
