import asyncio

import pytest
from structlog.testing import capture_logs

from atoms_mcp.identity.connections import Connection, TableMissing
from atoms_mcp.identity.ledger import MAX_TASKS, Ledger
from atoms_mcp.supabase.errors import SupabaseError

ONE = Connection("gid", "client", "Client", None, "127.0.0.1", "atoms:read", "sid")


class Table:
    """Connections that do as they are told."""

    def __init__(self):
        self.seen = []
        self.fault = None
        self.go = asyncio.Event()
        self.go.set()

    async def record(self, connection, token):
        await self._note("record", connection, token)

    async def touch(self, gid, token):
        await self._note("touch", gid, token)

    async def remove(self, gid, token):
        await self._note("remove", gid, token)

    async def clear(self, token):
        await self._note("clear", token)

    async def _note(self, *what):
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        self.seen.append(what)


@pytest.fixture
def table():
    return Table()


@pytest.fixture
async def ledger(table):
    ledger = Ledger(table)
    yield ledger
    table.go.set()
    await ledger.close()


async def test_everything_is_written_in_the_background(table, ledger):
    table.go.clear()
    ledger.record(ONE, "t")
    ledger.touch("gid", "t")
    ledger.remove("gid", "t")
    assert table.seen == []
    table.go.set()
    await ledger.close()

    assert table.seen == [("record", ONE, "t"), ("touch", "gid", "t"), ("remove", "gid", "t")]


async def test_a_whole_list_is_struck_off_in_the_foreground_and_a_failure_does_no_harm(
    table, ledger
):
    await ledger.clear("t")
    assert table.seen == [("clear", "t")]

    table.fault = SupabaseError("down", "nobody answered")
    with capture_logs() as lines:
        await ledger.clear("t")
    assert [line["event"] for line in lines] == ["connections.failed"]


async def test_a_table_that_is_missing_is_told_once(table, ledger):
    table.fault = TableMissing()
    with capture_logs() as lines:
        for _ in range(3):
            ledger.touch("gid", "secret-token")
        await ledger.close()

    assert [line["event"] for line in lines] == ["connections.missing"]
    assert "migration" in lines[0]["hint"]
    assert "secret-token" not in str(lines)


async def test_a_failure_is_told_and_does_no_harm(table, ledger):
    table.fault = SupabaseError("down", "nobody answered")
    with capture_logs() as lines:
        ledger.touch("gid", "t")
        await ledger.close()
    assert [line["event"] for line in lines] == ["connections.failed"]
    table.fault = None
    ledger.touch("gid", "t")
    await ledger.close()
    assert table.seen == [("touch", "gid", "t")]


async def test_a_project_that_hangs_piles_up_nothing(table, ledger):
    table.go.clear()
    for number in range(MAX_TASKS + 20):
        ledger.touch(str(number), "t")
    table.go.set()
    await ledger.close()

    assert len(table.seen) == MAX_TASKS


async def test_the_end_waits_for_nobody_for_long(table, monkeypatch):
    monkeypatch.setattr("atoms_mcp.identity.ledger.CLOSE_S", 0)
    ledger = Ledger(table)
    table.go.clear()
    ledger.touch("gid", "t")
    await ledger.close()
    table.go.set()
    await ledger.close()

    assert table.seen == []
