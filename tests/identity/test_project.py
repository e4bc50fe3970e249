import asyncio

import pytest
from supabase_double import answering

from atoms_mcp.identity.project import FRESH_S, RETRY_S, Project
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

SETTINGS = "/auth/v1/settings"


@pytest.fixture
async def project(supabase, clock):
    wire = Wire(supabase.settings())
    yield Project(SupabaseAuth(wire), clock)
    await wire.close()


async def test_the_project_is_asked_once_a_minute(supabase, project, clock):
    await project.settings()
    clock.now += FRESH_S - 1
    await project.settings()
    assert supabase.count(SETTINGS) == 1

    supabase.project["external"] = {"google": True}
    clock.now += 1
    assert (await project.settings()).providers == ("google",)
    assert supabase.count(SETTINGS) == 2


async def test_many_who_ask_at_once_make_one_call(supabase, project):
    await asyncio.gather(*(project.settings() for _ in range(20)))

    assert supabase.count(SETTINGS) == 1


async def test_an_outage_leaves_what_was_known_and_is_not_made_worse(supabase, project, clock):
    known = await project.settings()
    clock.now += FRESH_S
    supabase.faults[SETTINGS] = answering(503)
    supabase.seen.clear()

    assert await project.settings() == known
    asked = supabase.count(SETTINGS)
    assert await project.settings() == known
    assert supabase.count(SETTINGS) == asked

    supabase.faults.clear()
    supabase.project["external"] = {}
    clock.now += RETRY_S
    assert (await project.settings()).providers == ()


async def test_an_outage_from_the_start_is_told(supabase, project):
    supabase.faults[SETTINGS] = answering(503)
    with pytest.raises(SupabaseError):
        await project.settings()

    supabase.faults.clear()
    assert (await project.settings()).has_email
