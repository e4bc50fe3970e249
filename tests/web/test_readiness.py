import asyncio
import sqlite3

import pytest
from supabase_double import answering

from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.store.local import LocalStore
from atoms_mcp.supabase.auth import JWKS_PATH, SupabaseAuth
from atoms_mcp.supabase.wire import Wire
from atoms_mcp.web.readiness import ILL_S, WELL_S, Readiness

HEALTH = "/auth/v1/health"
WELL = {"supabase_auth": "ok", "signing_keys": "ok", "store": "ok"}


@pytest.fixture
async def readiness(supabase, clock, tmp_path, monkeypatch):
    monkeypatch.setattr("atoms_mcp.store.local.BUSY_S", 0)
    wire = Wire(supabase.settings())
    auth = SupabaseAuth(wire)
    store = LocalStore(tmp_path / "store.sqlite3")
    yield Readiness(auth, Jwks(auth, now=clock), store, now=clock)
    await wire.close()
    await store.close()


async def test_it_asks_once_for_many_and_for_a_while(supabase, readiness, clock):
    await asyncio.gather(*(readiness.check() for _ in range(20)))
    clock.now += WELL_S - 1
    assert await readiness.check() == WELL
    assert supabase.count(HEALTH) == 1

    clock.now += 1
    await readiness.check()
    assert supabase.count(HEALTH) == 2


async def test_bad_news_are_kept_shorter(supabase, readiness, clock):
    supabase.faults[HEALTH] = answering(502, b"x")
    assert (await readiness.check())["supabase_auth"] == "wrong"

    supabase.faults.clear()
    clock.now += ILL_S
    assert await readiness.check() == WELL


async def test_missing_keys_are_told(supabase, readiness):
    supabase.faults[JWKS_PATH] = answering(503)

    assert await readiness.check() == {**WELL, "signing_keys": "down"}


async def test_a_store_that_cannot_be_asked_is_told_until_it_can(readiness, clock, tmp_path):
    holder = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert await readiness.check() == {**WELL, "store": "down"}

    holder.execute("ROLLBACK")
    holder.close()
    clock.now += ILL_S
    assert await readiness.check() == WELL


async def test_a_stop_is_told_without_asking(supabase, readiness):
    readiness.drain()

    assert await readiness.check() == {"server": "draining"}
    assert supabase.seen == []
