import sqlite3
import stat

import pytest
from structlog.testing import capture_logs

from atoms_mcp.store import local
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown


@pytest.fixture
def lines():
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def open_store(file, clock):
    """Open a store on the file; all are closed at the end."""
    opened = []

    def open_one(path=file, **more):
        opened.append(LocalStore(path, now=clock, **more))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


def count(path):
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
    connection.close()
    return found


async def test_an_entry_holds_until_its_time_and_can_be_taken_afterwards(open_store, clock):
    for store in (open_store(), open_store(None)):
        now = clock.now
        await store.mark("a", now + 10)
        await store.put("b", "value", now + 10)
        assert await store.take_once("c", now + 10)
        clock.now = now + 9.9
        assert await store.is_marked("a")
        assert await store.get("b") == "value"
        assert not await store.take_once("c", now + 20)

        clock.now = now + 10
        assert not await store.is_marked("a")
        assert await store.get("b") is None
        assert await store.take_once("c", now + 20)
        assert await store.take_once("b", now + 20)
        assert await store.get("b") is None


async def test_marking_again_moves_the_end(open_store, clock):
    store = open_store()
    await store.mark("a", clock.now + 10)
    await store.mark("a", clock.now + 20)
    clock.now += 15

    assert await store.is_marked("a")


async def test_a_restart_and_another_process_find_what_was_kept(open_store, clock):
    one = open_store()
    await one.put("chain:1", "sealed", clock.now + 60)

    other = open_store()
    assert await other.get("chain:1") == "sealed"
    assert not await other.take_once("chain:1", clock.now + 60)
    await one.close()
    assert await open_store().get("chain:1") == "sealed"
    await other.delete("chain:1")
    assert await open_store().get("chain:1") is None


async def test_nobody_else_may_read_the_file(open_store, file, clock):
    await open_store().mark("a", clock.now + 60)

    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {path.name for path in file.parent.iterdir()} == {
        "store.sqlite3",
        "store.sqlite3-wal",
        "store.sqlite3-shm",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}


async def test_what_is_over_is_removed_by_and_by_and_a_piece_at_a_time(
    open_store, file, clock, monkeypatch
):
    monkeypatch.setattr(local, "SWEEP_EVERY", 10)
    monkeypatch.setattr(local, "SWEEP_ROWS", 20)
    store = open_store()
    for number in range(45):
        await store.mark(f"old:{number}", clock.now + 1)
    clock.now += 2
    for number in range(5):
        await store.mark(f"a:{number}", clock.now + 60)
    assert count(file) == 30
    for number in range(20):
        await store.mark(f"b:{number}", clock.now + 60)

    assert count(file) == 25


async def test_where_there_are_too_many_what_is_over_first_goes_first(
    open_store, file, clock, monkeypatch, lines
):
    monkeypatch.setattr(local, "SWEEP_EVERY", 10)
    store = open_store(max_rows=15)
    for number in range(20):
        await store.mark(f"{number}", clock.now + 60 - number)

    assert count(file) == 15
    assert [await store.is_marked(f"{n}") for n in (0, 14, 15, 19)] == [True, True, False, False]
    assert [line["event"] for line in lines] == ["store.full"]
    assert (lines[0]["dropped"], lines[0]["spare"]) == (5, 0)


async def test_nothing_that_guards_goes_while_there_is_something_spare(
    open_store, file, clock, monkeypatch, lines
):
    monkeypatch.setattr(local, "SWEEP_EVERY", 10)
    store = open_store(max_rows=20)
    guards = [f"revoked:{number}" for number in range(15)]
    for key in guards:
        await store.mark(key, clock.now + 60)
    for number in range(985):
        await store.put(f"level:{number}", "info", clock.now + 600, is_spare=True)

    assert [key for key in guards if not await store.is_marked(key)] == []
    assert count(file) == 20
    assert [await store.get(f"level:{n}") for n in (979, 980, 984)] == [None, "info", "info"]
    assert {line["spare"] == line["dropped"] for line in lines} == {True}


async def test_what_becomes_a_guard_is_spare_no_longer(open_store, clock, monkeypatch, lines):
    monkeypatch.setattr(local, "SWEEP_EVERY", 10)
    store = open_store(max_rows=4)
    await store.put("a", "x", clock.now + 60, is_spare=True)
    await store.swap("a", "x", "y", clock.now + 60)
    await store.take_once("b", clock.now + 50, is_spare=True)
    for number in range(7):
        await store.mark(f"c:{number}", clock.now + 40 + number)

    assert [await store.is_marked(key) for key in ("a", "b", "c:3", "c:4")] == [
        True,
        False,
        False,
        True,
    ]
    assert (lines[0]["dropped"], lines[0]["spare"]) == (5, 1)


BEFORE = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT, until REAL NOT NULL
)
"""


async def test_a_file_of_before_is_used_as_it_is(open_store, file, clock, lines):
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.execute(BEFORE)
        kept = ("chain:1", "sealed", clock.now + 60)
        connection.execute("INSERT INTO entries (key, value, until) VALUES (?, ?, ?)", kept)
    connection.close()
    one, other = open_store(), open_store()
    await other.put("level:1", "info", clock.now + 60, is_spare=True)

    assert await one.get("chain:1") == "sealed"
    assert await one.get("level:1") == "info"
    assert lines == []


async def test_a_file_that_another_process_made_newer_meanwhile_is_used(
    open_store, clock, monkeypatch, lines
):
    await open_store().mark("a", clock.now + 60)
    monkeypatch.setattr(local, "FIND_SPARE", "SELECT 1 WHERE 0")  # as it was a moment ago

    assert await open_store().is_marked("a")
    assert lines == []


@pytest.mark.parametrize("is_folder_there", [True, False])
async def test_a_place_that_cannot_be_written_means_memory_and_one_warning(
    tmp_path, open_store, clock, lines, is_folder_there
):
    if is_folder_there:
        path = tmp_path / "store.sqlite3"
        path.mkdir()
    else:
        (tmp_path / "state").write_text("a file where a folder should be")
        path = tmp_path / "state" / "store.sqlite3"
    store = open_store(path)
    await store.put("a", "value", clock.now + 60)

    assert await store.get("a") == "value"
    await store.ping()
    assert [line["event"] for line in lines] == ["store.in_memory"]
    assert lines[0]["log_level"] == "warning"
    assert str(path) in lines[0]["path"]
    assert "a restart may end logins that share a session" in lines[0]["hint"]


async def test_a_file_of_something_else_is_moved_aside(open_store, file, clock, lines):
    file.parent.mkdir()
    file.write_text("this is no database" * 500)

    store = open_store()

    assert await store.take_once("a", clock.now + 60)
    aside = file.with_name("store.sqlite3.broken")
    assert aside.read_text().startswith("this is no database")
    assert [(line["event"], line["log_level"]) for line in lines] == [("store.broken", "warning")]
    assert lines[0]["moved_to"] == str(aside)


def spoil(file):
    """Break pages in the middle of a file that has entries."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = file.stat().st_size
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xa5" * (size - 4096))


async def fill(store, clock):
    # More than a connection keeps in memory: what is asked comes from the file.
    for number in range(200):
        await store.put(f"key:{number}", "v" * 20_000, clock.now + 60)


async def test_a_file_that_was_damaged_is_found_so_at_the_start(open_store, file, clock, lines):
    store = open_store()
    await fill(store, clock)
    await store.close()
    spoil(file)

    again = open_store()

    assert await again.get("key:1") is None
    assert await again.take_once("key:1", clock.now + 60)
    assert [line["event"] for line in lines] == ["store.broken"]


async def test_a_file_that_breaks_meanwhile_is_replaced_and_the_question_answered(
    open_store, file, clock, lines
):
    store, other = open_store(), open_store()
    await fill(store, clock)
    spoil(file)

    assert await store.get("key:1") is None
    assert await store.take_once("key:1", clock.now + 60)
    assert [line["event"] for line in lines] == ["store.broken"]
    # The other one finds the new file in place, and leaves it there.
    await other.close()
    assert not await other.take_once("key:1", clock.now + 60)
    assert len(lines) == 1


async def test_while_somebody_holds_the_file_nothing_is_promised(
    open_store, file, clock, monkeypatch
):
    monkeypatch.setattr(local, "BUSY_S", 0)
    store = open_store()
    await store.mark("a", clock.now + 60)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreDown, match="the store's file cannot be used: database is locked"):
        await store.take_once("b", clock.now + 60)
    with pytest.raises(StoreDown):
        await store.ping()
    holder.execute("ROLLBACK")
    holder.close()

    assert await store.take_once("b", clock.now + 60)
    await store.ping()


async def test_a_file_that_is_held_at_the_start_is_waited_for_and_no_memory_taken(
    open_store, file, clock, monkeypatch, lines
):
    monkeypatch.setattr(local, "BUSY_S", 0)
    file.parent.mkdir()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    store = open_store()

    with pytest.raises(StoreDown):
        await store.take_once("a", clock.now + 60)
    holder.execute("ROLLBACK")
    holder.close()

    assert await store.take_once("a", clock.now + 60)
    assert not await open_store().take_once("a", clock.now + 60)
    assert lines == []


async def test_a_file_that_is_taken_away_is_an_outage_that_ends(open_store, file, clock):
    store = open_store()
    await store.close()
    for path in file.parent.iterdir():
        path.unlink()
    file.mkdir()

    with pytest.raises(StoreDown):
        await store.mark("a", clock.now + 60)
    file.rmdir()

    await store.mark("a", clock.now + 60)
    assert await store.is_marked("a")
