import asyncpg
import pytest

from atoms_mcp import schema
from atoms_mcp.local import demo
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.passwords import Passwords
from atoms_mcp.local.postgres.cluster import Postgres, find_bin_dir
from atoms_mcp.local.postgres.database import prepare

SEEN = """
select set_config('request.jwt.claims',
  jsonb_build_object('sub', id, 'role', 'authenticated')::text, true)
from auth.users where email = $1
"""


@pytest.fixture
async def postgres(tmp_path):
    """A database with the schema and nothing in it."""
    made = Postgres(find_bin_dir(None), tmp_path / "pg", fsync=False)
    await made.start()
    try:
        await prepare(made, schema.migrations())
        yield made
    finally:
        await made.stop()


@pytest.fixture
async def connection(postgres):
    made = await asyncpg.connect(**postgres.connect_args("postgres"))
    yield made
    await made.close()


@pytest.fixture
def sees(connection):
    """Give what a query shows to one of the accounts."""

    async def ask(email, sql):
        async with connection.transaction():
            await connection.execute("reset role")
            await connection.fetch(SEEN, email)
            await connection.execute("set local role authenticated")
            return [row[0] for row in await connection.fetch(sql)]

    return ask


async def test_the_demo_is_what_its_users_see(postgres, connection, sees):
    assert await demo.insert(postgres)

    ada, vic, bob = demo.ACCOUNTS
    keys = "select key from projects order by key"
    assert await sees(ada, keys) == ["VEH"]
    assert await sees(vic, keys) == ["VEH"]
    assert await sees(bob, keys) == ["UMB"]
    assert len(await sees(ada, "select key from documents")) == 3
    assert len(await sees(vic, "select key from requirements")) == 10
    assert len(await sees(bob, "select key from requirements")) == 2
    role = "select my_role from project_overview where key = 'VEH'"
    assert await sees(ada, role) == ["owner"]
    assert await sees(vic, role) == ["viewer"]
    changed = "update requirements set name = 'x' returning key"
    assert await sees(vic, changed) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await sees(vic, "insert into documents (project_id, name) select id, 'x' from projects")
    assert await connection.fetchval("select count(*) from revisions where actor is null") == 0


async def test_the_demo_is_put_in_once_and_what_became_of_it_stays(postgres, connection):
    await demo.insert(postgres)
    await connection.execute("delete from requirements where name = 'Wind'")

    assert not await demo.insert(postgres)

    assert await connection.fetchval("select count(*) from requirements where name = 'Wind'") == 0


async def test_accounts_and_names_of_before_are_kept(postgres, connection):
    owner = await asyncpg.connect(**postgres.connect_args("supabase_auth_admin"))
    ada = await auth_store.add_user(owner, "ada@acme.example", "her own", {})
    await owner.close()
    await connection.execute(
        "insert into organizations (name, slug, created_by) values ('Acme', 'acme', $1)", ada.id
    )

    assert await demo.insert(postgres)

    kept = await connection.fetchval(
        "select encrypted_password from auth.users where id = $1", ada.id
    )
    assert kept == "her own"
    assert await connection.fetchval("select count(*) from organizations where name = 'Acme'") == 2


async def test_the_password_is_the_one_that_is_told(postgres, connection):
    await demo.insert(postgres)
    passwords = Passwords()

    stored = await connection.fetch("select encrypted_password from auth.users")

    assert len(stored) == len(demo.ACCOUNTS)
    for row in stored:
        assert await passwords.matches(demo.PASSWORD, row[0])
    passwords.close()
