"""What lies in the database before the gateway opens: roles, migrations, and a check of both.

Source: Supabase CLI (the bookkeeping table); Supabase documentation, "Row Level Security".
"""

from collections.abc import Sequence
from importlib import resources
from typing import Protocol

import asyncpg

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.postgres.cluster import SUPERUSER, Postgres

BOOKKEEPING = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text primary key,
  statements text[],
  name text
);
create table if not exists supabase_migrations.seed_files (path text primary key, hash text);
"""
# Open without a guard: a table without row-level security, a view that reads with its owner's
# rights, or a materialized view (which can have neither), where anon or a user may touch it.
UNGUARDED = """
select c.relname
from pg_catalog.pg_class as c
where c.relnamespace = 'public'::regnamespace
  and case c.relkind
    when 'r' then not c.relrowsecurity
    when 'p' then not c.relrowsecurity
    when 'm' then true
    when 'v' then not coalesce(
      c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'],
      false
    )
    else false
  end
  and exists (
    select from unnest(array['anon', 'authenticated']) as role (name)
    where has_any_column_privilege(role.name, c.oid, 'select, insert, update')
      or has_table_privilege(role.name, c.oid, 'delete, truncate')
  )
order by c.relname
"""


class Migration(Protocol):
    """What the schema gives: one step, known by its version."""

    @property
    def version(self) -> str:
        """The digits that order it."""

    @property
    def name(self) -> str:
        """What it is about."""

    @property
    def sql(self) -> str:
        """Its statements."""


async def prepare(
    postgres: Postgres, migrations: Sequence[Migration] = (), database: str = "postgres"
) -> list[str]:
    """Bring a database up to date, and give the versions of the migrations applied now.

    Roles and the schema auth are laid by the superuser, the migrations by `postgres`.

    Raises:
        StackError: a migration fails, was changed after it was applied, or is of a newer
            release; or a table is exposed without row-level security.
    """
    await lay_roles(postgres, database)
    connection = await asyncpg.connect(**postgres.connect_args("postgres", database))
    try:
        applied = await apply_migrations(connection, migrations)
        await check_guards(connection)
    finally:
        await connection.close()
    return applied


async def lay_roles(postgres: Postgres, database: str = "postgres") -> None:
    """Make what Supabase has before the first migration; may be repeated."""
    sql = (
        resources.files("atoms_mcp.local.postgres")
        .joinpath("roles.sql")
        .read_text(encoding="utf-8")
    )
    connection = await asyncpg.connect(**postgres.connect_args(SUPERUSER, database))
    try:
        async with connection.transaction():
            await connection.execute(sql)
    finally:
        await connection.close()


async def apply_migrations(
    connection: asyncpg.Connection, migrations: Sequence[Migration]
) -> list[str]:
    """Apply those that are not yet recorded, each in a transaction of its own, in order.

    Raises:
        StackError: one fails, differs from what was applied, or an unknown one was applied.
    """
    await connection.execute(BOOKKEEPING)
    rows = await connection.fetch(
        "select version, statements[1] as sql from supabase_migrations.schema_migrations"
    )
    recorded = {row["version"]: row["sql"] for row in rows}
    _check_history(recorded, migrations)
    missing = [step for step in migrations if step.version not in recorded]
    for step in missing:
        await _apply(connection, step)
    return [step.version for step in missing]


def _check_history(recorded: dict[str, str], migrations: Sequence[Migration]) -> None:
    known = {step.version: step for step in migrations}
    for version, sql in recorded.items():
        if version not in known:
            raise StackError(
                f"the database has migration {version}, which this release does not know; start "
                "the newer release that made it, or use another ATOMS_STATE_DIR"
            )
        if known[version].sql != sql:
            raise StackError(
                f"migration {version}_{known[version].name} was changed after it was applied to "
                "this database; use another ATOMS_STATE_DIR, or remove this one with its data"
            )


async def _apply(connection: asyncpg.Connection, step: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) "
                "values ($1, $2, array[$3])",
                step.version,
                step.name,
                step.sql,
            )
    except asyncpg.PostgresError as exc:
        raise StackError(f"migration {step.version}_{step.name} failed: {exc}") from exc
    # A migration may have set session variables (search_path, role) for itself.
    await connection.reset()


async def check_guards(connection: asyncpg.Connection) -> None:
    """Refuse a database in which a row could be seen without a policy.

    Raises:
        StackError: naming the tables and views in question.
    """
    unguarded = [row["relname"] for row in await connection.fetch(UNGUARDED)]
    if unguarded:
        raise StackError(
            "these are exposed to the API without row-level security: "
            f"{', '.join(unguarded)}; enable it (a view: with (security_invoker = true)), "
            "or revoke all on them from anon and authenticated"
        )
