"""Transactions of requests: begun, ended and undone, on a real PostgreSQL."""

import asyncio
import contextlib

import pytest

from atoms_mcp.local.rest import database as rest_database
from atoms_mcp.local.rest.database import Database, Frame, open_pool
from atoms_mcp.local.rest.errors import RestError


def frame(*, is_read_only=False, role="service_role"):
    return Frame(role, "{}", "POST", "/orgs", "{}", None, is_read_only)


@pytest.fixture
async def single(rest_postgres, owner):  # noqa: ARG001 - the rows are there
    """A pool of one connection."""
    pool = await open_pool(**rest_postgres.connect_args("authenticator"), max_size=1)
    yield pool
    await pool.close()


async def refused(database, frame, *statements):
    """Run statements in one transaction and give the refusal."""

    async def run():
        async with database.transaction(frame) as connection:
            for statement in statements:
                await connection.execute(statement)

    with pytest.raises(RestError) as refusal:
        await run()
    return refusal.value


async def names(owner):
    return {row["name"] for row in await owner.fetch("select name from orgs")}


async def test_what_ends_well_is_committed(single, owner):
    async with Database(single).transaction(frame()) as connection:
        await connection.execute("insert into public.orgs (name) values ('new')")

    assert "new" in await names(owner)


async def test_an_exception_rolls_back_and_the_connection_goes_on(single, owner):
    database = Database(single)

    with contextlib.suppress(KeyError):
        async with database.transaction(frame()) as connection:
            await connection.execute("insert into public.orgs (name) values ('new')")
            raise KeyError
    async with database.transaction(frame()) as connection:
        assert await connection.fetchval("select current_user") == "service_role"

    assert "new" not in await names(owner)


async def test_reading_only_means_it(single):
    insert = "insert into public.orgs (name) values ('new')"

    refusal = await refused(Database(single), frame(is_read_only=True), insert)

    assert (refusal.status, refusal.code) == (405, "25006")


async def test_a_request_that_is_given_up_leaves_nothing_behind(single, owner):
    database = Database(single)
    inside = asyncio.Event()

    async def wait():
        async with database.transaction(frame()) as connection:
            await connection.execute("insert into public.orgs (name) values ('new')")
            inside.set()
            await connection.execute("select pg_sleep(30)")

    task = asyncio.create_task(wait())
    await asyncio.wait_for(inside.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        async with database.transaction(frame()) as connection:
            assert await connection.fetchval("select 1") == 1

    assert "new" not in await names(owner)


async def test_no_connection_in_time(single, monkeypatch):
    monkeypatch.setattr(rest_database, "ACQUIRE_TIMEOUT_S", 0.02)
    database = Database(single)

    async with database.plain():
        refusal = await refused(database, frame())

    assert (refusal.status, refusal.code) == (504, "PGRST003")


async def test_a_connection_that_died_idle_is_replaced_unseen(single, owner):
    database = Database(single)
    async with database.transaction(frame()) as connection:
        pid = connection.get_server_pid()

    await owner.fetchval("select pg_terminate_backend($1, 5000)", pid)
    async with database.transaction(frame()) as connection:
        assert connection.get_server_pid() != pid


async def test_a_connection_that_dies_at_work_is_an_outage(single, owner):
    database = Database(single)

    async def die():
        async with database.transaction(frame()) as connection:
            await owner.execute(f"select pg_terminate_backend({connection.get_server_pid()}, 5000)")
            await connection.execute("select 1")

    with pytest.raises(RestError) as refusal:
        await die()
    async with database.transaction(frame()) as connection:
        assert await connection.fetchval("select 1") == 1

    assert (refusal.value.status, refusal.value.code) == (503, "PGRST001")


async def test_a_begin_that_fails_twice_is_an_outage():
    class Dead:
        def __init__(self):
            self.terminated = 0

        async def execute(self, _):
            raise ConnectionResetError

        def terminate(self):
            self.terminated += 1

    class Pool:
        def __init__(self):
            self.lent = []

        async def acquire(self, **_):
            self.lent.append(Dead())
            return self.lent[-1]

        async def release(self, _):
            pass

    pool = Pool()
    refusal = await refused(Database(pool), frame())

    assert refusal.code == "PGRST001"
    assert [connection.terminated for connection in pool.lent] == [1, 1]


async def test_secrets_do_not_show_in_a_frames_text():
    shown = repr(Frame("anon", '{"sub": "ada"}', "GET", "/", '{"authorization": "Bearer x"}'))

    assert "ada" not in shown
    assert "Bearer" not in shown
