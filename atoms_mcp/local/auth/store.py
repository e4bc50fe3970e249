"""The rows of Auth: every SQL statement of the Auth half, as functions over one connection.

No rule is decided here. The role is supabase_auth_admin, which owns these tables.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from atoms_mcp.local.auth.user import User, read_user

USER = """
select u.id, u.aud, u.role, u.email, u.phone, u.encrypted_password, u.raw_app_meta_data,
  u.raw_user_meta_data, u.email_confirmed_at, u.phone_confirmed_at, u.confirmed_at, u.invited_at,
  u.confirmation_sent_at, u.recovery_sent_at, u.last_sign_in_at, u.banned_until, u.deleted_at,
  u.created_at, u.updated_at, u.is_anonymous,
  coalesce((
    select jsonb_agg(
      jsonb_build_object(
        'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id,
        'identity_data', i.identity_data, 'provider', i.provider, 'email', i.email,
        'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
        'updated_at', i.updated_at
      ) order by i.created_at
    )
    from auth.identities as i where i.user_id = u.id
  ), '[]') as identities,
  coalesce((
    select jsonb_agg(
      jsonb_build_object(
        'id', f.id, 'friendly_name', f.friendly_name, 'factor_type', f.factor_type,
        'status', f.status, 'created_at', f.created_at, 'updated_at', f.updated_at
      ) order by f.created_at
    )
    from auth.mfa_factors as f where f.user_id = u.id
  ), '[]') as factors
from auth.users as u
"""
SESSION = """
select id, user_id, counter, key, refreshed_at, not_after, aal, amr, client_id, scopes
from (
  select id, user_id, refresh_token_counter as counter, refresh_token_hmac_key as key,
    refreshed_at, not_after, aal, amr, oauth_client_id as client_id, scopes
  from auth.sessions where id = $1 for update
) as locked
"""
EMAIL_KEY = "users_email_partial_key"
MAIL_COLUMNS = {
    "confirmation_sent_at": "update auth.users set confirmation_sent_at = $2 where id = $1",
    "recovery_sent_at": "update auth.users set recovery_sent_at = $2 where id = $1",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody comes in: by what method, from where, and for which OAuth client (if one).

    `method` is one of the names of the claim amr; `provider` goes with "oauth".
    """

    method: str = "password"
    provider: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    client_id: uuid.UUID | None = None
    scopes: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One login; `counter` is the current refresh token's, `key` signs them all.

    `client_id` and `scopes` are there where an app got it by OAuth.
    """

    id: uuid.UUID
    user_id: uuid.UUID
    counter: int
    refreshed_at: datetime | None
    not_after: datetime | None
    aal: str
    amr: tuple[Mapping[str, Any], ...]
    client_id: uuid.UUID | None
    scopes: str | None
    key: bytes = field(repr=False)


async def get_user(connection: asyncpg.Connection, user_id: uuid.UUID) -> User | None:
    """Give the account of that id."""
    row = await connection.fetchrow(f"{USER} where u.id = $1 and u.deleted_at is null", user_id)
    return row and read_user(row)


async def get_user_by_email(connection: asyncpg.Connection, email: str) -> User | None:
    """Give the account of that address, which is lower case."""
    row = await connection.fetchrow(
        f"{USER} where u.email = $1 and not u.is_sso_user and u.deleted_at is null", email
    )
    return row and read_user(row)


async def get_level(
    connection: asyncpg.Connection, session_id: uuid.UUID, user_id: uuid.UUID
) -> str | None:
    """Give the assurance level ("aal1", "aal2") of that login of that user, if it still lives."""
    level: str | None = await connection.fetchval(
        "select aal from auth.sessions where id = $1 and user_id = $2", session_id, user_id
    )
    return level


async def add_user(
    connection: asyncpg.Connection,
    email: str,
    password_hash: str | None,
    data: Mapping[str, Any],
    *,
    is_confirmed: bool = True,
) -> User:
    """Add an account with its identity; the project's own triggers run.

    Raises:
        asyncpg.UniqueViolationError: the address is taken (users_email_partial_key).
    """
    user_id = uuid.uuid4()
    told = {
        "sub": str(user_id),
        "email": email,
        "email_verified": is_confirmed,
        "phone_verified": False,
    }
    app_data = {"provider": "email", "providers": ["email"]}
    await connection.execute(
        """
        insert into auth.users (id, email, encrypted_password, email_confirmed_at,
          raw_app_meta_data, raw_user_meta_data)
        values ($1, $2, $3, case when $6 then now() end, $4, $5)
        """,
        user_id,
        email,
        password_hash,
        _json(app_data),
        _json({**data, **told}),
        is_confirmed,
    )
    await connection.execute(
        """
        insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at)
        values ($1, $2, $3, 'email', now())
        """,
        str(user_id),
        user_id,
        _json(told),
    )
    user = await get_user(connection, user_id)
    assert user is not None  # noqa: S101 - inserted a moment ago, in this transaction
    return user


def reraise_unless_email(exc: asyncpg.UniqueViolationError) -> None:
    """Let pass that an address is taken; what a project's own trigger refuses is another matter."""
    if exc.constraint_name != EMAIL_KEY:
        raise exc


async def confirm_user(connection: asyncpg.Connection, user_id: uuid.UUID) -> None:
    """Write down that the address is the user's, where that was not known."""
    verified = _json({"email_verified": True})
    await connection.execute(
        """
        update auth.users
        set email_confirmed_at = now(), raw_user_meta_data = raw_user_meta_data || $2::jsonb,
          updated_at = now()
        where id = $1 and email_confirmed_at is null
        """,
        user_id,
        verified,
    )
    await connection.execute(
        "update auth.identities set identity_data = identity_data || $2::jsonb, "
        "updated_at = now() where user_id = $1 and provider = 'email'",
        user_id,
        verified,
    )


async def note_mail(
    connection: asyncpg.Connection, user_id: uuid.UUID, column: str, at: datetime
) -> None:
    """Write down when a mail went out; `column` is of `MAIL_COLUMNS`."""
    sql = MAIL_COLUMNS[column]
    await connection.execute(sql, user_id, at)


async def list_users(connection: asyncpg.Connection, limit: int) -> list[User]:
    """Give the accounts that have an address, by address."""
    rows = await connection.fetch(
        f"{USER} where u.email is not null and u.deleted_at is null order by u.email limit $1",
        limit,
    )
    return [read_user(row) for row in rows]


async def add_identity(connection: asyncpg.Connection, user: User, provider: str) -> None:
    """Write down that a provider vouches for the user, too.

    Nobody had shown before that an unconfirmed address is theirs: its password is void.
    """
    told = {"sub": str(user.id), "email": user.email, "email_verified": True}
    await connection.execute(
        """
        insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at)
        values ($1, $2, $3, $4, now())
        on conflict (provider_id, provider)
        do update set last_sign_in_at = now(), updated_at = now()
        """,
        str(user.id),
        user.id,
        _json(told),
        provider,
    )
    await connection.execute(
        """
        update auth.users
        set raw_app_meta_data = jsonb_set(raw_app_meta_data, '{providers}',
            (raw_app_meta_data -> 'providers') || to_jsonb($2::text))
        where id = $1 and not raw_app_meta_data -> 'providers' ? $2
        """,
        user.id,
        provider,
    )
    await connection.execute(
        "update auth.users set encrypted_password = null "
        "where id = $1 and email_confirmed_at is null",
        user.id,
    )
    await confirm_user(connection, user.id)


async def change_user(
    connection: asyncpg.Connection,
    user_id: uuid.UUID,
    *,
    email: str | None,
    password_hash: str | None,
    data: Mapping[str, Any],
) -> User | None:
    """Change what is given; members of `data` are merged, a null removes its member.

    Raises:
        asyncpg.UniqueViolationError: the address is taken (users_email_partial_key).
    """
    await connection.execute(
        """
        update auth.users set
          email = coalesce($2, email),
          encrypted_password = coalesce($3, encrypted_password),
          raw_user_meta_data = (raw_user_meta_data || $4::jsonb) - $5::text[],
          updated_at = now()
        where id = $1
        """,
        user_id,
        email,
        password_hash,
        _json(data),
        [name for name, value in data.items() if value is None],
    )
    if email is not None:
        await connection.execute(
            """
            update auth.identities
            set identity_data = identity_data || jsonb_build_object('email', $2::text),
              updated_at = now()
            where user_id = $1 and provider = 'email'
            """,
            user_id,
            email,
        )
    return await get_user(connection, user_id)


async def note_sign_in(connection: asyncpg.Connection, user_id: uuid.UUID) -> None:
    """Write down that the user signed in now."""
    await connection.execute(
        "update auth.users set last_sign_in_at = now(), updated_at = now() where id = $1", user_id
    )
    await connection.execute(
        "update auth.identities set last_sign_in_at = now(), updated_at = now() "
        "where user_id = $1 and provider = 'email'",
        user_id,
    )


async def add_session(
    connection: asyncpg.Connection,
    user_id: uuid.UUID,
    entry: Entry,
    *,
    key: bytes,
    amr: tuple[Mapping[str, Any], ...],
) -> Session:
    """Add a login."""
    session_id: uuid.UUID = await connection.fetchval(
        """
        insert into auth.sessions (user_id, refresh_token_hmac_key, amr, user_agent, ip,
          oauth_client_id, scopes)
        values ($1, $2, $3, $4, $5, $6, $7) returning id
        """,
        user_id,
        key,
        _json(amr),
        entry.user_agent,
        entry.ip,
        entry.client_id,
        entry.scopes,
    )
    return Session(
        session_id, user_id, 0, None, None, "aal1", amr, entry.client_id, entry.scopes, key
    )


async def lock_session(connection: asyncpg.Connection, session_id: uuid.UUID) -> Session | None:
    """Give a login, and keep others from refreshing it until this transaction ends.

    Raises:
        asyncpg.LockNotAvailableError: somebody else held it for longer than `lock_timeout`.
    """
    row = await connection.fetchrow(SESSION, session_id)
    return row and Session(**{**row, "amr": tuple(orjson.loads(row["amr"]))})


async def advance_session(
    connection: asyncpg.Connection, session_id: uuid.UUID, at: datetime
) -> None:
    """Move the counter on: the next refresh token is the current one from `at` on."""
    await connection.execute(
        """
        update auth.sessions
        set refresh_token_counter = refresh_token_counter + 1, refreshed_at = $2,
          updated_at = now()
        where id = $1
        """,
        session_id,
        at,
    )


async def lift_session(
    connection: asyncpg.Connection, session_id: uuid.UUID, amr: tuple[Mapping[str, Any], ...]
) -> None:
    """Write down a second factor; the counter skips one, so that no earlier token is a parent."""
    await connection.execute(
        """
        update auth.sessions
        set aal = 'aal2', amr = $2, refresh_token_counter = refresh_token_counter + 2,
          updated_at = now()
        where id = $1
        """,
        session_id,
        _json(amr),
    )


async def end_low_sessions(connection: asyncpg.Connection, user_id: uuid.UUID) -> None:
    """End the logins of a user that showed one factor only."""
    await connection.execute(
        "delete from auth.sessions where user_id = $1 and aal = 'aal1'", user_id
    )


async def end_session(connection: asyncpg.Connection, session_id: uuid.UUID) -> None:
    """End one login."""
    await connection.execute("delete from auth.sessions where id = $1", session_id)


async def end_sessions(
    connection: asyncpg.Connection, user_id: uuid.UUID, *, keep: uuid.UUID | None = None
) -> None:
    """End all logins of a user, but the one to `keep`."""
    await connection.execute(
        "delete from auth.sessions where user_id = $1 and id is distinct from $2", user_id, keep
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
