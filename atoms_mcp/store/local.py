"""The store of one machine: an SQLite file that several processes may share, or memory.

An operation takes some ten microseconds, so it runs in the event loop. What is kept survives a
restart. The last writes before a power cut may be lost, the file never breaks by that.

There is room for so many entries. Past that the spare ones go, and only where there are none of
those the others; of each kind the ones first that would be over first, which guard the least.

Source: https://www.sqlite.org/wal.html; https://www.sqlite.org/lang_upsert.html;
https://www.sqlite.org/lang_altertable.html.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from atoms_mcp.store.channels import Channels, Subscription
from atoms_mcp.store.store import StoreDown

# Another process writes for microseconds; while we wait for it, our loop stands still.
BUSY_S = 1.0
SWEEP_EVERY = 500
SWEEP_ROWS = 1000
MAX_ROWS = 200_000
# Where the file is at fault rather than the disk, the lock or the folder.
BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Where somebody else is at work in it, which passes.
HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
COMPANIONS = ("", "-wal", "-shm")
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    value TEXT,
    until REAL NOT NULL,
    spare INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS entries_until ON entries (until);
"""
# Files of before know nothing of what is spare.
FIND_SPARE = "SELECT 1 FROM pragma_table_info('entries') WHERE name = 'spare'"
ADD_SPARE = "ALTER TABLE entries ADD COLUMN spare INTEGER NOT NULL DEFAULT 0"
INDEX_SPARE = "CREATE INDEX IF NOT EXISTS entries_spare ON entries (until) WHERE spare"
PUT = """
INSERT INTO entries (key, value, until, spare) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE
SET value = excluded.value, until = excluded.until, spare = excluded.spare
"""
# What is over may be taken, and replaced as if it were not there.
TAKE = f"{PUT} WHERE entries.until <= ?"
SWAP = (
    "UPDATE entries SET value = ?, until = ?, spare = ? WHERE key = ? AND value = ? AND until > ?"
)
SWEEP = "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE until <= ? LIMIT ?)"
DROP = "DELETE FROM entries WHERE id IN (SELECT id FROM entries {} ORDER BY until, id LIMIT ?)"
DROP_SPARE = DROP.format("WHERE spare")
DROP_ANY = DROP.format("")

log = structlog.get_logger()


class LocalStore:
    """Keeps entries in the file `path`, made with its folder; None keeps them in memory.

    A folder that cannot be written means memory, with one warning. A file that is broken is
    moved aside. Past `max_rows` entries some are dropped, the spare ones first.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        now: Callable[[], float] = time.time,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self._path = path
        self._now = now
        self._max_rows = max_rows
        self._writes = 0
        self._channels = Channels()
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = self._open()
        except (OSError, sqlite3.Error) as exc:
            # Held is not lost: with a memory of our own, a code could be used twice.
            if _code(exc) not in HELD:
                self._use_memory(exc)

    async def mark(self, key: str, until: float, *, is_spare: bool = False) -> None:
        """As `Store.mark`."""
        self._write(PUT, (key, None, until, is_spare))

    async def is_marked(self, key: str) -> bool:
        """As `Store.is_marked`."""
        sql = "SELECT 1 FROM entries WHERE key = ? AND until > ?"
        return self._run(sql, (key, self._now())).fetchone() is not None

    async def take_once(self, key: str, until: float, *, is_spare: bool = False) -> bool:
        """As `Store.take_once`."""
        now = self._now()
        return until > now and self._write(TAKE, (key, None, until, is_spare, now)) == 1

    async def put(self, key: str, value: str, until: float, *, is_spare: bool = False) -> None:
        """As `Store.put`."""
        self._write(PUT, (key, value, until, is_spare))

    async def swap(
        self, key: str, before: str | None, after: str, until: float, *, is_spare: bool = False
    ) -> bool:
        """As `Store.swap`."""
        now = self._now()
        if until <= now:
            return False
        if before is None:
            return self._write(TAKE, (key, after, until, is_spare, now)) == 1
        return self._write(SWAP, (after, until, is_spare, key, before, now)) == 1

    async def get(self, key: str) -> str | None:
        """As `Store.get`."""
        sql = "SELECT value FROM entries WHERE key = ? AND until > ?"
        row = self._run(sql, (key, self._now())).fetchone()
        return None if row is None else row[0]

    async def delete(self, key: str) -> None:
        """As `Store.delete`."""
        self._run("DELETE FROM entries WHERE key = ?", (key,))

    async def publish(self, channel: str, message: str) -> None:
        """As `Store.publish`, within this process."""
        self._channels.deliver(channel, message)

    def subscribe(self, channel: str) -> Subscription:
        """As `Store.subscribe`, within this process."""
        return self._channels.subscribe(channel)

    async def ping(self) -> None:
        """As `Store.ping`: takes the lock that writing needs, and lets it go."""
        self._run("BEGIN IMMEDIATE")
        self._run("ROLLBACK")

    async def close(self) -> None:
        """As `Store.close`."""
        self._drop_connection()

    def _write(self, sql: str, values: tuple[Any, ...]) -> int:
        """Run a statement, give how many rows it changed, and sweep now and then."""
        changed = self._run(sql, values).rowcount
        self._writes += 1
        if self._writes % SWEEP_EVERY == 0:
            self._sweep()
        return changed

    def _sweep(self) -> None:
        """Remove what is over, a bounded piece at a time and more than comes in meanwhile."""
        self._run(SWEEP, (self._now(), SWEEP_ROWS))
        surplus = self._run("SELECT count(*) FROM entries").fetchone()[0] - self._max_rows
        if surplus <= 0:
            return
        spare = self._run(DROP_SPARE, (surplus,)).rowcount
        if surplus > spare:
            self._run(DROP_ANY, (surplus - spare,))
        log.warning("store.full", dropped=surplus, spare=spare, hint="set ATOMS_REDIS_URL")

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement, which is a transaction of its own; a broken file is replaced once.

        Raises:
            StoreDown: the disk is full, the lock is held, the file cannot be opened.
        """
        try:
            try:
                return self._find_connection().execute(sql, values)
            except sqlite3.Error as exc:
                self._drop_connection()
                if _code(exc) not in BROKEN:
                    raise
                return self._find_connection().execute(sql, values)
        except (OSError, sqlite3.Error) as exc:
            raise StoreDown(f"the store's file cannot be used: {exc}") from exc

    def _find_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        """Open the file, or another one where it is broken.

        Raises:
            OSError, sqlite3.Error: it cannot be opened.
        """
        if self._path is None:
            return _connect(":memory:")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its companion files the mode of the file itself.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            return _connect(self._path)
        except sqlite3.Error as exc:
            if _code(exc) not in BROKEN:
                raise
            self._move_aside(self._path)
            return _connect(self._path)

    def _move_aside(self, path: Path) -> None:
        """Keep the broken file for whoever wants to look; of several, the last one."""
        aside = path.with_name(f"{path.name}.broken")
        for suffix in COMPANIONS:
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.replace(aside.with_name(aside.name + suffix))
        log.warning(
            "store.broken",
            moved_to=str(aside),
            hint="logins that share a session may have to be made again",
        )

    def _use_memory(self, exc: Exception) -> None:
        log.warning(
            "store.in_memory",
            path=str(self._path),
            fault=str(exc),
            hint="a restart may end logins that share a session; set ATOMS_STATE_DIR to a folder "
            "that can be written, or ATOMS_REDIS_URL",
        )
        self._path = None
        self._connection = self._open()


def _connect(where: Path | str) -> sqlite3.Connection:
    """Open a database and look it through: a break shows here rather than in a request."""
    connection = sqlite3.connect(where, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(SCHEMA)
        _know_spare(connection)
        sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if sound != "ok":
            fault = sqlite3.DatabaseError(sound)
            fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise fault
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _know_spare(connection: sqlite3.Connection) -> None:
    """Let the entries say whether they are spare; of several processes one makes that so."""
    if connection.execute(FIND_SPARE).fetchone() is None:
        with suppress(sqlite3.OperationalError):  # another one was faster
            connection.execute(ADD_SPARE)
    connection.execute(INDEX_SPARE)


def _code(exc: Exception) -> int:
    """Give the primary code of an error of SQLite's; 0 for any other."""
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF
