"""A real PostgreSQL with the migrations and a small world of people, rolled back per test."""

import json
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from atoms_mcp.local.postgres.cluster import Postgres, find_bin_dir
from atoms_mcp.local.postgres.database import prepare
from atoms_mcp.schema import migrations

# Organization roles first; the people after them are guests of Acme with a role in its project.
ORGANIZATION_ROLES = {"owner": "owner", "admin": "admin", "member": "member", "guest": "guest"}
PROJECT_ROLES = {
    "project_owner": "owner",
    "project_admin": "admin",
    "maintainer": "maintainer",
    "editor": "editor",
    "viewer": "viewer",
}
SPEAK = (
    "select set_config('request.jwt.claims', $1, true), set_config('request.headers', $2, true),"
    " set_config('role', $3, true)"
)
PEOPLE = (*ORGANIZATION_ROLES, *PROJECT_ROLES)
EVERYBODY = (*PEOPLE, "suspended", "stranger")


def pytest_collection_modifyitems(items):
    """One loop for all: the cluster's keeper and the connections belong to it."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class World:
    """One connection inside a transaction, and the ids of what the world holds.

    `run` speaks as a person the way PostgREST does: role and claims are set for one
    statement, and a failing statement leaves no trace.
    """

    connection: asyncpg.Connection
    user: dict[str, UUID] = field(default_factory=dict)
    acme: UUID | None = None
    project: UUID | None = None
    private: UUID | None = None
    document: UUID | None = None
    block: UUID | None = None
    requirement: UUID | None = None
    umbrella: UUID | None = None
    foreign_project: UUID | None = None
    foreign_document: UUID | None = None
    foreign_requirement: UUID | None = None

    async def run(self, who: str, sql: str, *args: Any, headers: dict | None = None):
        """Run as a person of the world, as "anon", as "service" or as "operator"."""
        async with self.speaking(who, headers):
            return await self.connection.fetch(sql, *args)

    async def one(self, who: str, sql: str, *args: Any):
        """Run and give the only row."""
        rows = await self.run(who, sql, *args)
        assert len(rows) == 1, f"{len(rows)} rows"
        return rows[0]

    async def value(self, who: str, sql: str, *args: Any):
        """Run and give the first column of the only row."""
        return (await self.one(who, sql, *args))[0]

    async def count(self, who: str, sql: str, *args: Any) -> int:
        """Run and tell how many rows came back."""
        return len(await self.run(who, sql, *args))

    async def refused(self, who: str, sql: str, *args: Any, code: str = "42501"):
        """Run what has to fail with `code`, and give the error."""
        with pytest.raises(asyncpg.PostgresError) as caught:
            await self.run(who, sql, *args)
        assert caught.value.sqlstate == code, caught.value
        return caught.value

    async def may(self, who: str, sql: str, *args: Any) -> bool:
        """Tell whether the database does it for this person; nothing is left of the try.

        No: the refusal 42501, or no row touched. Any other error is raised.
        """
        attempt = self.connection.transaction()
        await attempt.start()
        try:
            return bool(await self.run(who, sql, *args))
        except asyncpg.InsufficientPrivilegeError:
            return False
        finally:
            await attempt.rollback()

    @asynccontextmanager
    async def speaking(self, who: str, headers: dict | None = None):
        role, claims = self._identity(who)
        said = json.dumps(headers) if headers else ""
        async with self.connection.transaction():
            await self.connection.fetch(SPEAK, claims, said, role)
            yield
            await self.connection.fetch(SPEAK, "", "", "postgres")

    def _identity(self, who: str) -> tuple[str, str]:
        if who == "operator":
            return "postgres", ""
        if who == "service":
            return "service_role", json.dumps({"role": "service_role"})
        if who == "anon":
            return "anon", json.dumps({"role": "anon"})
        claims = {"sub": str(self.user[who]), "role": "authenticated"}
        return "authenticated", json.dumps(claims)

    async def sign_up(self, who: str, email: str | None = None, metadata: Any = None) -> UUID:
        """Make an account the way Supabase Auth does."""
        self.user[who] = await self.value(
            "operator",
            "insert into auth.users (id, email, raw_user_meta_data) values ($1, $2, $3)"
            " returning id",
            uuid4(),
            email or f"{who}@example.com",
            json.dumps(metadata if metadata is not None else {"full_name": who.title()}),
        )
        return self.user[who]

    async def add_member(self, who: str, role: str, *, status: str = "active") -> None:
        """Put a person into Acme."""
        await self.run(
            "operator",
            "insert into organization_members (organization_id, user_id, role, status)"
            " values ($1, $2, $3, $4)",
            self.acme,
            self.user[who],
            role,
            status,
        )

    async def add_project_member(self, who: str, role: str, project: UUID | None = None) -> None:
        """Give a member of Acme a role in one of its projects."""
        await self.run(
            "operator",
            "insert into project_members (project_id, user_id, role) values ($1, $2, $3)",
            project or self.project,
            self.user[who],
            role,
        )

    async def write(self, who: str, name: str, **columns: Any):
        """Insert a requirement into the world's document and give its row."""
        given = {"document_id": self.document, "name": name, **columns}
        return await self.one(
            who,
            f"insert into requirements ({', '.join(given)}) values"  # noqa: S608 - columns of the test
            f" ({', '.join(f'${n}' for n in range(1, len(given) + 1))}) returning *",
            *given.values(),
        )


async def populate(world: World) -> None:
    """Acme with one person per role, Umbrella with a stranger, and an item of each type."""
    for who in EVERYBODY:
        await world.sign_up(who)
    world.acme = await world.value("owner", "select id from create_organization('Acme')")
    for who, role in {**ORGANIZATION_ROLES, "suspended": "admin"}.items():
        if who != "owner":
            status = "suspended" if who == "suspended" else "active"
            await world.add_member(who, role, status=status)
    world.project = await world.value(
        "owner", "select id from create_project($1, 'Vehicle')", world.acme
    )
    world.private = await world.value(
        "owner",
        "select id from create_project($1, 'Secret', p_visibility => 'private')",
        world.acme,
    )
    for who, role in PROJECT_ROLES.items():
        await world.add_member(who, "guest")
        await world.add_project_member(who, role)
    world.document = await world.value(
        "owner",
        "insert into documents (project_id, name) values ($1, 'Brakes') returning id",
        world.project,
    )
    world.block = await world.value(
        "owner",
        "insert into document_blocks (document_id, kind, heading_level, body)"
        " values ($1, 'heading', 1, 'Braking') returning id",
        world.document,
    )
    world.requirement = (await world.write("owner", "Brake response"))["id"]
    world.umbrella = await world.value("stranger", "select id from create_organization('Umbrella')")
    world.foreign_project = await world.value(
        "stranger", "select id from create_project($1, 'Virus')", world.umbrella
    )
    world.foreign_document = await world.value(
        "stranger",
        "insert into documents (project_id, name) values ($1, 'Lab') returning id",
        world.foreign_project,
    )
    world.foreign_requirement = await world.value(
        "stranger",
        "insert into requirements (document_id, name) values ($1, 'Containment') returning id",
        world.foreign_document,
    )


@pytest.fixture(scope="session")
def bin_dir() -> Path:
    """Give the wheel's PostgreSQL, or the one that ATOMS_LOCAL_POSTGRES_BIN names."""
    named = os.environ.get("ATOMS_LOCAL_POSTGRES_BIN")
    return find_bin_dir(Path(named) if named else None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(bin_dir) -> AsyncIterator[Postgres]:
    """A PostgreSQL whose database `postgres` has the migrations and nothing else."""
    with tempfile.TemporaryDirectory(prefix="atoms-schema-") as home:
        postgres = Postgres(bin_dir, Path(home) / "data", fsync=False)
        await postgres.start()
        try:
            await prepare(postgres, migrations())
            yield postgres
        finally:
            await postgres.stop()


async def connect(cluster: Postgres, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(**cluster.connect_args("postgres", database))


async def copy_database(cluster: Postgres, name: str, template: str = "postgres") -> None:
    """Make a database like `template`, which nobody may be connected to."""
    admin = await connect(cluster, "template1")
    try:
        await admin.execute(f"create database {name} template {template}")
    finally:
        await admin.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def peopled(cluster) -> World:
    """The world, committed once in the database `peopled`; its connection is closed."""
    await copy_database(cluster, "peopled")
    connection = await connect(cluster, "peopled")
    try:
        world = World(connection)
        await populate(world)
    finally:
        await connection.close()
    return world


@pytest_asyncio.fixture(loop_scope="session")
async def world(cluster, peopled) -> AsyncIterator[World]:
    """The world as one test may bend it."""
    connection = await connect(cluster, "peopled")
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield World(**{**vars(peopled), "connection": connection, "user": dict(peopled.user)})
    finally:
        await transaction.rollback()
        await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(cluster, peopled) -> AsyncIterator[Sequence[World]]:
    """Four connections to a database of the test's own, where what is written stays."""
    name = f"crowd_{uuid4().hex}"
    await copy_database(cluster, name, "peopled")
    connections = [await connect(cluster, name) for _ in range(4)]
    try:
        yield [
            World(**{**vars(peopled), "connection": c, "user": dict(peopled.user)})
            for c in connections
        ]
    finally:
        for connection in connections:
            await connection.close()
