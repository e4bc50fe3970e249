"""What all items share: keys, versions, authorship, history, soft deletion."""
# ruff: noqa: S608 - each statement is put together from names in this file

import json
from uuid import uuid4

import pytest

UPDATE = "update requirements set {} where id = $1 returning *"
HISTORY = (
    "select version, op, changed_fields, actor, via, snapshot from revisions where item_id = $1"
    " order by version"
)


async def test_keys_count_up_per_project_and_kind(world):
    assert (await world.write("editor", "Second"))["key"] == "VEH-REQ-2"
    assert (await world.write("editor", "Third"))["key"] == "VEH-REQ-3"
    row = await world.one(
        "editor",
        "insert into documents (project_id, name) values ($1, 'x') returning key",
        world.project,
    )
    assert row["key"] == "VEH-DOC-2"


async def test_an_item_is_stamped_with_its_author_and_place(world):
    row = await world.write("editor", "Stamped")
    assert row["created_by"] == row["updated_by"] == world.user["editor"]
    assert (row["version"], row["content_version"]) == (1, 1)
    assert (row["organization_id"], row["project_id"]) == (world.acme, world.project)
    assert row["deleted_at"] is None


async def test_a_repeated_insert_with_the_same_id_adds_nothing(world):
    insert = (
        "insert into requirements (id, document_id, name) values ($1, $2, 'Once')"
        " on conflict (id) do nothing returning key"
    )
    token = uuid4()
    assert await world.count("editor", insert, token, world.document) == 1
    assert await world.count("editor", insert, token, world.document) == 0
    assert await world.count("editor", "select 1 from requirements where id = $1", token) == 1
    assert await world.count("editor", "select 1 from revisions where item_id = $1", token) == 1


async def test_versions_move_only_when_something_changes(world):
    row = await world.one("editor", UPDATE.format("name = 'Brake response'"), world.requirement)
    assert (row["version"], row["updated_by"]) == (1, world.user["owner"])
    row = await world.one("editor", UPDATE.format("priority = 'high'"), world.requirement)
    assert (row["version"], row["updated_by"]) == (2, world.user["editor"])
    assert len(await world.run("viewer", HISTORY, world.requirement)) == 2


@pytest.mark.parametrize(
    ("change", "is_content"),
    [
        ("name = 'x'", True),
        ("description = 'x'", True),
        ("rationale = 'x'", True),
        ("status = 'in_review'", False),
        ("tags = '{x}'", False),
        ("position = 7", False),
        ('fields = \'{"asil": "D"}\'', False),
    ],
)
async def test_the_content_version_moves_with_text_only(world, change, is_content):
    row = await world.one("editor", UPDATE.format(change), world.requirement)
    assert row["content_version"] == (2 if is_content else 1)


async def test_a_second_writer_with_an_old_version_changes_nothing(world):
    change = UPDATE.format("name = $2").replace("returning", "and version = 1 returning")
    assert await world.count("editor", change, world.requirement, "First") == 1
    assert await world.count("maintainer", change, world.requirement, "Second") == 0


async def test_each_change_is_a_revision(world):
    headers = {"x-client-info": "atoms-mcp/1.0\n(claude-code)" + "x" * 200}
    await world.run(
        "editor", UPDATE.format("name = 'New', tags = '{a}'"), world.requirement, headers=headers
    )
    await world.run("maintainer", UPDATE.format("deleted_at = '1999-01-01'"), world.requirement)
    await world.run("maintainer", UPDATE.format("deleted_at = null"), world.requirement)
    rows = await world.run("viewer", HISTORY, world.requirement)
    assert [(row["version"], row["op"], row["changed_fields"]) for row in rows] == [
        (1, "create", []),
        (2, "update", ["name", "tags"]),
        (3, "delete", ["deleted_at"]),
        (4, "restore", ["deleted_at"]),
    ]
    assert [row["actor"] for row in rows] == [
        world.user[who] for who in ("owner", "editor", "maintainer", "maintainer")
    ]
    assert rows[1]["via"] == ("atoms-mcp/1.0 (claude-code)" + "x" * 200)[:100]
    assert rows[0]["via"] is None
    assert json.loads(rows[1]["snapshot"])["name"] == "New"
    assert json.loads(rows[0]["snapshot"])["name"] == "Brake response"


async def test_the_history_is_append_only_even_for_the_operator(world):
    for change in ("update revisions set op = 'create'", "delete from revisions"):
        error = await world.refused("operator", change)
        assert error.detail == "append_only"


async def test_the_registry_follows_each_type(world):
    rows = await world.run("viewer", "select id, type, key, title, status, version from items")
    assert {tuple(row) for row in rows} == {
        (world.document, "document", "VEH-DOC-1", "Brakes", "draft", 1),
        (world.block, "block", None, "Braking", None, 1),
        (world.requirement, "requirement", "VEH-REQ-1", "Brake response", "draft", 1),
    }
    await world.run("editor", UPDATE.format("name = 'New', status = 'active'"), world.requirement)
    await world.run(
        "editor", "update document_blocks set body = E'  One\\nTwo' where id = $1", world.block
    )
    rows = await world.run("viewer", "select title, status, version from items where version = 2")
    assert {tuple(row) for row in rows} == {("New", "active", 2), ("One", None, 2)}


async def test_the_registry_names_a_block_without_text_by_its_kind(world):
    row = await world.one(
        "editor",
        "insert into document_blocks (document_id, kind, content) values ($1, 'table', $2)"
        " returning id",
        world.document,
        json.dumps({"columns": ["speed"], "rows": [["42 furlongs"]]}),
    )
    assert (
        await world.value("viewer", "select title from items where id = $1", row["id"]) == "table"
    )


async def test_who_deletes_and_when_is_the_databases_word(world):
    row = await world.one(
        "maintainer", UPDATE.format("deleted_at = '1999-01-01'"), world.requirement
    )
    assert row["deleted_by"] == world.user["maintainer"]
    assert row["deleted_at"].year >= 2026
    again = await world.one("maintainer", UPDATE.format("deleted_at = now()"), world.requirement)
    assert (again["version"], again["deleted_at"]) == (2, row["deleted_at"])
    back = await world.one("maintainer", UPDATE.format("deleted_at = null"), world.requirement)
    assert (back["version"], back["deleted_by"], back["updated_by"]) == (
        3,
        None,
        world.user["maintainer"],
    )


async def test_deleted_rows_stay_readable(world):
    await world.run("maintainer", UPDATE.format("deleted_at = now()"), world.requirement)
    assert (
        await world.count("viewer", "select 1 from requirements where deleted_at is not null") == 1
    )
    assert await world.count("viewer", "select 1 from search_items('brake', '{requirement}')") == 0


async def test_a_deleted_item_has_to_be_restored_before_it_is_changed(world):
    await world.run("maintainer", UPDATE.format("deleted_at = now()"), world.requirement)
    error = await world.refused(
        "owner", UPDATE.format("name = 'Late'"), world.requirement, code="23514"
    )
    assert (error.detail, error.hint) == (
        "deleted",
        "Restore the requirement first, then change it.",
    )


async def test_a_refused_deletion_names_both_roles(world):
    error = await world.refused("editor", UPDATE.format("deleted_at = now()"), world.requirement)
    assert error.args[0] == "delete requirement needs the project role maintainer, yours is editor"
    assert (error.detail, error.hint) == (
        "role_too_low",
        "Ask who administers the project for the role maintainer.",
    )


async def test_new_items_cannot_be_born_approved_by_an_editor(world):
    insert = (
        "insert into requirements (document_id, name, status) values ($1, 'x', 'approved')"
        " returning 1"
    )
    assert not await world.may("editor", insert, world.document)
    assert await world.may("maintainer", insert, world.document)


async def test_approval_may_be_taken_back_by_an_editor(world):
    await world.run("maintainer", UPDATE.format("status = 'approved'"), world.requirement)
    assert await world.may("editor", UPDATE.format("priority = 'low'"), world.requirement)
    assert await world.may("editor", UPDATE.format("status = 'draft'"), world.requirement)


@pytest.mark.parametrize("table", ["documents", "requirements"])
async def test_not_even_the_operator_renames_or_moves_an_item(world, table):
    for change in ("key = 'VEH-REQ-9000'", f"project_id = '{world.private}'"):
        error = await world.refused("operator", f"update {table} set {change}", code="23514")
        assert error.detail == "immutable"


async def test_the_service_key_writes_without_a_role(world):
    row = await world.one(
        "service",
        "insert into requirements (document_id, name, created_by, status)"
        " values ($1, 'Imported', $2, 'approved') returning *",
        world.document,
        world.user["editor"],
    )
    assert (row["key"], row["created_by"]) == ("VEH-REQ-2", world.user["editor"])
    assert await world.may("service", UPDATE.format("deleted_at = now()"), row["id"])


async def test_the_service_key_is_told_about_an_unknown_project(world):
    error = await world.refused(
        "service", "insert into documents (project_id, name) values ($1, 'x')", uuid4()
    )
    assert error.detail == "no_role"


async def test_what_the_operator_deletes_for_good_leaves_the_registry(world):
    await world.run("service", "delete from requirements where id = $1", world.requirement)
    assert not await world.run("viewer", "select 1 from items where id = $1", world.requirement)
    assert await world.run("viewer", HISTORY, world.requirement)


async def test_a_project_deleted_for_good_takes_everything_along(world):
    await world.run("operator", "delete from projects where id = $1", world.project)
    for table in ("documents", "document_blocks", "requirements", "items", "revisions"):
        assert not await world.run(
            "operator", f"select 1 from {table} where project_id = $1", world.project
        )


async def test_an_organization_deleted_for_good_takes_everything_along(world):
    await world.run("operator", "delete from organizations where id = $1", world.acme)
    for table in ("projects", "organization_members", "items", "revisions"):
        assert not await world.run(
            "operator", f"select 1 from {table} where organization_id = $1", world.acme
        )


# What JSON readers refuse: nested too deep, or a number beyond a double.
UNREADABLE = [
    "('{\"a\":' || repeat('[', 64) || repeat(']', 64) || '}')::jsonb",
    "(repeat('{\"a\":', 300) || '1' || repeat('}', 300))::jsonb",
    '\'{"a": [{"b": 1e309}]}\'',
    "'{\"a\": -1e400}'",
]
READABLE = (
    '(\'{"n": [1e308, -1e-400, 12345678901234567890], "a":\''
    " || repeat('[', 63) || repeat(']', 63) || '}')::jsonb"
)
LIMITS = {
    "requirements": {
        "name": ["''", "'  '", "repeat('x', 301)"],
        "description": ["repeat('x', 100001)"],
        "rationale": ["repeat('x', 20001)"],
        "external_id": ["''", "repeat('x', 201)"],
        "source": ["repeat('x', 2001)"],
        "status": ["'done'"],
        "priority": ["'urgent'"],
        "level": ["'planet'"],
        "format": ["'haiku'"],
        "kind": ["'wish'"],
        "verification": ["'{hope}'", "array[null]"],
        "tags": [
            "array[null]::text[]",
            "array_fill('x'::text, array[51])",
            "array[repeat('x', 4001)]",
        ],
        "fields": ["'[]'", "'1'", "jsonb_build_object('a', repeat('x', 66000))", *UNREADABLE],
        "position": ["4503599627370496", "-9223372036854775807"],
    },
    "documents": {
        "name": ["repeat('x', 201)", "' '"],
        "description": ["repeat('x', 100001)"],
        "status": ["'rejected'"],
        "tags": ["array_fill('x'::text, array[51])"],
    },
    "document_blocks": {
        "body": ["repeat('x', 100001)"],
        "content": ["jsonb_build_object('a', repeat('x', 263000))", *UNREADABLE],
        "kind": ["'video'"],
        "heading_level": ["0", "7"],
    },
    "projects": {
        "name": ["'x'"],
        "slug": ["'-x'", "'UP'"],
        "settings": ["jsonb_build_object('a', repeat('x', 33000))", "'[]'", *UNREADABLE],
        "visibility": ["'public'"],
        "status": ["'deleted'"],
    },
    "organizations": {"slug": ["'ab'", "'1ab'", "'a b c'"], "settings": ["'null'", *UNREADABLE]},
    "profiles": {
        "display_name": ["repeat('x', 201)"],
        "avatar_url": ["'javascript:alert(1)'", "'https://' || repeat('x', 2048)"],
    },
}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        (table, column, value)
        for table, limits in LIMITS.items()
        for column, values in limits.items()
        for value in values
    ],
)
async def test_values_out_of_bounds_are_refused_by_a_named_check(world, table, column, value):
    error = await world.refused("owner", f"update {table} set {column} = {value}", code="23514")
    assert error.constraint_name.startswith(f"{table}_{column}_check")


@pytest.mark.parametrize(
    "target",
    [
        "requirements.fields",
        "document_blocks.content",
        "projects.settings",
        "organizations.settings",
    ],
)
async def test_json_that_every_reader_takes_is_kept(world, target):
    table, column = target.split(".")
    row = await world.one(
        "owner",
        f"update {table} set {column} = {READABLE} where id = $1 returning version",
        {
            "requirements": world.requirement,
            "document_blocks": world.block,
            "projects": world.project,
            "organizations": world.acme,
        }[table],
    )
    assert row["version"] == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("repeat('x', 100000)", id="one-word"),
        pytest.param(
            "(select string_agg('w' || n, ' ') from generate_series(1, 15000) n)", id="words"
        ),
        pytest.param(
            "(select string_agg(chr(19968 + n), ' ') from generate_series(1, 20000) n)",
            id="chinese",
        ),
        pytest.param(
            "(select string_agg('a' || n || '.com/b', ' ') from generate_series(1, 7000) n)",
            id="addresses",
        ),
        pytest.param("repeat('💥', 100000)", id="emoji"),
    ],
)
async def test_the_longest_texts_fit_into_the_search_vector(world, text):
    row = await world.one(
        "editor",
        f"update requirements set description = {text}, rationale = {text.replace('000)', '00)')}"
        " where id = $1 returning version",
        world.requirement,
    )
    assert row["version"] == 2
