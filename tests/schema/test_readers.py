"""The views: what they add to the tables, for whoever reads them."""

OUTLINE = "select {} from document_outline where document_id = $1 order by position, id"


async def test_an_organization_shows_my_role_and_its_size(world):
    rows = {
        who: await world.one(
            "viewer" if who is None else who,
            "select my_role, project_count, member_count from organization_overview where id = $1",
            world.acme,
        )
        for who in ("owner", "admin", "member", "guest", "viewer")
    }
    assert {who: row["my_role"] for who, row in rows.items()} == {
        "owner": "owner",
        "admin": "admin",
        "member": "member",
        "guest": "guest",
        "viewer": "guest",
    }
    assert {who: row["project_count"] for who, row in rows.items()} == {
        "owner": 2,
        "admin": 2,
        "member": 1,
        "guest": 0,
        "viewer": 1,
    }
    assert {row["member_count"] for row in rows.values()} == {10}


async def test_a_project_shows_my_role_and_its_size(world):
    read = (
        "select my_role, organization_slug, document_count, requirement_count"
        " from project_overview where id = $1"
    )
    for who, role in {
        "owner": "owner",
        "admin": "owner",
        "member": "viewer",
        "project_owner": "owner",
        "project_admin": "admin",
        "maintainer": "maintainer",
        "editor": "editor",
        "viewer": "viewer",
    }.items():
        assert tuple(await world.one(who, read, world.project)) == (role, "acme", 1, 1)


async def test_counts_are_of_the_alive(world):
    await world.run("maintainer", "update documents set deleted_at = now()")
    row = await world.one(
        "viewer",
        "select document_count, requirement_count from project_overview where id = $1",
        world.project,
    )
    assert tuple(row) == (0, 0)
    await world.run("owner", "update projects set deleted_at = now() where id = $1", world.project)
    assert (
        await world.value(
            "owner", "select project_count from organization_overview where id = $1", world.acme
        )
        == 1
    )


async def test_a_document_reads_as_one_sequence(world):
    await world.run(
        "editor",
        "insert into document_blocks (document_id, kind, body, position) values"
        " ($1, 'text', 'Between', 1500)",
        world.document,
    )
    rows = await world.run(
        "viewer",
        OUTLINE.format("source, key, kind, heading_level, title, body, level"),
        world.document,
    )
    assert [tuple(row) for row in rows] == [
        ("block", None, "heading", 1, None, "Braking", None),
        ("block", None, "text", None, None, "Between", None),
        ("requirement", "VEH-REQ-1", "functional", None, "Brake response", None, "system"),
    ]


async def test_what_is_deleted_is_not_in_the_outline(world):
    await world.run("maintainer", "update document_blocks set deleted_at = now()")
    rows = await world.run("viewer", OUTLINE.format("source"), world.document)
    assert [row["source"] for row in rows] == ["requirement"]


async def test_members_come_with_names_on_both_levels(world):
    rows = await world.run(
        "viewer",
        "select scope, email, display_name, role, status, organization_slug, project_key"
        " from member_overview where organization_id = $1",
        world.acme,
    )
    found = {tuple(row) for row in rows}
    assert ("organization", "owner@example.com", "Owner", "owner", "active", "acme", None) in found
    assert (
        "organization",
        "suspended@example.com",
        "Suspended",
        "admin",
        "suspended",
        "acme",
        None,
    ) in found
    assert ("project", "editor@example.com", "Editor", "editor", "active", "acme", "VEH") in found
    assert not [row for row in found if row[-1] == "SEC"]


async def test_the_history_names_whom_the_reader_may_know(world):
    await world.write("editor", "Mine")
    read = "select actor_email, actor_name from item_history where key = 'VEH-REQ-2'"
    assert tuple(await world.one("viewer", read)) == ("editor@example.com", "Editor")
    await world.run(
        "owner", "delete from organization_members where user_id = $1", world.user["editor"]
    )
    assert tuple(await world.one("viewer", read)) == (None, None)
