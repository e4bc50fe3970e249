import asyncio
import gzip
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import pytest

from atoms_mcp.local import demo, stack
from atoms_mcp.local.errors import StackError
from atoms_mcp.local.keys import rotate
from atoms_mcp.local.lock import find_running
from atoms_mcp.local.stack import Stack, close_pool
from atoms_mcp.settings import StackSettings, load

ADA = {"email": "ada@acme.example", "password": demo.PASSWORD}


def settings_for(state_dir, **more):
    quick = {
        "ATOMS_STATE_DIR": str(state_dir),
        "ATOMS_LOCAL_FSYNC": "off",
        "ATOMS_LOCAL_PORT": "0",
        "ATOMS_RATE_LIMITS": "off",
    }
    return load(StackSettings, {**quick, **more})


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory):
    """A state folder that the tests below use in turn."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
async def started(state_dir):
    made = Stack(settings_for(state_dir))
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def client_of(running):
    async with aiohttp.ClientSession(headers={"apikey": running.anon_key}) as session:
        yield session


async def sign_in(running, session):
    url = f"{running.url}/auth/v1/token?grant_type=password"
    async with session.post(url, json=ADA) as answer:
        return (await answer.json())["access_token"]


async def status_of(session, url, token):
    async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status


@pytest.mark.parametrize("path", ["/auth/v1/token?grant_type=password", "/rest/v1/projects"])
async def test_a_compressed_body_is_not_unpacked(started, path):
    body = gzip.compress(b"[" + b" " * 100_000 + b"]")
    async with client_of(started) as session:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        async with session.post(started.url + path, data=body, headers=headers) as answer:
            told = await answer.json()

    assert answer.status == 400
    assert "JSON" in told.get("msg", "") or told["code"] == "PGRST102"


async def test_a_user_signs_in_and_reads_rows_of_their_own(started):
    async with client_of(started) as session:
        token = await sign_in(started, session)
        async with session.get(
            f"{started.url}/rest/v1/projects?select=key",
            headers={"Authorization": f"Bearer {token}"},
        ) as answer:
            rows = await answer.json()

    assert rows == [{"key": "VEH"}]


async def test_it_says_where_its_database_is(started):
    connection = await asyncpg.connect(dsn=started.dsn)
    assert await connection.fetchval("select current_user") == "postgres"
    await connection.close()


async def test_a_second_one_on_the_same_folder_is_told_where_the_first_is(started, state_dir):
    second = Stack(settings_for(state_dir))

    with pytest.raises(StackError, match=started.url):
        await second.start()
    await second.stop()

    async with client_of(started) as session:
        assert await sign_in(started, session)


async def test_a_restart_keeps_address_key_tokens_and_data(state_dir):
    first, second = Stack(settings_for(state_dir)), Stack(settings_for(state_dir))
    await first.start()
    async with client_of(first) as session:
        token = await sign_in(first, session)
    await first.stop()
    assert find_running(state_dir) is None

    await second.start()
    try:
        assert (second.url, second.anon_key) == (first.url, first.anon_key)
        async with client_of(second) as session:
            assert await status_of(session, f"{second.url}/auth/v1/user", token) == 200
    finally:
        await second.stop()


async def test_a_rotated_key_signs_at_once_and_the_old_one_still_counts(started, state_dir):
    async with client_of(started) as session:
        old = await sign_in(started, session)
        kid = rotate(state_dir)
        new = await sign_in(started, session)
        async with session.get(f"{started.url}/auth/v1/.well-known/jwks.json") as answer:
            kids = [key["kid"] for key in (await answer.json())["keys"]]

        for token in (old, new):
            assert await status_of(session, f"{started.url}/auth/v1/user", token) == 200
            assert await status_of(session, f"{started.url}/rest/v1/projects", token) == 200
    assert kids[0] == kid
    assert len(kids) > 1


async def test_without_the_demo_there_are_no_accounts(tmp_path):
    bare = Stack(settings_for(tmp_path), with_demo=False)
    await bare.start()
    try:
        connection = await asyncpg.connect(dsn=bare.dsn)
        assert await connection.fetchval("select count(*) from auth.users") == 0
        await connection.close()
    finally:
        await bare.stop()


async def test_a_start_that_fails_leaves_nothing_running(state_dir, monkeypatch):
    broken, healthy = Stack(settings_for(state_dir)), Stack(settings_for(state_dir))

    async def fail(_postgres):
        raise StackError("planted")

    monkeypatch.setattr(stack.demo, "insert", fail)
    with pytest.raises(StackError, match="planted"):
        await broken.start()
    monkeypatch.undo()

    assert broken.postgres.pid is None
    assert find_running(state_dir) is None
    await healthy.start()
    await healthy.stop()


async def test_a_start_that_is_given_up_leaves_nothing_running(state_dir, monkeypatch):
    reached = asyncio.Event()

    async def hang(_postgres):
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(stack.demo, "insert", hang)
    given_up = Stack(settings_for(state_dir))
    starting = asyncio.create_task(given_up.start())
    async with asyncio.timeout(5):
        await reached.wait()

    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)

    assert given_up.postgres.pid is None
    assert find_running(state_dir) is None


async def test_a_request_that_hangs_does_not_hold_up_the_stop(state_dir):
    running = Stack(settings_for(state_dir))
    await running.start()
    holder = await asyncpg.connect(dsn=running.dsn)
    watcher = await asyncpg.connect(dsn=running.dsn)
    await holder.execute("begin; lock table public.projects")
    async with client_of(running) as session:
        token = await sign_in(running, session)
        url = f"{running.url}/rest/v1/projects"
        hanging = asyncio.create_task(status_of(session, url, token))
        waits = "select count(*) from pg_locks where not granted"
        async with asyncio.timeout(5):
            while not await watcher.fetchval(waits):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)

            await running.stop()

        await asyncio.gather(hanging, return_exceptions=True)
    for connection in (holder, watcher):
        connection.terminate()


async def test_a_connection_in_use_is_cut_when_its_pool_closes(rest_postgres):
    pool = await asyncpg.create_pool(**rest_postgres.connect_args("authenticator"), min_size=1)
    held = await pool.acquire()

    async with asyncio.timeout(5):
        await close_pool(pool)

    with pytest.raises(asyncpg.InterfaceError):
        await held.fetch("select 1")
