import asyncio

import pytest
from engine_double import Bench, frame_of, request
from structlog.testing import capture_logs

from atoms_mcp.engine.sessions import rows as session_rows
from atoms_mcp.engine.sessions.rows import LIFETIME_S, SessionRows
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.store import local
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown

NOW = 1000.0


def session(key="s-1", owner="id-ada", expires_at=10**9):
    return Session(key, owner, "2025-11-25", (), expires_at)


class Shelf(LocalStore):
    """A store that says until when it keeps what, and what of that is spare."""

    def kept(self):
        return dict(self._all("key, until"))

    def guards(self):
        return [key for key, is_spare in self._all("key, spare") if not is_spare]

    def _all(self, columns):
        return self._run(f"SELECT {columns} FROM entries").fetchall()  # noqa: S608 - our own words


@pytest.fixture
async def store():
    made = Shelf(now=lambda: NOW)
    yield made
    await made.close()


@pytest.fixture
def rows(store):
    return SessionRows(store, now=lambda: NOW)


async def test_each_session_has_a_row_of_each_kind(rows):
    assert await rows.get(session(), "level") is None
    await rows.put(session(), "level", "info")
    await rows.put(session(), "listens", "[]")
    await rows.put(session(), "level", "error")

    assert await rows.get(session(), "level") == "error"
    assert await rows.get(session(), "listens") == "[]"
    assert await rows.get(session("s-2"), "level") is None


async def test_a_row_is_changed_by_many_at_once_and_none_is_lost(rows):
    async with asyncio.timeout(5):
        await asyncio.gather(
            *(rows.edit(session(), "level", lambda before: (before or "") + "x") for _ in range(9))
        )

    assert await rows.get(session(), "level") == "x" * 9


async def test_nothing_is_kept_longer_than_its_session_or_a_day(rows, store):
    await rows.put(session(), "level", "info")
    await rows.put(session("s-2", expires_at=NOW + 60), "level", "info")

    day = NOW + LIFETIME_S
    assert store.kept() == {"level:s-1": day, "level:s-2": NOW + 60, "rows:id-ada": day}


async def test_all_of_it_is_spare(rows, store):
    await rows.put(session(), "level", "info")
    await rows.put(session(), "listens", "[]")

    assert store.guards() == []


@pytest.mark.requirement("t24-sessions")
async def test_of_one_user_only_so_many_sessions_have_something_kept(rows, store, monkeypatch):
    monkeypatch.setattr(session_rows, "MAX_SESSIONS", 3)
    await rows.put(session("b-1", "id-bob"), "level", "info")
    for number in (1, 2, 3, 1, 4, 5):
        await rows.put(session(f"s-{number}"), "level", "info")
        await rows.put(session(f"s-{number}"), "listens", "[]")

    levels = {key for key in store.kept() if key.startswith("level:")}
    assert levels == {"level:s-1", "level:s-4", "level:s-5", "level:b-1"}
    assert len(store.kept()) == 7 + 2


async def test_of_a_session_that_is_over_nothing_is_kept(rows, store):
    await rows.put(session(), "level", "info")
    await rows.put(session("s-2"), "listens", "[]")
    await rows.forget(session())

    assert set(store.kept()) == {"listens:s-2", "rows:id-ada"}


async def test_who_had_nothing_kept_leaves_nothing(rows, store):
    await rows.forget(session())

    assert store.kept() == {}


async def test_without_the_store_it_goes_by_itself_later(rows, store, monkeypatch):
    async def be_down(*_anything):
        raise StoreDown

    await rows.put(session(), "level", "info")
    monkeypatch.setattr(store, "get", be_down)

    with capture_logs() as lines:
        await rows.forget(session())
    assert [line["event"] for line in lines] == ["session.rows_kept"]


@pytest.mark.requirement("t24-sessions")
async def test_nobody_pushes_out_what_guards_others_by_opening_and_ending_sessions(monkeypatch):
    monkeypatch.setattr(local, "SWEEP_EVERY", 10)
    monkeypatch.setattr(session_rows, "MAX_SESSIONS", 50)
    bench = Bench(store=LocalStore(max_rows=40))
    await bench.store.mark("revoked:bob", 2**40)
    for number in range(150):
        headers = await bench.open("2025-11-25")
        await bench.send(request("logging/setLevel", level="info"), headers=headers)
        if number % 2:
            await bench.engine.end_session(frame_of(session_id=headers["Mcp-Session-Id"]))

    assert await bench.store.is_marked("revoked:bob")
    assert await bench.store.get("ended:id-ada")
