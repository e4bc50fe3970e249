"""One request, one transaction: role, claims and request set for it alone, then undone.

Connections log in as `authenticator`, which may do nothing but become another role; all
that a request sets is local to its transaction, so a connection has no memory of it.

Source: PostgREST reference, "Transactions".
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import asyncpg

from atoms_mcp.local.rest.errors import RestError, from_postgres

ANON = "anon"
ACQUIRE_TIMEOUT_S = 10.0
POOL_SIZE = 10
STATEMENTS_CACHED = 500
BEGINS = {False: "BEGIN", True: "BEGIN READ ONLY"}
SETTINGS = ("role", "request.jwt.claims", "request.method", "request.path", "request.headers")
SET = f"""
SELECT {", ".join(f"set_config('{name}', ${at}, true)" for at, name in enumerate(SETTINGS, 1))},
  set_config('search_path', 'public', true),
  set_config('timezone', coalesce(${len(SETTINGS) + 1}, current_setting('timezone')), true)
"""

LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """As whom and for what a transaction runs; `claims` and `headers` are JSON text."""

    role: str
    claims: str = field(repr=False)
    method: str
    path: str
    headers: str = field(repr=False)
    timezone: str | None = None
    is_read_only: bool = False


async def open_pool(**connect: object) -> asyncpg.Pool:
    """Open a pool that fits `Database`; `connect` says where and as whom.

    Nothing outlives a transaction here, so a connection goes back without being reset,
    which saves a round trip for each request.
    """
    return await asyncpg.create_pool(
        **{
            "min_size": 1,
            "max_size": POOL_SIZE,
            "statement_cache_size": STATEMENTS_CACHED,
            "reset": _keep,
            **connect,
        }
    )


async def _keep(_: asyncpg.Connection) -> None:
    """Leave the connection as it is."""


class Database:
    """Runs transactions on a pool; turns what goes wrong into refusals."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @contextlib.asynccontextmanager
    async def transaction(self, frame: Frame) -> AsyncIterator[asyncpg.Connection]:
        """Run a block as `frame` says; an exception rolls back, else it is committed.

        Raises:
            RestError: what PostgreSQL refused; 503 PGRST001 without a database, 504
                PGRST003 when no connection came free in time.
        """
        with _told(is_anon=frame.role == ANON):
            connection = await self._begin(frame)
            try:
                await connection.fetchrow(
                    SET,
                    frame.role,
                    frame.claims,
                    frame.method,
                    frame.path,
                    frame.headers,
                    frame.timezone,
                )
                yield connection
                await connection.execute("COMMIT")
            except BaseException:
                await self._roll_back(connection)
                raise
            await self._pool.release(connection)

    @contextlib.asynccontextmanager
    async def plain(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection as it is, for what runs as nobody's request.

        Raises:
            RestError: as `transaction`.
        """
        with _told(is_anon=False):
            connection = await self._acquire()
            try:
                yield connection
            finally:
                await self._pool.release(connection)

    async def _begin(self, frame: Frame) -> asyncpg.Connection:
        """Open a transaction, on a second connection if the first one turns out dead."""
        begin = BEGINS[frame.is_read_only]
        for is_last in (False, True):
            connection = await self._acquire()
            try:
                await connection.execute(begin)
            except BaseException as exc:
                await self._discard(connection)
                if is_last or not isinstance(exc, LOST):
                    raise
            else:
                return connection
        raise AssertionError  # pragma: no cover - the second round returns or raises

    async def _acquire(self) -> asyncpg.Connection:
        try:
            return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except TimeoutError:
            raise RestError(
                504, "PGRST003", "Timed out acquiring connection from connection pool."
            ) from None

    async def _roll_back(self, connection: asyncpg.Connection) -> None:
        try:
            await connection.execute("ROLLBACK")
        except BaseException:  # noqa: BLE001 - whatever it is, this connection is of no more use
            await self._discard(connection)
        else:
            await self._pool.release(connection)

    async def _discard(self, connection: asyncpg.Connection) -> None:
        connection.terminate()
        await self._pool.release(connection)


@contextlib.contextmanager
def _told(*, is_anon: bool) -> Iterator[None]:
    try:
        yield
    except LOST as exc:
        raise RestError(
            503,
            "PGRST001",
            "Database client error. Retrying the connection.",
            details=str(exc) or type(exc).__name__,
        ) from exc
    except asyncpg.PostgresError as exc:
        raise from_postgres(exc, is_anon=is_anon) from exc
