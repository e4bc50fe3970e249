"""The embedded PostgreSQL: made, started, kept running and stopped by our own launcher.

It listens on a Unix socket in a folder that only its user may enter, never on TCP; that
folder is the lock on the door, so that roles need no passwords. It runs in a session of
its own: Ctrl-C of the terminal reaches us alone, and we stop it in order.

Source: PostgreSQL manual, "Shutting Down the Server".
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.postgres.binaries import LEAST_MAJOR, find_bin_dir, read_major
from atoms_mcp.local.postgres.pidfile import NAME, is_postmaster, read_pid_file
from atoms_mcp.local.postgres.privileges import RunAs, find_run_as

__all__ = ["SUPERUSER", "Postgres", "find_bin_dir"]

SUPERUSER = "supabase_admin"
PORT = 5432  # names the socket file only; nothing listens on TCP
SOCKET_PATH_BYTES = 107
READY_S = 60.0  # a crash recovery may take its time
POLL_S = 0.01
WATCH_S = 0.2
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STOPS = ((signal.SIGINT, 2.5), (signal.SIGQUIT, 0.7), (signal.SIGKILL, 0.7))
LOG_BYTES = 1024 * 1024
BUILTIN_LOCALE_MAJOR = 17
IO_METHOD_MAJOR = 18

log = structlog.get_logger()


class Postgres:
    """One cluster in `data_dir`, which is made at the first start.

    `socket_dir` and `port` say where it listens, `pid` which process it is. When it dies
    it is started again, with growing pauses, until `stop`.
    """

    def __init__(self, bin_dir: Path, data_dir: Path, *, fsync: bool) -> None:
        self.bin_dir = bin_dir
        self.data_dir = data_dir.absolute()
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        self.socket_dir = _short_dir(self.data_dir)
        self.port = PORT
        self.pid: int | None = None
        self._fsync = fsync
        self._run_as = RunAs((), 0, 0)
        self._major = 0
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    def connect_args(self, user: str, database: str = "postgres") -> dict[str, Any]:
        """Give what `asyncpg.connect` and `asyncpg.create_pool` need."""
        return {
            "host": str(self.socket_dir),
            "port": self.port,
            "user": user,
            "database": database,
        }

    def dsn(self, user: str, database: str = "postgres") -> str:
        """Give the same as one URL that psql and all drivers take."""
        return (
            f"postgresql://{user}@/{database}?host={quote(str(self.socket_dir), safe='')}"
            f"&port={self.port}"
        )

    async def start(self) -> None:
        """Start the cluster, or take over the one that already runs on this data.

        Raises:
            StackError: it does not start; the text has what it said last.
        """
        home = self.data_dir.parent
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._major = await asyncio.to_thread(read_major, self.bin_dir)
        if self._major < LEAST_MAJOR:
            raise StackError(
                f"PostgreSQL {self._major} in {self.bin_dir} is too old; {LEAST_MAJOR} is the least"
            )
        self._run_as = await asyncio.to_thread(find_run_as, self.bin_dir, home)
        try:
            if not (self.data_dir / "PG_VERSION").exists():
                await self._make_cluster()
            self._check_cluster()
            await self._bring_up()
        except BaseException:
            await self.stop()
            raise
        self._keeper = asyncio.create_task(self._keep(), name="postgres-keeper")

    async def stop(self) -> None:
        """Stop it fast: open transactions are rolled back, what was committed is on disk."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        for number, patience_s in STOPS:
            if self.pid is None or not self._is_alive(self.pid):
                break
            with contextlib.suppress(ProcessLookupError):  # it may end in between
                os.kill(self.pid, number)
            try:
                await asyncio.wait_for(self._gone(self.pid), patience_s)
                break
            except TimeoutError:
                log.warning("postgres.slow_stop", pid=self.pid, signal=number.name)
        self.pid = None
        self._process = None
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    async def _make_cluster(self) -> None:
        # Made aside and moved when whole: an interrupted first start leaves no half cluster.
        fresh = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._run_as.give(fresh)
        options = [
            f"--pgdata={fresh}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-instructions",
            *self._locale(),
            *([] if self._fsync else ["--no-sync"]),
        ]
        maker = await asyncio.create_subprocess_exec(
            *self._run_as.prefix,
            str(self.bin_dir / "initdb"),
            *options,
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        said, _ = await maker.communicate()
        if maker.returncode != 0:
            raise StackError(
                f"initdb could not make a database in {fresh}:\n{said.decode(errors='replace')}"
            )
        fresh.rename(self.data_dir)

    def _locale(self) -> list[str]:
        """Choose case folding for all letters with an order that is the same on every machine."""
        if self._major >= BUILTIN_LOCALE_MAJOR:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C", "--lc-ctype=C.UTF-8"]

    def _check_cluster(self) -> None:
        made_by = (self.data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(self._major):
            raise StackError(
                f"the data in {self.data_dir} was made by PostgreSQL {made_by}, and {self.bin_dir} "
                f"is PostgreSQL {self._major}; set ATOMS_LOCAL_POSTGRES_BIN to a version "
                f"{made_by}, or move the data away (pg_dump carries it over)"
            )

    async def _bring_up(self) -> None:
        """Adopt what runs on our data, else launch; return when it accepts connections."""
        running = read_pid_file(self.data_dir)
        if running is not None and is_postmaster(running.pid, self.data_dir):
            self.pid = running.pid
            log.info("postgres.adopted", pid=self.pid)
        else:
            # PostgreSQL itself would take any living process of that number for the owner.
            (self.data_dir / NAME).unlink(missing_ok=True)
            await self._launch()
        await self._wait_ready()

    async def _launch(self) -> None:
        self.socket_dir = self._make_socket_dir(self.socket_dir)
        self.port = PORT
        is_long = self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES
        with self.log_path.open("wb" if is_long else "ab") as written:
            os.fchmod(written.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            self._process = await asyncio.create_subprocess_exec(
                *self._run_as.prefix,
                str(self.bin_dir / "postgres"),
                *self._options(),
                cwd="/",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        self.pid = self._process.pid
        log.info("postgres.started", pid=self.pid, version=self._major)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "max_connections": "60",
            "shared_buffers": "32MB",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            # Errors are told to whoever made them; here they would be a flood, with rows in it.
            "log_min_messages": "log",
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
            "synchronous_commit": "on",  # what was acknowledged survives a kill -9
        }
        if self._major >= IO_METHOD_MAJOR:
            settings["io_method"] = "sync"
        pairs = [f"{name}={value}" for name, value in settings.items()]
        return ["-D", str(self.data_dir), *(word for pair in pairs for word in ("-c", pair))]

    def _make_socket_dir(self, wanted: Path) -> Path:
        """Make sure of a folder that only PostgreSQL's user may enter.

        The name can be guessed, so what somebody else put there is not used.
        """
        with contextlib.suppress(FileExistsError):
            wanted.mkdir(mode=0o700)
            self._run_as.give(wanted)
        found = wanted.lstat()
        is_private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == stat.S_IRWXU
        if is_private and found.st_uid == self._run_as.uid:
            return wanted
        other = Path(tempfile.mkdtemp(prefix="atoms-mcp-", dir=wanted.parent))
        self._run_as.give(other)
        return other

    async def _wait_ready(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_S
        while loop.time() < until:
            said = read_pid_file(self.data_dir)
            if said is not None and said.pid == self.pid and said.is_ready:
                self.socket_dir, self.port = said.socket_dir, said.port
                return
            if self.pid is None or not self._is_alive(self.pid):
                break
            await asyncio.sleep(POLL_S)
        raise StackError(f"PostgreSQL did not start; the end of {self.log_path}:\n{self._tail()}")

    def _tail(self) -> str:
        try:
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(nothing)"
        return "\n".join(lines[-10:])

    async def _keep(self) -> None:
        """Start it again whenever it is gone; ends by being cancelled."""
        while self.pid is not None:
            await self._gone(self.pid)
            log.error("postgres.died", pid=self.pid)
            await self._bring_back()

    async def _bring_back(self) -> None:
        for tries in range(1_000_000):  # pragma: no branch - a million pauses of 5 s do not end
            await asyncio.sleep(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
            try:
                await self._bring_up()
            except (StackError, OSError) as exc:
                log.error("postgres.restart_failed", error=str(exc))  # noqa: TRY400 - expected
            else:
                log.info("postgres.back", pid=self.pid)
                return

    def _is_alive(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.returncode is None
        return is_postmaster(pid, self.data_dir)

    async def _gone(self, pid: int) -> None:
        """Return when process `pid` has ended; an adopted one is not our child to wait for."""
        if self._process is not None and self._process.pid == pid:
            await self._process.wait()
            return
        while is_postmaster(pid, self.data_dir):  # noqa: ASYNC110 - a foreign process tells nobody
            await asyncio.sleep(WATCH_S)


def _short_dir(data_dir: Path) -> Path:
    """Name a folder for the socket, the same at each start, short enough for a socket path."""
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    name = f"atoms-mcp-{os.geteuid()}-{digest}"
    base = Path(tempfile.gettempdir())
    longest = base / name / f".s.PGSQL.{PORT}.lock"
    return (base if len(os.fsencode(longest)) <= SOCKET_PATH_BYTES else Path("/tmp")) / name  # noqa: S108 - made private below
