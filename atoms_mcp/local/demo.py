"""The demo: three accounts in two organizations that share nothing, and a project to look at.

It is put in once, as those users and through what every user has: the sign-up's trigger,
the creation calls, row-level security. Whatever becomes of it afterwards stays so.
"""

import hashlib
from importlib import resources

import asyncpg

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.passwords import Passwords
from atoms_mcp.local.postgres.cluster import Postgres

PASSWORD = "correct-horse-demo"  # noqa: S105 - public on purpose: printed at every start
ACCOUNTS = {
    "ada@acme.example": "Ada Park",
    "vic@acme.example": "Vic Stone",
    "bob@umbrella.example": "Bob Reyes",
}
SEED = "demo.sql"
IS_SEEDED = "select exists (select from supabase_migrations.seed_files where path = $1)"


async def insert(postgres: Postgres) -> bool:
    """Put the demo in, and say so; do nothing where that was done before."""
    connection = await asyncpg.connect(**postgres.connect_args("postgres"))
    try:
        if await connection.fetchval(IS_SEEDED, SEED):
            return False
        await _add_accounts(postgres)
        sql = resources.files("atoms_mcp.local").joinpath(SEED).read_text(encoding="utf-8")
        async with connection.transaction():
            await connection.execute(sql)
            await connection.execute("reset role")
            await connection.execute(
                "insert into supabase_migrations.seed_files (path, hash) values ($1, $2)",
                SEED,
                hashlib.sha256(sql.encode()).hexdigest(),
            )
    finally:
        await connection.close()
    return True


async def _add_accounts(postgres: Postgres) -> None:
    passwords = Passwords()
    password_hash = await passwords.hash(PASSWORD)
    passwords.close()
    connection = await asyncpg.connect(**postgres.connect_args("supabase_auth_admin"))
    try:
        for email, name in ACCOUNTS.items():
            # An account of that name that somebody made by hand keeps its password.
            async with connection.transaction():
                if await auth_store.get_user_by_email(connection, email) is None:
                    await auth_store.add_user(connection, email, password_hash, {"full_name": name})
    finally:
        await connection.close()
