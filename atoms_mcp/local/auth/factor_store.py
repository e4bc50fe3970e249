"""The rows of second factors and their challenges, as functions over one connection.

No rule is decided here. The role is supabase_auth_admin, which owns these tables.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Factor:
    """One second factor of one user; `secret` is what the app was given, base32."""

    id: uuid.UUID
    user_id: uuid.UUID
    status: str
    secret: str = field(repr=False)

    @property
    def is_verified(self) -> bool:
        """Tell whether the user has shown once that the app works."""
        return self.status == "verified"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One attempt to show a factor; `ip` is where it was asked for."""

    id: uuid.UUID
    ip: str
    created_at: datetime
    verified_at: datetime | None


async def add_factor(
    connection: asyncpg.Connection, user_id: uuid.UUID, *, name: str | None, secret: str
) -> uuid.UUID:
    """Add a factor that is yet to be verified.

    Raises:
        asyncpg.UniqueViolationError: the user has one of that name.
    """
    factor_id: uuid.UUID = await connection.fetchval(
        """
        insert into auth.mfa_factors (user_id, friendly_name, factor_type, secret)
        values ($1, $2, 'totp', $3) returning id
        """,
        user_id,
        name,
        secret,
    )
    return factor_id


async def get_factor(
    connection: asyncpg.Connection, factor_id: uuid.UUID, user_id: uuid.UUID
) -> Factor | None:
    """Give a factor of that user."""
    row = await connection.fetchrow(
        "select id, user_id, status, secret from auth.mfa_factors where id = $1 and user_id = $2",
        factor_id,
        user_id,
    )
    return row and Factor(**row)


async def remove_factor(connection: asyncpg.Connection, factor_id: uuid.UUID) -> None:
    """Remove a factor, with its challenges."""
    await connection.execute("delete from auth.mfa_factors where id = $1", factor_id)


async def mark_verified(connection: asyncpg.Connection, factor: Factor) -> None:
    """Write down that the factor works; what else the user began to enrol goes away."""
    await connection.execute(
        "update auth.mfa_factors set status = 'verified', updated_at = now() "
        "where id = $1 and status <> 'verified'",
        factor.id,
    )
    await connection.execute(
        "delete from auth.mfa_factors where user_id = $1 and status <> 'verified'", factor.user_id
    )


async def add_challenge(
    connection: asyncpg.Connection, factor_id: uuid.UUID, *, ip: str, at: datetime
) -> uuid.UUID:
    """Add a challenge for that factor."""
    await connection.execute(
        "update auth.mfa_factors set last_challenged_at = $2 where id = $1", factor_id, at
    )
    challenge_id: uuid.UUID = await connection.fetchval(
        "insert into auth.mfa_challenges (factor_id, ip_address, created_at) "
        "values ($1, $2, $3) returning id",
        factor_id,
        ip,
        at,
    )
    return challenge_id


async def get_challenge(
    connection: asyncpg.Connection, challenge_id: uuid.UUID, factor_id: uuid.UUID
) -> Challenge | None:
    """Give a challenge of that factor, and keep others from it until this transaction ends."""
    row = await connection.fetchrow(
        """
        select id, host(ip_address) as ip, created_at, verified_at from auth.mfa_challenges
        where id = $1 and factor_id = $2 for update
        """,
        challenge_id,
        factor_id,
    )
    return row and Challenge(**row)


async def use_challenge(
    connection: asyncpg.Connection, challenge_id: uuid.UUID, at: datetime
) -> None:
    """Write down that a challenge was answered."""
    await connection.execute(
        "update auth.mfa_challenges set verified_at = $2 where id = $1", challenge_id, at
    )
