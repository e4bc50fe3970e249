"""Organizations, projects and who belongs to them: creation, owners, refusals."""
# ruff: noqa: S608 - each statement is put together from names in this file

from uuid import uuid4

import pytest

ADD = (
    "insert into organization_members (organization_id, user_id, role) values ($1, $2, $3)"
    " returning *"
)


async def test_whoever_creates_an_organization_owns_it(world):
    row = await world.one("stranger", "select * from create_organization('Wayne Enterprises')")
    assert (row["slug"], row["kind"], row["version"]) == ("wayne-enterprises", "team", 1)
    assert row["created_by"] == row["updated_by"] == world.user["stranger"]
    assert (
        await world.value(
            "stranger", "select my_role from organization_overview where id = $1", row["id"]
        )
        == "owner"
    )


async def test_a_repeated_creation_gives_the_first_row_back(world):
    token = uuid4()
    call = "select * from create_organization('Wayne', p_id => $1)"
    first = await world.one("stranger", call, token)
    assert first["id"] == token
    assert await world.one("stranger", call, token) == first
    with_slug = "select * from create_organization('Wayne', 'wayne', p_id => $1)"
    assert await world.one("stranger", with_slug, token) == first


async def test_the_id_of_a_foreign_organization_is_a_duplicate_and_shows_nothing(world):
    for call in ("'Mine'", "'Mine', 'mine-too'"):
        error = await world.refused(
            "stranger", f"select create_organization({call}, p_id => $1)", world.acme, code="23505"
        )
        assert error.constraint_name == "organizations_pkey"
        assert "Acme" not in str(error)


async def test_derived_slugs_step_aside_and_given_ones_do_not(world):
    again = await world.value("stranger", "select slug from create_organization('Acme')")
    assert again == "acme-2"
    error = await world.refused(
        "stranger", "select create_organization('Acme', 'acme')", code="23505"
    )
    assert error.constraint_name == "organizations_slug_unique"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("null", "23502"),
        ("'x'", "23514"),
        ("repeat('x', 201)", "23514"),
        ("'Fine', 'Not A Slug'", "23514"),
        ("'Fine', p_kind => 'personal'", "22023"),
        ("'Fine', p_kind => 'empire'", "23514"),
        ("'Fine', p_description => repeat('x', 10001)", "23514"),
    ],
)
async def test_bad_organizations_are_refused(world, arguments, code):
    await world.refused("owner", f"select create_organization({arguments})", code=code)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Vehicle", "VEH2"),
        ("Flight Control System", "FCS"),
        ("brakes", "BRA"),
        ("X1", "X1"),
        ("7 seas", "P7S"),
        ("Ab", "AB"),
        ("日本", "PRJ"),
        ("A very long name of a project", "AVLNO"),
        ("é 日", "EX"),
    ],
)
async def test_a_project_key_comes_from_the_name(world, name, key):
    row = await world.one("owner", "select * from create_project($1, $2)", world.acme, name)
    assert row["key"] == key


async def test_a_project_takes_the_key_and_slug_given(world):
    row = await world.one(
        "member",
        "select * from create_project($1, 'Engine', 'eng', 'motor', 'What turns', 'private',"
        " '{a,b}')",
        world.acme,
    )
    assert (row["key"], row["slug"], row["visibility"]) == ("ENG", "motor", "private")
    assert (row["tags"], row["organization_id"]) == (["a", "b"], world.acme)
    assert (
        await world.value("member", "select my_role from project_overview where id = $1", row["id"])
        == "owner"
    )


async def test_taken_keys_and_slugs_of_projects_are_duplicates(world):
    create = "select create_project($1, 'Other', "
    for argument, constraint in (
        ("p_key => 'VEH')", "projects_key_unique"),
        ("p_slug => 'vehicle')", "projects_slug_unique"),
    ):
        error = await world.refused("owner", create + argument, world.acme, code="23505")
        assert error.constraint_name == constraint


async def test_a_repeated_project_gives_the_first_row_back(world):
    call = "select * from create_project($1, 'Engine', p_id => $2)"
    token = uuid4()
    first = await world.one("member", call, world.acme, token)
    assert await world.one("member", call, world.acme, token) == first
    await world.refused("owner", call, world.acme, token, code="23505")
    await world.refused("stranger", call, world.umbrella, token, code="23505")


async def test_unknown_and_foreign_organizations_answer_alike(world):
    errors = [
        await world.refused("owner", "select create_project($1, 'Spy')", organization)
        for organization in (world.umbrella, uuid4())
    ]
    assert len({(e.args[0], e.detail, e.hint) for e in errors}) == 1
    assert errors[0].detail == "no_role"


async def test_a_guest_is_told_which_role_creates_projects(world):
    error = await world.refused("guest", "select create_project($1, 'Mine')", world.acme)
    assert error.detail == "role_too_low"
    assert "member" in error.args[0]
    assert "guest" in error.args[0]


async def test_calls_without_a_user_are_refused(world):
    for call in (
        "create_organization('Nova')",
        "create_project(gen_random_uuid(), 'Nova')",
        "explain_access('project', 'read')",
    ):
        error = await world.refused("operator", f"select {call}")
        assert error.detail == "no_user"


async def test_nothing_is_created_in_a_deleted_organization(world):
    await world.run(
        "owner", "update organizations set deleted_at = now() where id = $1", world.acme
    )
    await world.refused("owner", "select create_project($1, 'Late')", world.acme)


async def test_the_last_owner_cannot_go(world):
    mine = (world.user["owner"], world.acme)
    where = " where user_id = $1 and organization_id = $2"
    for change in (
        "delete from organization_members",
        "update organization_members set role = 'admin'",
        "update organization_members set status = 'suspended'",
    ):
        error = await world.refused("owner", change + where, *mine, code="23514")
        assert error.detail == "last_owner"


async def test_an_owner_may_go_once_there_is_another(world):
    await world.run(
        "owner",
        "update organization_members set role = 'owner' where user_id = $1",
        world.user["admin"],
    )
    assert await world.may(
        "owner",
        "delete from organization_members where user_id = $1 and organization_id = $2 returning 1",
        world.user["owner"],
        world.acme,
    )


async def test_a_suspended_owner_does_not_count(world):
    await world.run(
        "owner",
        "update organization_members set role = 'owner', status = 'suspended' where user_id = $1",
        world.user["admin"],
    )
    await world.refused(
        "owner",
        "delete from organization_members where user_id = $1 and organization_id = $2",
        world.user["owner"],
        world.acme,
        code="23514",
    )


async def test_an_admin_cannot_touch_owners_or_become_one(world):
    promote = "update organization_members set role = 'owner' where user_id = $1 returning 1"
    assert not await world.may("admin", promote, world.user["admin"])
    assert not await world.may("admin", promote.replace("owner", "guest"), world.user["owner"])
    remove = "delete from organization_members where user_id = $1 returning 1"
    assert not await world.may("admin", remove, world.user["owner"])


async def test_a_project_admin_cannot_touch_project_owners_or_become_one(world):
    promote = "update project_members set role = 'owner' where user_id = $1 returning 1"
    assert not await world.may("project_admin", promote, world.user["project_admin"])
    demote = promote.replace("'owner'", "'viewer'")
    assert not await world.may("project_admin", demote, world.user["project_owner"])
    remove = "delete from project_members where user_id = $1 returning 1"
    assert not await world.may("project_admin", remove, world.user["project_owner"])


async def test_anybody_leaves_and_nobody_is_made_to_by_an_equal(world):
    remove = (
        "delete from organization_members where user_id = $1 and organization_id = $2 returning 1"
    )
    assert await world.may("viewer", remove, world.user["viewer"], world.acme)
    assert not await world.may("viewer", remove, world.user["editor"], world.acme)
    leave = "delete from project_members where user_id = $1 returning 1"
    assert await world.may("viewer", leave, world.user["viewer"])
    assert not await world.may("viewer", leave, world.user["editor"])


async def test_nobody_is_put_into_an_organization_by_somebody_else(world):
    """Not even by its owner: it would show the person's address, and the place to the person."""
    newcomer = await world.sign_up("newcomer")
    for who in ("owner", "admin", "stranger"):
        for organization in (world.acme, world.umbrella, uuid4()):
            for person in (newcomer, world.user["stranger"], world.user[who], uuid4()):
                for role in ("guest", "owner"):
                    await world.refused(who, ADD, organization, person, role)
    seen = "select email from profiles where id = $1"
    assert await world.count("owner", seen, newcomer) == 0


async def test_nobody_plants_a_membership_in_a_foreign_project(world):
    into_project = "insert into project_members (project_id, user_id) values ($1, $2)"
    for project in (world.project, uuid4()):
        error = await world.refused("stranger", into_project, project, world.user["stranger"])
        assert error.detail == "no_role"


async def test_a_project_takes_members_of_its_organization_only(world):
    error = await world.refused(
        "project_admin",
        "insert into project_members (project_id, user_id) values ($1, $2)",
        world.project,
        world.user["stranger"],
        code="23503",
    )
    assert error.constraint_name == "project_members_organization_member"


async def test_a_personal_organization_stays_one_persons(world):
    home = await world.value("owner", "select id from organizations where kind = 'personal'")
    error = await world.refused("operator", ADD, home, world.user["viewer"], "member", code="23514")
    assert error.detail == "personal_organization"


async def test_members_carry_who_added_them(world):
    added = await world.one(
        "project_admin",
        "insert into project_members (project_id, user_id) values ($1, $2) returning *",
        world.project,
        world.user["guest"],
    )
    assert added["created_by"] == added["updated_by"] == world.user["project_admin"]
    changed = await world.one(
        "owner",
        "update project_members set role = 'editor' where user_id = $1 returning *",
        world.user["guest"],
    )
    assert (changed["created_by"], changed["updated_by"]) == (
        world.user["project_admin"],
        world.user["owner"],
    )


async def test_a_deleted_project_is_hidden_from_all_but_its_owners(world):
    await world.run(
        "project_owner", "update projects set deleted_at = now() where id = $1", world.project
    )
    for who in ("member", "viewer", "editor", "maintainer", "project_admin", "guest"):
        assert await world.count(who, "select 1 from projects where id = $1", world.project) == 0
    for who in ("owner", "admin", "project_owner"):
        assert await world.count(who, "select 1 from projects where id = $1", world.project) == 1
        for table in ("documents", "document_blocks", "requirements", "items"):
            rows = f"select 1 from {table} where project_id = $1"
            assert await world.count(who, rows, world.project) == 0
    await world.refused(
        "owner", "insert into documents (project_id, name) values ($1, 'x')", world.project
    )


async def test_a_restored_project_is_as_it_was(world):
    change = "update projects set deleted_at = {} where id = $1 returning version, deleted_by"
    await world.run("project_owner", change.format("now()"), world.project)
    row = await world.one("project_owner", change.format("null"), world.project)
    assert (row["version"], row["deleted_by"]) == (3, None)
    assert await world.count("viewer", "select 1 from requirements") == 1


async def test_a_deleted_project_has_to_be_restored_before_it_is_changed(world):
    await world.run("owner", "update projects set deleted_at = now() where id = $1", world.project)
    error = await world.refused(
        "owner", "update projects set name = 'Late' where id = $1", world.project, code="23514"
    )
    assert error.detail == "deleted"


async def test_a_deleted_organization_hides_all_that_is_in_it(world):
    await world.run(
        "owner", "update organizations set deleted_at = now() where id = $1", world.acme
    )
    for who in ("owner", "admin", "project_owner", "viewer"):
        assert await world.count(who, "select 1 from projects") == 0
        assert await world.count(who, "select 1 from requirements") == 0
    assert await world.count("admin", "select 1 from organizations where id = $1", world.acme) == 0
    assert await world.count("owner", "select 1 from organizations where id = $1", world.acme) == 1


async def test_versions_of_tenants_move_with_changes_only(world):
    change = "update projects set description = 'x' where id = $1 returning version, updated_by"
    first = await world.one("owner", change, world.project)
    second = await world.one("project_admin", change, world.project)
    assert (first["version"], second["version"]) == (2, 2)
    assert second["updated_by"] == world.user["owner"]
    assert not await world.run(
        "owner",
        "update projects set description = 'y' where id = $1 and version = 1 returning 1",
        world.project,
    )


async def test_tenants_have_a_history(world):
    await world.run("owner", "update organizations set name = 'Acme Ltd' where id = $1", world.acme)
    rows = await world.run(
        "viewer",
        "select version, op, changed_fields, actor_email from item_history where item_id = $1"
        " order by version",
        world.acme,
    )
    assert [tuple(row) for row in rows] == [
        (1, "create", [], "owner@example.com"),
        (2, "update", ["name"], "owner@example.com"),
    ]
    assert await world.count("viewer", "select 1 from revisions where item_id = $1", world.project)


@pytest.mark.parametrize("column", ["key = 'NEW'", "organization_id = gen_random_uuid()"])
async def test_not_even_the_operator_moves_a_project(world, column):
    error = await world.refused("operator", f"update projects set {column}", code="23514")
    assert error.detail == "immutable"
