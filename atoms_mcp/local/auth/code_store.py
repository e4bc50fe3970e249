"""The rows of what mails hold, and of sign-ins on their way; functions over one connection.

No rule is decided here. The role is supabase_auth_admin, which owns these tables.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from atoms_mcp.local.auth.pkce import Challenge

FLOW = """
select id, user_id, auth_code, code_challenge, code_challenge_method, provider_type as provider,
  authentication_method as method, redirect_to, created_at,
  coalesce(auth_code_issued_at, created_at) as issued_at
from auth.flow_state
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A one-time token that was there, and is not any more."""

    user_id: uuid.UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """A sign-in that leaves for a provider or a mailbox, by what method it will have been made.

    Without a `challenge` the tokens come back in the fragment.
    """

    provider: str
    method: str
    redirect_to: str
    challenge: Challenge | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that left for a provider or a mailbox; `user_id` once it is known whose.

    `challenge` is None where the tokens are to come back in the fragment.
    """

    id: uuid.UUID
    user_id: uuid.UUID | None
    provider: str
    method: str
    redirect_to: str
    issued_at: datetime
    auth_code: uuid.UUID = field(repr=False)
    challenge: Challenge | None = field(repr=False)


async def put_token(
    connection: asyncpg.Connection,
    user_id: uuid.UUID,
    *,
    token_type: str,
    token_hash: str,
    at: datetime,
) -> None:
    """Keep a token, in the place of the user's last one of that type."""
    await connection.execute(
        """
        insert into auth.one_time_tokens (user_id, token_type, token_hash, created_at)
        values ($1, $2, $3, $4)
        on conflict (user_id, token_type)
        do update set token_hash = excluded.token_hash, created_at = excluded.created_at
        """,
        user_id,
        token_type,
        token_hash,
        at,
    )


async def take_token(
    connection: asyncpg.Connection, *, token_types: Sequence[str], token_hashes: Sequence[str]
) -> Taken | None:
    """Take a token out: of two who come with one token, one finds it."""
    row = await connection.fetchrow(
        """
        delete from auth.one_time_tokens
        where token_type = any($1) and token_hash = any($2) returning user_id, created_at
        """,
        list(token_types),
        list(token_hashes),
    )
    return row and Taken(**row)


async def add_flow(
    connection: asyncpg.Connection,
    departure: Departure,
    at: datetime,
    user_id: uuid.UUID | None = None,
) -> uuid.UUID:
    """Keep a sign-in that leaves now; of a mailbox it is known whose it is."""
    challenge = departure.challenge
    flow_id: uuid.UUID = await connection.fetchval(
        """
        insert into auth.flow_state (provider_type, authentication_method, redirect_to,
          code_challenge, code_challenge_method, created_at, user_id)
        values ($1, $2, $3, $4, $5, $6, $7) returning id
        """,
        departure.provider,
        departure.method,
        departure.redirect_to,
        challenge and challenge.value,
        challenge and challenge.method,
        at,
        user_id,
    )
    return flow_id


async def get_flow(connection: asyncpg.Connection, flow_id: uuid.UUID) -> Flow | None:
    """Give a sign-in on its way."""
    return _flow(await connection.fetchrow(f"{FLOW} where id = $1 for update", flow_id))


async def get_flow_by_code(connection: asyncpg.Connection, auth_code: uuid.UUID) -> Flow | None:
    """Give the sign-in that came back with that code, and keep others from it."""
    return _flow(await connection.fetchrow(f"{FLOW} where auth_code = $1 for update", auth_code))


async def get_flow_of(
    connection: asyncpg.Connection, user_id: uuid.UUID, method: str
) -> Flow | None:
    """Give the newest sign-in of a user that left by mail."""
    return _flow(
        await connection.fetchrow(
            f"{FLOW} where user_id = $1 and authentication_method = $2 "
            "order by created_at desc limit 1",
            user_id,
            method,
        )
    )


async def finish_flow(
    connection: asyncpg.Connection, flow_id: uuid.UUID, user_id: uuid.UUID, at: datetime
) -> None:
    """Write down whose sign-in it is, and that its code is handed out."""
    await connection.execute(
        "update auth.flow_state set user_id = $2, auth_code_issued_at = $3 where id = $1",
        flow_id,
        user_id,
        at,
    )


async def remove_flow(connection: asyncpg.Connection, flow_id: uuid.UUID) -> None:
    """Forget a sign-in that has arrived."""
    await connection.execute("delete from auth.flow_state where id = $1", flow_id)


async def remove_old(connection: asyncpg.Connection, before: datetime) -> None:
    """Forget what nobody came back for."""
    await connection.execute("delete from auth.flow_state where created_at < $1", before)


def _flow(row: asyncpg.Record | None) -> Flow | None:
    if row is None:
        return None
    value, method = row["code_challenge"], row["code_challenge_method"]
    return Flow(
        id=row["id"],
        user_id=row["user_id"],
        provider=row["provider"],
        method=row["method"],
        redirect_to=row["redirect_to"],
        issued_at=row["issued_at"],
        auth_code=row["auth_code"],
        challenge=Challenge(value, method) if value else None,
    )
