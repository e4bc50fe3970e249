"""The embedded stack: PostgreSQL, the schema, the gateway; started and stopped as one.

Source: Supabase CLI, local development.
"""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import structlog
from aiohttp import web

from atoms_mcp import schema
from atoms_mcp.local import demo
from atoms_mcp.local.address import HOST, bind
from atoms_mcp.local.auth.api import AuthApi
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.discovery import Discovery
from atoms_mcp.local.auth.limits import read_limits
from atoms_mcp.local.auth.options import read_options
from atoms_mcp.local.gateway import AUTH, Gateway
from atoms_mcp.local.keys import KeyRing, load_anon_key
from atoms_mcp.local.lock import StateLock
from atoms_mcp.local.postgres.cluster import Postgres, find_bin_dir
from atoms_mcp.local.postgres.database import prepare
from atoms_mcp.local.rest.api import RestApi
from atoms_mcp.local.rest.database import open_pool
from atoms_mcp.settings import StackSettings

POSTGRES_DIR = "postgres"
AUTH_ROLE, AUTH_CONNECTIONS = "supabase_auth_admin", 8
REST_ROLE, REST_CONNECTIONS = "authenticator", 20
CONNECT_S = 5.0
COMMAND_S = 15.0
CLOSE_S = 0.5
# A filter may name many ids, and all of them stand in the URL.
MAX_LINE_BYTES = 64 * 1024

log = structlog.get_logger()


class Stack:
    """One stack on one state folder.

    After `start`: `url` and `anon_key` are what a client needs, `dsn` is for psql (as
    `postgres`, who passes row-level security), `postgres` the database itself.
    """

    def __init__(self, settings: StackSettings, *, with_demo: bool = True) -> None:
        self.state_dir = settings.state_dir.absolute()
        self.url = ""
        self.anon_key = ""
        self.postgres = Postgres(
            find_bin_dir(settings.postgres_bin),
            self.state_dir / POSTGRES_DIR,
            fsync=settings.fsync == "on",
        )
        self._settings = settings
        self._with_demo = with_demo
        self._exits = AsyncExitStack()

    @property
    def dsn(self) -> str:
        """Where psql gets in, as the owner of the tables."""
        return self.postgres.dsn("postgres")

    async def start(self) -> None:
        """Start all of it; what was started is stopped again where something fails.

        Raises:
            StackError: with what to do about it.
        """
        async with AsyncExitStack() as exits:
            await self._start(exits)
            self._exits = exits.pop_all()

    async def stop(self) -> None:
        """Stop all of it, PostgreSQL last; may be called twice."""
        await self._exits.aclose()

    async def _start(self, exits: AsyncExitStack) -> None:
        lock = StateLock(self.state_dir)
        lock.take()
        exits.callback(lock.release)
        self.anon_key = load_anon_key(self.state_dir)
        ring = KeyRing(self.state_dir)
        ring.keys()
        listener = bind(self.state_dir, self._settings.gateway_port)
        exits.callback(listener.close)
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        await self.postgres.start()
        exits.push_async_callback(self.postgres.stop)
        await prepare(self.postgres, schema.migrations())
        if self._with_demo:
            await demo.insert(self.postgres)
        gateway = await self._gateway(ring, exits)
        runner = web.AppRunner(
            gateway.app(),
            access_log=None,
            shutdown_timeout=CLOSE_S,
            max_line_size=MAX_LINE_BYTES,
            # A few compressed bytes would grow to any size.
            auto_decompress=False,
        )
        exits.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        lock.tell(self.url)
        log.info("stack.ready", url=self.url, state_dir=str(self.state_dir))

    async def _gateway(self, ring: KeyRing, exits: AsyncExitStack) -> Gateway:
        auth_pool = await self._pool(AUTH_ROLE, AUTH_CONNECTIONS, exits)
        rest_pool = await self._pool(REST_ROLE, REST_CONNECTIONS, exits)
        rest = RestApi(rest_pool)
        await rest.start()
        exits.push_async_callback(rest.stop)
        context = Context(
            pool=auth_pool,
            ring=ring,
            issuer=self.url + AUTH,
            anon_key=self.anon_key,
            limits=read_limits(self._settings),
            options=read_options(self._settings),
        )
        auth = AuthApi(context)
        exits.callback(auth.close)
        return Gateway(
            auth=auth,
            discovery=Discovery(ring, context.issuer, context.options),
            rest=rest,
            ring=ring,
            anon_key=self.anon_key,
        )

    async def _pool(self, role: str, connections: int, exits: AsyncExitStack) -> asyncpg.Pool:
        # No least size: the pool would go on complaining while the database is away.
        pool = await open_pool(
            **self.postgres.connect_args(role),
            min_size=0,
            max_size=connections,
            timeout=CONNECT_S,
            command_timeout=COMMAND_S,
        )
        exits.push_async_callback(close_pool, pool)
        return pool


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close `pool` in order, or at once where a connection is still in use after a moment."""
    try:
        await asyncio.wait_for(pool.close(), CLOSE_S)
    except (TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
        pool.terminate()
