import uuid
from dataclasses import dataclass

import asyncpg
import pytest

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.postgres.cluster import SUPERUSER
from atoms_mcp.local.postgres.database import apply_migrations, check_guards, lay_roles, prepare


@dataclass(frozen=True)
class Step:
    version: str
    sql: str
    name: str = "step"


@pytest.fixture
async def database(rest_postgres):
    """An empty database of this test's own, with roles; gives its name."""
    name = f"test_{uuid.uuid4().hex}"
    owner = await asyncpg.connect(**rest_postgres.connect_args(SUPERUSER))
    await owner.execute(f"create database {name}")
    await lay_roles(rest_postgres, name)
    yield name
    await owner.execute(f"drop database {name} with (force)")
    await owner.close()


@pytest.fixture
async def connection(rest_postgres, database):
    made = await asyncpg.connect(**rest_postgres.connect_args("postgres", database))
    yield made
    await made.close()


async def test_roles_may_be_laid_again(rest_postgres, database):
    await lay_roles(rest_postgres, database)


async def test_a_folder_of_an_earlier_release_gets_what_is_new(rest_postgres, database):
    owner = await asyncpg.connect(**rest_postgres.connect_args(SUPERUSER, database))
    await owner.execute("""
        drop table auth.mfa_factors, auth.mfa_challenges, auth.one_time_tokens, auth.flow_state,
          auth.oauth_clients, auth.oauth_authorizations, auth.oauth_consents;
        alter table auth.sessions drop column oauth_client_id, drop column scopes;
    """)

    await lay_roles(rest_postgres, database)

    try:
        await owner.execute("select oauth_client_id, scopes from auth.sessions")
        for table in ("mfa_challenges", "one_time_tokens", "flow_state", "oauth_consents"):
            held = "select tableowner from pg_tables where schemaname = 'auth' and tablename = $1"
            assert await owner.fetchval(held, table) == "supabase_auth_admin"
    finally:
        await owner.close()


async def test_migrations_run_once_in_order_as_no_superuser(connection):
    steps = [Step("1", "create table a (x int)"), Step("2", "alter table a add y int")]

    assert await apply_migrations(connection, steps[:1]) == ["1"]
    assert await apply_migrations(connection, steps) == ["2"]
    assert await apply_migrations(connection, steps) == []

    owner = await connection.fetchval("select tableowner from pg_tables where tablename = 'a'")
    assert owner == "postgres"
    assert not await connection.fetchval("select rolsuper from pg_roles where rolname = $1", owner)


async def test_what_a_migration_sets_for_itself_does_not_stay(connection):
    await apply_migrations(connection, [Step("1", "set search_path = nowhere")])

    assert await connection.fetchval("show search_path") != "nowhere"


async def test_a_migration_that_fails_is_named_and_leaves_nothing(connection):
    with pytest.raises(StackError, match=r"migration 1_step failed: .*nonsense"):
        await apply_migrations(connection, [Step("1", "create table a (x int); select nonsense")])

    assert await connection.fetchval("select to_regclass('a')") is None


async def test_a_migration_that_was_changed_afterwards_is_noticed(connection):
    await apply_migrations(connection, [Step("1", "select 1")])

    with pytest.raises(StackError, match="1_step was changed after it was applied"):
        await apply_migrations(connection, [Step("1", "select 2")])


async def test_a_database_of_a_newer_release_is_left_alone(connection):
    await apply_migrations(connection, [Step("1", "select 1"), Step("2", "select 2")])

    with pytest.raises(StackError, match="migration 2, which this release does not know"):
        await apply_migrations(connection, [Step("1", "select 1")])


GUARDED = "create table t (x int); alter table t enable row level security; "


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("create table bad (x int)", id="table"),
        pytest.param("create table bad (x int) partition by range (x)", id="partitioned table"),
        pytest.param(f"{GUARDED} create view bad as select from t", id="view"),
        pytest.param(f"{GUARDED} create materialized view bad as select 1", id="stored view"),
        pytest.param(
            "create table bad (x int); revoke all on bad from anon, authenticated;"
            "grant select (x) on bad to anon",
            id="one column",
        ),
        pytest.param(
            "create table bad (x int); revoke all on bad from anon, authenticated;"
            "grant delete on bad to authenticated",
            id="deleting alone",
        ),
    ],
)
async def test_what_is_open_without_a_guard_is_refused(connection, sql):
    await connection.execute(sql)

    with pytest.raises(StackError, match="without row-level security: bad;"):
        await check_guards(connection)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(GUARDED, id="guarded table"),
        pytest.param(
            f"{GUARDED} create view v with (security_invoker = true) as select from t",
            id="view with its reader's rights",
        ),
        pytest.param(
            "create table t (x int); revoke all on t from anon, authenticated", id="closed table"
        ),
        pytest.param("create schema inner; create table inner.t (x int)", id="another schema"),
        pytest.param("create sequence s", id="no table"),
    ],
)
async def test_what_is_guarded_or_closed_passes(connection, sql):
    await connection.execute(sql.replace("inner", "within"))

    await check_guards(connection)


async def test_prepare_does_all_of_it(rest_postgres, database):
    steps = [Step("1", GUARDED), Step("2", "create table bad (x int)")]

    assert await prepare(rest_postgres, steps[:1], database) == ["1"]
    with pytest.raises(StackError, match="bad"):
        await prepare(rest_postgres, steps, database)


async def test_users_are_who_their_claims_say(connection):
    claims = '{"sub": "6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11", "role": "anon", "email": "a@b.c"}'
    await connection.execute("select set_config('request.jwt.claims', $1, false)", claims)

    row = await connection.fetchrow(
        "select auth.uid()::text, auth.role(), auth.email(), auth.jwt() ->> 'role' as jwt_role"
    )

    assert tuple(row) == ("6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11", "anon", "a@b.c", "anon")


async def test_without_claims_there_is_no_user(connection):
    await connection.execute("select set_config('request.jwt.claims', '', false)")

    assert await connection.fetchval("select coalesce(auth.uid()::text, auth.role())") is None
