"""The hierarchy of requirements, their external ids, and batches of them."""
# ruff: noqa: S608 - each statement is put together from names in this file

from uuid import uuid4

import pytest

SET_PARENT = "update requirements set parent_id = $1 where id = $2 returning *"


async def family(world):
    """Give grandmother, mother and child as ids."""
    grandmother = (await world.write("editor", "Grandmother"))["id"]
    mother = (await world.write("editor", "Mother", parent_id=grandmother))["id"]
    return grandmother, mother, (await world.write("editor", "Child", parent_id=mother))["id"]


async def test_the_project_comes_from_the_document(world):
    row = await world.write("editor", "Placed")
    assert row["project_id"] == world.project


async def test_a_requirement_may_name_its_project_as_well(world):
    row = await world.write("editor", "Placed", project_id=world.project)
    assert row["document_id"] == world.document


async def test_a_document_of_another_project_of_ones_own_is_refused(world):
    error = await world.refused(
        "owner",
        "insert into requirements (project_id, document_id, name) values ($1, $2, 'x')",
        world.private,
        world.document,
        code="23503",
    )
    assert error.constraint_name == "requirements_document"


@pytest.mark.parametrize("ancestor", [0, 1, 2])
async def test_nobody_becomes_their_own_ancestor(world, ancestor):
    people = await family(world)
    error = await world.refused("editor", SET_PARENT, people[2], people[ancestor], code="23514")
    assert error.detail == "parent_cycle"


async def test_a_parent_may_be_changed_and_taken_away(world):
    grandmother, _, child = await family(world)
    assert (await world.one("editor", SET_PARENT, grandmother, child))["parent_id"] == grandmother
    assert (await world.one("editor", SET_PARENT, None, child))["parent_id"] is None


async def test_a_new_requirement_cannot_be_its_own_parent(world):
    error = await world.refused(
        "editor",
        "insert into requirements (id, document_id, name, parent_id) values ($1, $2, 'x', $1)",
        uuid4(),
        world.document,
        code="23514",
    )
    assert error.detail == "parent_cycle"


async def test_a_batch_may_name_parents_that_come_later_in_it(world):
    first, second = uuid4(), uuid4()
    insert = (
        "insert into requirements (id, document_id, name, parent_id)"
        " values ($1, $3, 'First', $2), ($2, $3, 'Second', {}) returning 1"
    )
    assert await world.may("editor", insert.format("null"), first, second, world.document)
    error = await world.refused(
        "editor", insert.format("$1"), first, second, world.document, code="23514"
    )
    assert error.detail == "parent_cycle"


async def test_a_deleted_requirement_takes_no_children(world):
    grandmother, _, _ = await family(world)
    await world.run(
        "maintainer", "update requirements set deleted_at = now() where id = $1", grandmother
    )
    error = await world.refused("editor", SET_PARENT, grandmother, world.requirement, code="23514")
    assert error.detail == "deleted"


async def test_an_external_id_is_unique_among_the_alive_of_a_project(world):
    first = await world.write("editor", "First", external_id="DOORS-1")
    error = await world.refused(
        "editor",
        "insert into requirements (document_id, name, external_id) values ($1, 'x', 'DOORS-1')",
        world.document,
        code="23505",
    )
    assert error.constraint_name == "requirements_external_id_unique"
    await world.run(
        "maintainer", "update requirements set deleted_at = now() where id = $1", first["id"]
    )
    assert (await world.write("editor", "Again", external_id="DOORS-1"))["external_id"] == "DOORS-1"
    restore = "update requirements set deleted_at = null where id = $1"
    await world.refused("maintainer", restore, first["id"], code="23505")


async def test_a_batch_with_one_bad_row_writes_none(world):
    await world.refused(
        "editor",
        "insert into requirements (document_id, name) values ($1, 'Good'), ($1, '')",
        world.document,
        code="23514",
    )
    assert await world.count("viewer", "select 1 from requirements") == 1


async def test_a_hundred_requirements_arrive_whole(world):
    rows = await world.run(
        "editor",
        "insert into requirements (document_id, name) select $1, 'R' || n"
        " from generate_series(1, 100) as n returning key, position",
        world.document,
    )
    assert len({row["key"] for row in rows}) == len({row["position"] for row in rows}) == 100
    for table in ("items", "revisions"):
        counted = f"select 1 from {table} where type = 'requirement' and key is not null"
        assert await world.count("viewer", counted) == 101


async def test_json_nulls_for_listed_columns_name_the_column(world):
    error = await world.refused(
        "editor",
        "insert into requirements (document_id, name, tags) values ($1, 'x', null)",
        world.document,
        code="23502",
    )
    assert error.column_name == "tags"
