"""Documents and blocks: places on one number line, and deletion that takes the contents along."""
# ruff: noqa: S608 - each statement is put together from names in this file

import pytest

ADD = "insert into document_blocks (document_id, body) values ($1, $2) returning *"
DELETE = "update documents set deleted_at = now() where id = $1 returning *"
RESTORE = "update documents set deleted_at = null where id = $1 returning *"


async def positions(world):
    rows = await world.run(
        "viewer",
        "select position from document_outline where document_id = $1 order by position, id",
        world.document,
    )
    return [row["position"] for row in rows]


async def test_what_is_added_goes_to_the_end_of_the_document(world):
    """The world has a heading at 1024 and a requirement at 2048."""
    await world.one("editor", ADD, world.document, "Text")
    await world.write("editor", "Second")
    assert await positions(world) == [1024, 2048, 3072, 4096]


async def test_a_batch_is_placed_in_its_order(world):
    rows = await world.run(
        "editor",
        "insert into requirements (document_id, name) select $1, 'R' || n"
        " from generate_series(1, 3) as n returning name, position, key",
        world.document,
    )
    assert [tuple(row) for row in rows] == [
        ("R1", 3072, "VEH-REQ-2"),
        ("R2", 4096, "VEH-REQ-3"),
        ("R3", 5120, "VEH-REQ-4"),
    ]


async def test_a_given_position_is_kept(world):
    row = await world.one(
        "editor",
        "insert into document_blocks (document_id, body, position) values ($1, 'x', 1500)"
        " returning position",
        world.document,
    )
    assert row["position"] == 1500
    moved = await world.one(
        "editor",
        "update requirements set position = -5 where id = $1 returning *",
        world.requirement,
    )
    assert (moved["position"], moved["version"]) == (-5, 2)


async def test_moving_to_another_document_appends_there(world):
    other = await world.value(
        "editor",
        "insert into documents (project_id, name) values ($1, 'Other') returning id",
        world.project,
    )
    await world.one("editor", ADD, other, "First")
    moved = await world.one(
        "editor",
        "update requirements set document_id = $1 where id = $2 returning position",
        other,
        world.requirement,
    )
    assert moved["position"] == 2048
    assert (
        await world.value(
            "viewer", "select document_id from items where id = $1", world.requirement
        )
        == other
    )


async def test_nulling_the_position_appends(world):
    row = await world.one(
        "editor",
        "update document_blocks set position = null where id = $1 returning position",
        world.block,
    )
    assert row["position"] == 3072


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ("kind => 'text'", "document_blocks_has_content"),
        ("kind => 'heading', body => 'x'", "document_blocks_heading"),
        ("kind => 'heading', heading_level => 2, body => ' '", "document_blocks_heading"),
        ("kind => 'heading', heading_level => 2, content => '{}'", "document_blocks_heading"),
    ],
)
async def test_a_block_has_content_and_a_heading_has_a_level(world, columns, constraint):
    pairs = [pair.split(" => ") for pair in columns.split(", ")]
    error = await world.refused(
        "editor",
        f"insert into document_blocks (document_id, {', '.join(n for n, _ in pairs)})"
        f" values ($1, {', '.join(v for _, v in pairs)})",
        world.document,
        code="23514",
    )
    assert error.constraint_name == constraint


async def test_a_deleted_document_takes_what_is_alive_in_it_along(world):
    row = await world.one("maintainer", DELETE, world.document)
    for table in ("requirements", "document_blocks", "items"):
        rows = await world.run(
            "viewer", f"select deleted_at from {table} where project_id = $1", world.project
        )
        assert {r["deleted_at"] for r in rows} == {row["deleted_at"]}
    assert not await world.run("viewer", "select 1 from document_outline")
    history = await world.run(
        "viewer",
        "select op, actor from revisions where item_id = $1 and version = 2",
        world.requirement,
    )
    assert tuple(history[0]) == ("delete", world.user["maintainer"])


async def test_a_restored_document_brings_back_what_went_with_it_and_nothing_else(world):
    earlier = await world.write("editor", "Gone before")
    await world.run(
        "maintainer", "update requirements set deleted_at = now() where id = $1", earlier["id"]
    )
    await world.run("maintainer", DELETE, world.document)
    await world.run("maintainer", RESTORE, world.document)
    alive = await world.run("viewer", "select id from requirements where deleted_at is null")
    assert [row["id"] for row in alive] == [world.requirement]
    assert await positions(world) == [1024, 2048]


async def test_nothing_comes_back_into_a_deleted_document_alone(world):
    await world.run("maintainer", DELETE, world.document)
    error = await world.refused(
        "maintainer",
        "update requirements set deleted_at = null where id = $1",
        world.requirement,
        code="23514",
    )
    assert (error.detail, error.hint) == ("deleted", "Restore the document first, then change it.")


@pytest.mark.parametrize(
    "insert", [ADD, ADD.replace("document_blocks", "requirements").replace("body", "name")]
)
async def test_nothing_is_added_to_a_deleted_document(world, insert):
    await world.run("maintainer", DELETE, world.document)
    error = await world.refused("editor", insert, world.document, "Late", code="23514")
    assert error.detail == "deleted"


async def test_an_editor_cannot_delete_a_document_and_nothing_in_it_moves(world):
    await world.refused("editor", DELETE, world.document)
    assert await positions(world) == [1024, 2048]


async def test_a_thousand_requirements_go_and_come_back_with_their_document(world):
    await world.run(
        "editor",
        "insert into requirements (document_id, name) select $1, 'R' || n"
        " from generate_series(1, 1000) as n",
        world.document,
    )
    await world.run("maintainer", DELETE, world.document)
    assert not await world.run("viewer", "select 1 from requirements where deleted_at is null")
    await world.run("maintainer", RESTORE, world.document)
    assert (
        await world.count("viewer", "select 1 from requirements where deleted_at is null") == 1001
    )
