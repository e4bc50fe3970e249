"""The list of connected clients: each user's own rows, and not too many of them."""
# ruff: noqa: S608 - each statement is put together from names in this file

from uuid import uuid4

import pytest

ROLES = ("owner", "admin", "member", "guest", "viewer", "suspended", "stranger")
INSERT = (
    "insert into mcp_grants (id, client_key, client_name, client_host, redirect_host, scope,"
    " session_id) values ($1, $2, $3, $4, $5, $6, $7) returning *"
)
ROW = {
    "client_key": "https://client.example/metadata",
    "client_name": "A client",
    "client_host": "client.example",
    "redirect_host": "127.0.0.1",
    "scope": "atoms:read atoms:write",
}


async def connect(world, who, **changed):
    return await world.one(who, INSERT, *arguments(**changed))


def arguments(**changed):
    return (uuid4(), *(ROW | changed).values(), uuid4())


async def fill(world, who, count, used="now()"):
    await world.run(
        "operator",
        "insert into mcp_grants (id, user_id, client_key, client_name, redirect_host, scope,"
        f" session_id, last_used_at) select gen_random_uuid(), $1, 'x', 'x', 'x', 'x',"
        f" gen_random_uuid(), {used} from generate_series(1, $2)",
        world.user[who],
        count,
    )


@pytest.mark.parametrize("who", ROLES)
async def test_everybody_does_all_four_with_rows_of_their_own(world, who):
    row = await connect(world, who)
    assert row["user_id"] == world.user[who]
    assert row["created_at"] == row["last_used_at"]
    assert await world.may(who, "select 1 from mcp_grants where id = $1", row["id"])
    for change in ("scope = 'atoms:read'", "session_id = gen_random_uuid()"):
        assert await world.may(who, f"update mcp_grants set {change} returning 1")
    assert await world.may(who, "delete from mcp_grants returning 1")


@pytest.mark.parametrize("who", [*ROLES, "anon"])
@pytest.mark.parametrize(
    "statement",
    [
        "select 1 from mcp_grants",
        "update mcp_grants set scope = 'x' returning 1",
        "update mcp_grants set last_used_at = now() returning 1",
        "delete from mcp_grants returning 1",
    ],
)
async def test_nobody_reaches_the_rows_of_somebody_else(world, who, statement):
    await connect(world, "editor")
    assert not await world.may(who, statement)


@pytest.mark.parametrize("who", ["anon", "stranger"])
async def test_nobody_writes_into_the_list_of_somebody_else(world, who):
    assert not await world.may(
        who,
        "insert into mcp_grants (user_id, id, client_key, client_name, redirect_host, scope,"
        f" session_id) values ('{world.user['editor']}', gen_random_uuid(), 'x', 'x', 'x', 'x',"
        " gen_random_uuid()) returning 1",
    )


async def test_anon_may_not_even_add_a_row(world):
    await world.refused("anon", INSERT, *arguments())


async def test_an_id_of_somebody_else_can_neither_be_taken_nor_found_out(world):
    theirs = await connect(world, "editor")
    mine = await world.one("stranger", INSERT, theirs["id"], *arguments()[1:])
    assert mine["id"] == theirs["id"]
    assert await world.count("editor", "select 1 from mcp_grants") == 1


async def test_a_row_that_is_there_stays_as_it_is(world):
    row = await connect(world, "editor")
    again = INSERT.replace("returning *", "on conflict (user_id, id) do nothing returning *")
    values = arguments(client_name="Another")[1:]
    assert await world.count("editor", again, row["id"], *values) == 0
    assert await world.value("editor", "select client_name from mcp_grants") == "A client"


async def test_the_time_of_a_use_is_the_databases(world):
    row = await connect(world, "editor")
    used = await world.one(
        "editor",
        "update mcp_grants set last_used_at = 'infinity' returning created_at, last_used_at,"
        " last_used_at between created_at and clock_timestamp() as is_now",
    )
    assert used["is_now"]
    assert used["created_at"] == row["created_at"]


@pytest.mark.parametrize("column", ["user_id", "created_at", "last_used_at"])
async def test_what_the_database_writes_cannot_be_given(world, column):
    value = "auth.uid()" if column == "user_id" else "now()"
    await world.refused(
        "editor",
        f"insert into mcp_grants ({column}, id, client_key, client_name, redirect_host, scope,"
        f" session_id) values ({value}, gen_random_uuid(), 'x', 'x', 'x', 'x', gen_random_uuid())",
    )


@pytest.mark.parametrize(
    ("column", "longest"),
    [
        ("client_key", 2048),
        ("client_name", 200),
        ("client_host", 255),
        ("redirect_host", 255),
        ("scope", 200),
    ],
)
async def test_each_text_has_a_bound(world, column, longest):
    await connect(world, "editor", **{column: "ä" * longest})
    for text in ("x" * (longest + 1), ""):
        refused = arguments(**{column: text})
        await world.refused("editor", INSERT, *refused, code="23514")


@pytest.mark.parametrize("column", ["client_key", "client_name", "redirect_host", "scope"])
async def test_each_text_but_the_host_that_vouches_is_needed(world, column):
    await world.refused("editor", INSERT, *arguments(**{column: None}), code="23502")
    await connect(world, "editor", client_host=None)


async def test_two_hundred_clients_are_enough(world):
    await fill(world, "editor", 199)
    last = await connect(world, "editor")
    error = await world.refused("editor", INSERT, *arguments(), code="23514")
    assert error.detail == "mcp_grants_limit"
    assert "Revoke" in error.hint
    await connect(world, "stranger")
    await world.run("editor", "delete from mcp_grants where id = $1", last["id"])
    await connect(world, "editor")


async def test_many_rows_at_once_are_counted_one_by_one(world):
    await world.refused(
        "editor",
        "insert into mcp_grants (id, client_key, client_name, redirect_host, scope, session_id)"
        " select gen_random_uuid(), 'x', 'x', 'x', 'x', gen_random_uuid()"
        " from generate_series(1, 201)",
        code="23514",
    )


async def test_what_has_long_ended_makes_room(world):
    await fill(world, "editor", 200, used="now() - interval '89 days'")
    await world.refused("editor", INSERT, *arguments(), code="23514")
    await world.run("operator", "delete from mcp_grants")
    await fill(world, "editor", 200, used="now() - interval '91 days'")
    await fill(world, "stranger", 1, used="now() - interval '91 days'")
    row = await connect(world, "editor")
    rows = await world.run("operator", "select id, user_id from mcp_grants")
    assert {r["user_id"] for r in rows} == {world.user["editor"], world.user["stranger"]}
    assert row["id"] in {r["id"] for r in rows}
    assert len(rows) == 2


async def test_the_rows_go_with_their_user(world):
    await world.sign_up("leaver")
    await connect(world, "leaver")
    await world.run("operator", "delete from auth.users where id = $1", world.user["leaver"])
    left = "select 1 from mcp_grants where user_id = $1"
    assert not await world.run("operator", left, world.user["leaver"])


async def test_the_service_key_may_do_all_four(world):
    row = await connect(world, "editor")
    statements = (
        "select 1 from mcp_grants where id = $1",
        "update mcp_grants set client_name = 'x' where id = $1 returning 1",
        "delete from mcp_grants where id = $1 returning 1",
    )
    for statement in statements:
        assert await world.may("service", statement, row["id"])
