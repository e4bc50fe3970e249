"""Each role and each operation: what the database does, and what it says about it."""

import json

import pytest

ORGANIZATION = ("guest", "member", "admin", "owner")
PROJECT = ("viewer", "editor", "maintainer", "project_admin", "project_owner")
EVERYBODY = (*ORGANIZATION, *PROJECT, "suspended", "stranger")


def in_organization(least):
    """Give who has at least this organization role; project people are guests."""
    people = set(ORGANIZATION[ORGANIZATION.index(least) :])
    return people | set(PROJECT) if least == "guest" else people


def in_project(least):
    """Give who has at least this project role; organization admins own every project."""
    people = set(PROJECT[PROJECT.index(least) :]) | {"owner", "admin"}
    return people | {"member"} if least == "viewer" else people


NOBODY = set()
# type, operation -> who, statement; "{x}" is an id of the world, "operator: ...;" goes before.
PROBES = {
    ("organization", "read"): (
        in_organization("guest"),
        "select 1 from organizations where id = {acme}",
    ),
    ("organization", "create"): (set(EVERYBODY), "select create_organization('Nova')"),
    ("organization", "update"): (
        in_organization("admin"),
        "update organizations set description = 'x' where id = {acme} returning 1",
    ),
    ("organization", "delete"): (
        in_organization("owner"),
        "update organizations set deleted_at = now() where id = {acme} returning 1",
    ),
    ("organization", "restore"): (
        in_organization("owner"),
        (
            "operator: update organizations set deleted_at = now() where id = {acme};"
            "update organizations set deleted_at = null where id = {acme} returning 1"
        ),
    ),
    ("organization_member", "read"): (
        in_organization("guest"),
        "select 1 from organization_members where organization_id = {acme}",
    ),
    ("organization_member", "create"): (
        NOBODY,
        (
            "insert into organization_members (organization_id, user_id)"
            " values ({acme}, {newcomer}) returning 1"
        ),
    ),
    ("organization_member", "update"): (
        in_organization("admin"),
        (
            "update organization_members set role = 'guest'"
            " where organization_id = {acme} and user_id = {colleague} returning 1"
        ),
    ),
    ("organization_member", "delete"): (
        in_organization("admin"),
        (
            "delete from organization_members"
            " where organization_id = {acme} and user_id = {colleague} returning 1"
        ),
    ),
    ("organization_member", "grant_owner"): (
        in_organization("owner"),
        (
            "update organization_members set role = 'owner'"
            " where organization_id = {acme} and user_id = {colleague} returning 1"
        ),
    ),
    ("project", "read"): (in_project("viewer"), "select 1 from projects where id = {project}"),
    ("project", "create"): (in_organization("member"), "select create_project({acme}, 'Nova')"),
    ("project", "update"): (
        in_project("project_admin"),
        "update projects set description = 'x' where id = {project} returning 1",
    ),
    ("project", "delete"): (
        in_project("project_owner"),
        "update projects set deleted_at = now() where id = {project} returning 1",
    ),
    ("project", "restore"): (
        in_project("project_owner"),
        (
            "operator: update projects set deleted_at = now() where id = {project};"
            "update projects set deleted_at = null where id = {project} returning 1"
        ),
    ),
    ("project_member", "read"): (
        in_project("viewer"),
        "select 1 from project_members where project_id = {project}",
    ),
    ("project_member", "create"): (
        in_project("project_admin"),
        (
            "insert into project_members (project_id, user_id) values ({project}, {assistant})"
            " returning 1"
        ),
    ),
    ("project_member", "update"): (
        in_project("project_admin"),
        (
            "update project_members set role = 'editor'"
            " where project_id = {project} and user_id = {colleague} returning 1"
        ),
    ),
    ("project_member", "delete"): (
        in_project("project_admin"),
        (
            "delete from project_members"
            " where project_id = {project} and user_id = {colleague} returning 1"
        ),
    ),
    ("project_member", "grant_owner"): (
        in_project("project_owner"),
        (
            "insert into project_members (project_id, user_id, role)"
            " values ({project}, {assistant}, 'owner') returning 1"
        ),
    ),
    ("document", "create"): (
        in_project("editor"),
        "insert into documents (project_id, name) values ({project}, 'x') returning 1",
    ),
    ("block", "create"): (
        in_project("editor"),
        "insert into document_blocks (document_id, body) values ({document}, 'x') returning 1",
    ),
    ("requirement", "create"): (
        in_project("editor"),
        "insert into requirements (document_id, name) values ({document}, 'x') returning 1",
    ),
    ("item", "read"): (in_project("viewer"), "select 1 from items where id = {requirement}"),
    ("item", "create"): (
        NOBODY,
        (
            "insert into items (id, organization_id, project_id, type, title, version,"
            " content_version, updated_at) values (gen_random_uuid(), {acme}, {project},"
            " 'requirement', 'x', 1, 1, now()) returning 1"
        ),
    ),
    ("item", "update"): (NOBODY, "update items set title = 'x' returning 1"),
    ("item", "delete"): (NOBODY, "delete from items returning 1"),
    ("revision", "read"): (
        in_project("viewer"),
        "select 1 from revisions where item_id = {requirement}",
    ),
    ("revision", "create"): (
        NOBODY,
        (
            "insert into revisions (item_id, version, organization_id, type, op, at, snapshot)"
            " values ({requirement}, 9, {acme}, 'requirement', 'update', now(), '{{}}') returning 1"
        ),
    ),
    ("revision", "update"): (NOBODY, "update revisions set op = 'create' returning 1"),
    ("revision", "delete"): (NOBODY, "delete from revisions returning 1"),
    ("profile", "read"): (set(EVERYBODY), "select 1 from profiles where id = auth.uid()"),
    ("profile", "create"): (NOBODY, "insert into profiles (id) values (auth.uid()) returning 1"),
    ("profile", "update"): (
        set(EVERYBODY),
        "update profiles set display_name = 'x' where id = auth.uid() returning 1",
    ),
    ("profile", "delete"): (NOBODY, "delete from profiles returning 1"),
    ("context", "create"): (set(EVERYBODY), "insert into user_context default values returning 1"),
    ("context", "read"): (
        set(EVERYBODY),
        (
            "operator: insert into user_context (user_id) select id from auth.users;"
            "select 1 from user_context"
        ),
    ),
    ("context", "update"): (
        set(EVERYBODY),
        (
            "operator: insert into user_context (user_id) select id from auth.users;"
            "update user_context set recent = '[1]' returning 1"
        ),
    ),
    ("context", "delete"): (
        set(EVERYBODY),
        (
            "operator: insert into user_context (user_id) select id from auth.users;"
            "delete from user_context returning 1"
        ),
    ),
}
ITEM_PROBES = {
    "read": (in_project("viewer"), "select 1 from TABLE where id = {TYPE}"),
    "update": (
        in_project("editor"),
        "update TABLE set TEXT = 'changed' where id = {TYPE} returning 1",
    ),
    "delete": (
        in_project("maintainer"),
        "update TABLE set deleted_at = now() where id = {TYPE} returning 1",
    ),
    "restore": (
        in_project("maintainer"),
        (
            "operator: update TABLE set deleted_at = now() where id = {TYPE};"
            "update TABLE set deleted_at = null where id = {TYPE} returning 1"
        ),
    ),
    "approve": (
        in_project("maintainer"),
        "update TABLE set status = 'approved' where id = {TYPE} returning 1",
    ),
}
PROBES |= {
    (kind, operation): (
        allowed,
        statement.replace("TABLE", table).replace("TYPE", kind).replace("TEXT", text),
    )
    for kind, table, text in (
        ("document", "documents", "description"),
        ("block", "document_blocks", "body"),
        ("requirement", "requirements", "description"),
    )
    for operation, (allowed, statement) in ITEM_PROBES.items()
    if (kind, operation) != ("block", "approve")
}


async def prepared(world, statement):
    """Fill in the ids and do the operator's part; give the statement that is left."""
    ids = {n: f"'{v}'::uuid" for n, v in vars(world).items() if n not in {"connection", "user"}}
    for who in ("newcomer", "colleague", "assistant"):
        ids[who] = f"'{await world.sign_up(who)}'::uuid"
    await world.add_member("colleague", "member")
    await world.add_member("assistant", "guest")
    await world.add_project_member("colleague", "viewer")
    text = statement.format(**ids)
    if text.startswith("operator: "):
        before, _, text = text.removeprefix("operator: ").partition(";")
        await world.run("operator", before)
    return text


@pytest.mark.parametrize(("kind", "operation"), PROBES)
async def test_the_needed_role_and_no_less_is_let_through(world, kind, operation):
    allowed, statement = PROBES[kind, operation]
    statement = await prepared(world, statement)
    assert {who for who in EVERYBODY if await world.may(who, statement)} == allowed


@pytest.mark.parametrize(("kind", "operation"), PROBES)
async def test_explain_access_says_what_the_database_does(world, kind, operation):
    statement = await prepared(world, PROBES[kind, operation][1])
    for who in EVERYBODY:
        does = await world.may(who, statement)
        said = json.loads(
            await world.value(
                who,
                "select explain_access($1, $2, $3, $4)",
                kind,
                operation,
                world.project,
                world.acme,
            )
        )
        assert said["allowed"] == does, (who, said)


async def test_every_rule_is_probed(world):
    rows = await world.run(
        "operator",
        """
        select t as type, o as operation
        from unnest(array['organization', 'organization_member', 'project', 'project_member',
          'document', 'block', 'requirement', 'item', 'revision', 'profile', 'context']) as t,
        unnest(array['read', 'create', 'update', 'delete', 'restore', 'approve', 'grant_owner'])
          as o
        where app.needed_role(t, o) is not null
        """,
    )
    assert {(row["type"], row["operation"]) for row in rows} == set(PROBES)


@pytest.mark.parametrize("call", ["('requirement', 'explode')", "('unicorn', 'read')"])
async def test_an_unknown_rule_lets_nobody_through(world, call):
    assert await world.value("operator", f"select app.needed_role{call}") is None
    for helper in ("my_projects", "my_orgs"):
        rows = f"select app.{helper}(app.needed_role{call})"
        assert await world.count("owner", rows) == 0


async def test_a_member_sees_open_projects_only(world):
    seen = {row["key"] for row in await world.run("member", "select key from projects")}
    assert seen == {"VEH"}


async def test_organization_admins_own_private_projects_too(world):
    assert await world.may(
        "admin", "update projects set deleted_at = now() where id = $1 returning 1", world.private
    )


async def test_an_invitation_into_a_private_project_opens_that_one(world):
    await world.add_project_member("guest", "editor", world.private)
    seen = {row["key"] for row in await world.run("guest", "select key from projects")}
    assert seen == {"SEC"}


async def test_leaving_the_organization_takes_project_rights_away(world):
    await world.run(
        "editor",
        "delete from organization_members where user_id = $1 and organization_id = $2",
        world.user["editor"],
        world.acme,
    )
    assert await world.count("editor", "select 1 from projects") == 0
    assert not await world.run(
        "operator", "select 1 from project_members where user_id = $1", world.user["editor"]
    )
