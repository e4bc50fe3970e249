"""Fixtures of the embedded stack: a PostgreSQL of the tests' own, and REST on top of it."""

import asyncio
import json
import uuid
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from auth_world import ANON_KEY, ISSUER, Clock, EchoRest, Person
from rest_world import ADA, ROWS, SCHEMA, Aside, Rest

from atoms_mcp.local.auth.api import AuthApi
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.discovery import Discovery
from atoms_mcp.local.auth.limits import Limits
from atoms_mcp.local.auth.options import Options
from atoms_mcp.local.gateway import Gateway
from atoms_mcp.local.keys import KeyRing
from atoms_mcp.local.postgres.binaries import find_bin_dir
from atoms_mcp.local.postgres.cluster import SUPERUSER, Postgres
from atoms_mcp.local.rest.api import RestApi
from atoms_mcp.local.rest.database import open_pool

ROLES = Path(__file__).parents[2] / "atoms_mcp" / "local" / "postgres" / "roles.sql"


@pytest.fixture(scope="session")
def rest_postgres(tmp_path_factory):
    """A running PostgreSQL with the roles and the little world of REST tests."""
    aside = Aside()
    postgres = Postgres(find_bin_dir(None), tmp_path_factory.mktemp("pg") / "data", fsync=False)

    async def begin():
        await postgres.start()
        connection = await asyncpg.connect(**postgres.connect_args(SUPERUSER))
        await connection.execute(ROLES.read_text())
        await connection.execute(SCHEMA)
        await connection.close()

    try:
        aside.run(begin())
        yield postgres
    finally:
        aside.run(postgres.stop())
        aside.close()


@pytest.fixture
async def owner(rest_postgres):
    """A superuser's connection to the little world, filled with its rows anew."""
    connection = await asyncpg.connect(**rest_postgres.connect_args(SUPERUSER))
    await connection.execute(ROWS)
    yield connection
    await connection.close()


@pytest.fixture
async def rest_pool(rest_postgres, owner):  # noqa: ARG001 - the rows are there
    """Connections as `authenticator`."""
    pool = await open_pool(**rest_postgres.connect_args("authenticator"))
    yield pool
    await asyncio.wait_for(pool.close(), 5)


@pytest.fixture
def serve_rest(aiohttp_client):
    """Put a `RestApi` behind HTTP, with the claims that each request brings along."""

    async def serve(api):
        async def handle(request):
            return await api.handle(request, json.loads(request.headers["X-Test-Claims"]))

        app = web.Application(client_max_size=64 * 1024)
        app.router.add_route("*", "/rest/v1/{tail:.*}", handle)
        client = await aiohttp_client(app)
        return Rest(client, {"role": "anon"})

    return serve


@pytest.fixture
async def rest(rest_pool, serve_rest):
    """REST on the little world, asked as Ada."""
    return (await serve_rest(RestApi(rest_pool))).as_user(ADA)


@pytest.fixture
async def pool(rest_postgres):
    """Connections as the owner of the tables of Auth."""
    args = rest_postgres.connect_args("supabase_auth_admin")
    async with asyncpg.create_pool(**args, min_size=0, max_size=5) as made:
        yield made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ring(tmp_path):
    return KeyRing(tmp_path)


@pytest.fixture
def make_gateway(pool, ring, clock, aiohttp_client):
    """Open a client of a gateway with the given limits and switches."""
    opened = []

    async def make(limits=None, pool=pool, **switches):
        options = Options(**switches)
        context = Context(pool, ring, ISSUER, ANON_KEY, limits or Limits(), options, clock)
        auth = AuthApi(context)
        opened.append(auth)
        discovery = Discovery(ring, ISSUER, options)
        gateway = Gateway(auth, discovery, EchoRest(), ring, ANON_KEY, clock)
        return await aiohttp_client(gateway.app(), headers={"apikey": ANON_KEY})

    yield make
    for auth in opened:
        auth.close()


@pytest.fixture
async def person(make_gateway):
    return Person(await make_gateway(), f"{uuid.uuid4().hex}@example.com")


@pytest.fixture
def mails_to():
    """Give what the gateway of a person mailed to them, the newest first."""

    async def read(person):
        answer = await person.client.get(
            "/mail", params={"to": person.email}, headers={"Accept": "application/json"}
        )
        return await answer.json()

    return read


@pytest.fixture
def somebody(make_gateway):
    """Make a person without an account, at a gateway with the given limits and switches."""

    async def make(limits=None, **switches):
        return Person(await make_gateway(limits, **switches), f"{uuid.uuid4().hex}@example.com")

    return make


@pytest.fixture
async def told():
    """Give status and code of a refusal in the older shape."""

    async def read(answer):
        return answer.status, (await answer.json())["error_code"]

    return read
