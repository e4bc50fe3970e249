"""Where somebody works by default: their own row, places in sight only."""
# ruff: noqa: S608 - each statement is put together from names in this file

import json
from uuid import uuid4

import pytest

# What PostgREST makes of POST with on_conflict=user_id and resolution=merge-duplicates.
UPSERT = (
    "insert into user_context ({0}) values ({1}) on conflict (user_id) do update set {2}"
    " returning organization_id, project_id, document_id"
)

DEEP = json.loads("[" * 65 + "]" * 65)


async def put(world, who, **columns):
    names = list(columns)
    return await world.one(
        who,
        UPSERT.format(
            ", ".join(names),
            ", ".join(f"${n}" for n in range(1, len(names) + 1)),
            ", ".join(f"{name} = excluded.{name}" for name in names),
        ),
        *columns.values(),
    )


async def refused_put(world, who, code, **columns):
    names = list(columns)
    return await world.refused(
        who,
        f"insert into user_context ({', '.join(names)})"
        f" values ({', '.join(f'${n}' for n in range(1, len(names) + 1))})",
        *columns.values(),
        code=code,
    )


async def test_the_row_is_made_and_changed_by_the_same_call(world):
    me = world.user["viewer"]
    first = await put(world, "viewer", user_id=me, organization_id=world.acme)
    assert tuple(first) == (world.acme, None, None)
    second = await put(world, "viewer", user_id=me, project_id=world.project)
    assert tuple(second) == (world.acme, world.project, None)
    assert await world.count("viewer", "select 1 from user_context") == 1


async def test_the_user_need_not_be_named(world):
    await put(world, "viewer", project_id=world.project)
    row = await world.one("viewer", "select user_id from user_context")
    assert row["user_id"] == world.user["viewer"]


async def test_the_narrowest_place_fills_in_the_wider_ones(world):
    row = await put(world, "viewer", document_id=world.document)
    assert tuple(row) == (world.acme, world.project, world.document)


async def test_nobody_has_a_row_for_somebody_else(world):
    await refused_put(world, "viewer", "42501", user_id=world.user["editor"])
    await put(world, "editor", organization_id=world.acme)
    assert not await world.run("owner", "select 1 from user_context")
    assert not await world.may("owner", "update user_context set recent = '[1]' returning 1")
    assert not await world.may("owner", "delete from user_context returning 1")
    assert not await world.may(
        "editor", "update user_context set user_id = $1 returning 1", world.user["viewer"]
    )


@pytest.mark.parametrize("place", ["organization_id", "project_id", "document_id"])
async def test_places_out_of_sight_answer_like_none(world, place):
    foreign = {
        "organization_id": world.umbrella,
        "project_id": world.foreign_project,
        "document_id": world.foreign_document,
    }
    errors = [
        await refused_put(world, "viewer", "23503", **{place: target})
        for target in (foreign[place], uuid4())
    ]
    assert len({(e.args[0], e.detail, e.hint) for e in errors}) == 1


async def test_places_that_do_not_fit_together_are_refused(world):
    error = await refused_put(
        world, "owner", "23503", project_id=world.private, document_id=world.document
    )
    assert error.detail == "context_document"
    home = await world.value("owner", "select id from organizations where kind = 'personal'")
    error = await refused_put(
        world, "owner", "23503", organization_id=home, project_id=world.project
    )
    assert error.detail == "context_project"


async def test_a_place_that_is_deleted_for_good_leaves_a_gap(world):
    await put(world, "viewer", document_id=world.document)
    await world.run("operator", "delete from projects where id = $1", world.project)
    row = await world.one("viewer", "select * from user_context")
    assert (row["organization_id"], row["project_id"], row["document_id"]) == (
        world.acme,
        None,
        None,
    )


async def test_a_context_can_be_cleared(world):
    await put(world, "viewer", document_id=world.document)
    clear = "update user_context set organization_id = null, project_id = null, document_id = null"
    assert await world.may("viewer", f"{clear} returning 1")
    assert await world.may("viewer", "delete from user_context returning 1")


@pytest.mark.parametrize(
    "recent",
    [{"a": 1}, "text", None, list(range(21)), ["x" * 17000], DEEP],
    ids=["object", "text", "null", "many", "long", "deep"],
)
async def test_the_recent_places_are_a_short_list(world, recent):
    await refused_put(world, "viewer", "23514", recent=json.dumps(recent))


async def test_twenty_recent_places_fit(world):
    recent = json.dumps([{"type": "project", "id": str(uuid4())}] * 20)
    await put(world, "viewer", recent=recent)
    assert await world.count("viewer", "select 1 from user_context") == 1
