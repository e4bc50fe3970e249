"""What a sign-up leaves behind, whatever is in its metadata, and what follows the account."""

import json
from uuid import uuid4

import asyncpg
import pytest

from atoms_mcp.local.postgres.database import apply_migrations, lay_roles
from atoms_mcp.schema import migrations

SIGN_UP = (
    "insert into auth.users (id, email, raw_user_meta_data)"
    " values ($1, $2, coalesce($3::jsonb, '{}'))"
)


async def sign_up(world, email, metadata_json=None):
    account = uuid4()
    await world.run("operator", SIGN_UP, account, email, metadata_json)
    profile = await world.one("operator", "select * from profiles where id = $1", account)
    home = await world.one(
        "operator",
        "select o.*, m.role from organizations as o join organization_members as m"
        " on m.organization_id = o.id where m.user_id = $1",
        account,
    )
    return profile, home


async def test_a_new_account_gets_a_profile_and_an_organization_of_its_own(world):
    profile, home = await sign_up(world, "dana@example.com", '{"full_name": "Dana Scully"}')
    assert (profile["email"], profile["display_name"]) == ("dana@example.com", "Dana Scully")
    assert (home["kind"], home["role"]) == ("personal", "owner")
    assert (home["name"], home["slug"]) == ("Dana Scully's workspace", "dana-scully")
    assert home["created_by"] == profile["id"]


@pytest.mark.parametrize(
    ("metadata", "name", "slug"),
    [
        pytest.param({}, "dana", "dana", id="nothing"),
        pytest.param(None, "dana", "dana", id="json-null"),
        pytest.param("Dana", "dana", "dana", id="a-string"),
        pytest.param([1, {"full_name": "x"}], "dana", "dana", id="an-array"),
        pytest.param({"full_name": None}, "dana", "dana", id="null-name"),
        pytest.param({"full_name": 42, "name": "Second"}, "Second", "second", id="a-number"),
        pytest.param({"full_name": {"a": [1]}}, "dana", "dana", id="an-object"),
        pytest.param({"full_name": " \t\n "}, "dana", "dana", id="blank"),
        pytest.param({"name": "A\u202eB\u200bC\x07D"}, "A B C D", "a-b-c-d", id="unseen-signs"),
        pytest.param({"full_name": "日本 太郎"}, "日本 太郎", "workspace", id="no-ascii"),
        pytest.param({"full_name": "Łukasz Müller"}, "Łukasz Müller", "ukasz-muller", id="accents"),
        pytest.param({"full_name": "42"}, "42", "o-42", id="digits"),
        pytest.param({"full_name": "B"}, "B", "b-org", id="one-letter"),
        pytest.param({"full_name": "'; drop table x; --"}, None, "drop-table-x", id="sql"),
        pytest.param({"full_name": "-" * 300}, None, "workspace", id="dashes"),
        pytest.param({"full_name": "x" * 1_000_000}, "x" * 200, "x" * 50, id="a-megabyte"),
        pytest.param({"full_name": "💥" * 500}, "💥" * 200, "workspace", id="emoji"),
    ],
)
async def test_no_metadata_makes_a_sign_up_fail(world, metadata, name, slug):
    profile, home = await sign_up(world, "dana@example.com", json.dumps(metadata))
    assert profile["display_name"] == (name or metadata["full_name"][:200])
    assert home["slug"] == slug


async def test_an_account_without_an_email_is_welcome(world):
    profile, home = await sign_up(world, None)
    assert profile["email"] is None
    assert (profile["display_name"], home["slug"]) == ("Somebody", "somebody")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com/a.png", True),
        ("javascript:alert(1)", False),
        ("https://example.com/" + "a" * 3000, False),
        (["https://example.com"], False),
    ],
)
async def test_only_a_web_address_becomes_the_avatar(world, url, kept):
    profile, _ = await sign_up(world, "d@example.com", json.dumps({"avatar_url": url}))
    assert (profile["avatar_url"] is not None) == kept


async def test_namesakes_get_slugs_of_their_own(world):
    slugs = [
        (await sign_up(world, f"{n}@example.com", '{"name": "Twin"}'))[1]["slug"] for n in range(25)
    ]
    assert len(set(slugs)) == 25
    assert slugs[:3] == ["twin", "twin-2", "twin-3"]


async def test_the_profile_follows_the_email_of_the_account(world):
    await world.run(
        "operator",
        "update auth.users set email = 'new@example.com' where id = $1",
        world.user["viewer"],
    )
    row = await world.one("viewer", "select email from profiles where id = auth.uid()")
    assert row["email"] == "new@example.com"


async def test_other_changes_of_the_account_leave_the_profile_alone(world):
    await world.run(
        "operator",
        "update auth.users set email = email, last_sign_in_at = now(),"
        ' raw_user_meta_data = \'{"name": "Other"}\'',
    )
    row = await world.one("viewer", "select display_name from profiles where id = auth.uid()")
    assert row["display_name"] == "Viewer"


async def test_a_profile_is_seen_by_its_person_and_by_colleagues(world):
    seen = {row["email"] for row in await world.run("viewer", "select email from profiles")}
    assert {"viewer@example.com", "owner@example.com"} <= seen
    assert "stranger@example.com" not in seen
    assert await world.count("stranger", "select 1 from profiles") == 1


async def test_nobody_changes_the_profile_of_another(world):
    assert not await world.may(
        "owner",
        "update profiles set display_name = 'x' where id = $1 returning 1",
        world.user["viewer"],
    )


async def test_an_account_can_be_deleted_and_what_it_wrote_stays(world):
    written = await world.write("editor", "Keep me")
    await world.run("operator", "delete from auth.users where id = $1", world.user["editor"])
    row = await world.one(
        "viewer", "select created_by, version from requirements where id = $1", written["id"]
    )
    assert (row["created_by"], row["version"]) == (world.user["editor"], 1)
    assert not await world.run(
        "operator", "select 1 from profiles where id = $1", world.user["editor"]
    )


async def test_the_personal_organization_goes_with_its_account(world):
    await world.run("operator", "delete from auth.users where id = $1", world.user["stranger"])
    row = await world.one(
        "operator",
        "select deleted_at from organizations where created_by = $1 and kind = 'personal'",
        world.user["stranger"],
    )
    assert row["deleted_at"] is not None


async def test_accounts_that_were_there_before_the_schema_are_welcomed_once(world):
    await world.run("operator", "delete from profiles where id = $1", world.user["viewer"])
    for _ in range(2):
        await world.run(
            "operator",
            "select app.welcome(id, email, raw_user_meta_data) from auth.users",
        )
    assert await world.count("viewer", "select 1 from profiles where id = auth.uid()") == 1
    assert await world.count("viewer", "select 1 from organizations where kind = 'personal'") == 1


@pytest.mark.usefixtures("peopled")
async def test_supabase_auths_own_role_signs_people_up(cluster):
    """It may not enter the schema app; the triggers run with their owner's rights."""
    connection = await asyncpg.connect(**cluster.connect_args("supabase_auth_admin", "peopled"))
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("insert into auth.users (email) values ('new@example.com')")
        await connection.execute("update auth.users set email = 'a' || email")
        await connection.execute("delete from auth.users where email = 'anew@example.com'")
    finally:
        await transaction.rollback()
        await connection.close()


async def test_a_project_that_has_accounts_already_gets_them_welcomed(cluster):
    name = f"grown_{uuid4().hex}"
    connection = await asyncpg.connect(**cluster.connect_args("postgres", "template1"))
    await connection.execute(f"create database {name} template template0")
    await connection.close()
    await lay_roles(cluster, name)
    connection = await asyncpg.connect(**cluster.connect_args("postgres", name))
    try:
        await connection.execute(
            "insert into auth.users (email) values ('old@example.com'), (null)"
        )
        await apply_migrations(connection, migrations())
        found = await connection.fetch(
            "select p.email, o.slug from profiles as p join organizations as o"
            " on o.created_by = p.id and o.kind = 'personal'"
        )
    finally:
        await connection.close()
    assert {tuple(row) for row in found} == {("old@example.com", "old"), (None, "somebody")}
