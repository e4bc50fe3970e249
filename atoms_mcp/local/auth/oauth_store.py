"""The rows of the OAuth server: clients, authorizations, consents; functions over one connection.

No rule is decided here. The role is supabase_auth_admin, which owns these tables.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from atoms_mcp.local.auth.pkce import Challenge

CLIENT = """
select id, client_type as kind, token_endpoint_auth_method as auth_method, redirect_uris,
  grant_types, coalesce(client_name, '') as name, coalesce(client_uri, '') as uri,
  coalesce(logo_uri, '') as logo_uri, created_at, updated_at, client_secret_hash as secret_hash
from auth.oauth_clients
"""
AUTHORIZATION = """
select a.id, a.client_id, a.user_id, a.redirect_uri, a.scope, a.state, a.resource, a.nonce,
  a.code_challenge, a.code_challenge_method, a.status, a.code, a.expires_at
from auth.oauth_authorizations as a
"""
PUBLIC, CONFIDENTIAL = "public", "confidential"


@dataclass(frozen=True, slots=True)
class Client:
    """An app; a confidential one has a secret, of which the hash is kept."""

    id: uuid.UUID
    kind: str
    auth_method: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    name: str
    uri: str
    logo_uri: str
    created_at: datetime
    updated_at: datetime
    secret_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request of an app on its way; `status` is pending, approved or denied.

    `user_id` is whoever decides, once that is known; texts are None where the app said nothing.
    """

    id: str
    client_id: uuid.UUID
    redirect_uri: str
    scope: str
    state: str | None
    resource: str | None
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    expires_at: datetime
    status: str = "pending"
    user_id: uuid.UUID | None = None
    code: str | None = field(default=None, repr=False)

    @property
    def challenge(self) -> Challenge:
        """What the verifier is held against."""
        return Challenge(self.code_challenge, self.code_challenge_method)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user lets an app have; `scopes` as a text with spaces."""

    client_id: uuid.UUID
    scopes: str
    granted_at: datetime


async def add_client(connection: asyncpg.Connection, client: Client) -> None:
    """Keep a new app."""
    await connection.execute(
        """
        insert into auth.oauth_clients (id, client_secret_hash, client_type,
          token_endpoint_auth_method, redirect_uris, grant_types, client_name, client_uri,
          logo_uri, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        client.id,
        client.secret_hash,
        client.kind,
        client.auth_method,
        list(client.redirect_uris),
        list(client.grant_types),
        client.name,
        client.uri,
        client.logo_uri,
        client.created_at,
        client.updated_at,
    )


async def get_client(connection: asyncpg.Connection, client_id: uuid.UUID) -> Client | None:
    """Give an app."""
    row = await connection.fetchrow(f"{CLIENT} where id = $1", client_id)
    if row is None:
        return None
    lists = {name: tuple(row[name]) for name in ("redirect_uris", "grant_types")}
    return Client(**{**row, **lists})


async def add_authorization(
    connection: asyncpg.Connection, authorization: Authorization, at: datetime
) -> None:
    """Keep a request, and forget those that ran out before `at`."""
    await connection.execute("delete from auth.oauth_authorizations where expires_at < $1", at)
    await connection.execute(
        """
        insert into auth.oauth_authorizations (id, client_id, redirect_uri, scope, state, resource,
          nonce, code_challenge, code_challenge_method, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        authorization.id,
        authorization.client_id,
        authorization.redirect_uri,
        authorization.scope,
        authorization.state,
        authorization.resource,
        authorization.nonce,
        authorization.code_challenge,
        authorization.code_challenge_method,
        authorization.expires_at,
    )


async def lock_authorization(
    connection: asyncpg.Connection, authorization_id: str
) -> Authorization | None:
    """Give a request on its way, and keep others from it until this transaction ends."""
    row = await connection.fetchrow(f"{AUTHORIZATION} where a.id = $1 for update", authorization_id)
    return row and Authorization(**row)


async def lock_code(connection: asyncpg.Connection, code: str) -> Authorization | None:
    """Give the approved request of a code, and keep others from it."""
    row = await connection.fetchrow(f"{AUTHORIZATION} where a.code = $1 for update", code)
    return row and Authorization(**row)


async def claim_authorization(
    connection: asyncpg.Connection, authorization_id: str, user_id: uuid.UUID
) -> None:
    """Write down whose decision it is."""
    await connection.execute(
        "update auth.oauth_authorizations set user_id = $2 where id = $1", authorization_id, user_id
    )


async def decide_authorization(
    connection: asyncpg.Connection, authorization_id: str, status: str, code: str | None
) -> None:
    """Write the decision down; an approval has a code."""
    await connection.execute(
        "update auth.oauth_authorizations set status = $2, code = $3 where id = $1",
        authorization_id,
        status,
        code,
    )


async def remove_authorization(connection: asyncpg.Connection, authorization_id: str) -> None:
    """Forget a request whose code was redeemed."""
    await connection.execute(
        "delete from auth.oauth_authorizations where id = $1", authorization_id
    )


async def put_consent(
    connection: asyncpg.Connection, user_id: uuid.UUID, client_id: uuid.UUID, scopes: str
) -> None:
    """Remember a consent, in the place of the last one to that app."""
    await connection.execute(
        """
        insert into auth.oauth_consents (user_id, client_id, scopes) values ($1, $2, $3)
        on conflict (user_id, client_id)
        do update set scopes = excluded.scopes, granted_at = now()
        """,
        user_id,
        client_id,
        scopes,
    )


async def get_consent(
    connection: asyncpg.Connection, user_id: uuid.UUID, client_id: uuid.UUID
) -> str | None:
    """Give the scopes that a user lets an app have, None where nothing was decided."""
    scopes: str | None = await connection.fetchval(
        "select scopes from auth.oauth_consents where user_id = $1 and client_id = $2",
        user_id,
        client_id,
    )
    return scopes


async def list_consents(connection: asyncpg.Connection, user_id: uuid.UUID) -> list[Consent]:
    """Give what a user lets apps have, the newest first."""
    rows = await connection.fetch(
        "select client_id, scopes, granted_at from auth.oauth_consents "
        "where user_id = $1 order by granted_at desc",
        user_id,
    )
    return [Consent(**row) for row in rows]


async def remove_consent(
    connection: asyncpg.Connection, user_id: uuid.UUID, client_id: uuid.UUID
) -> bool:
    """Take a consent back, and end the app's logins; False where there was none."""
    done: str = await connection.execute(
        "delete from auth.oauth_consents where user_id = $1 and client_id = $2", user_id, client_id
    )
    await connection.execute(
        "delete from auth.sessions where user_id = $1 and oauth_client_id = $2", user_id, client_id
    )
    return done != "DELETE 0"


async def get_scopes(connection: asyncpg.Connection, session_id: uuid.UUID | None) -> str:
    """Give the scopes of an app's login, "" where it is no app's."""
    scopes: str | None = await connection.fetchval(
        "select scopes from auth.sessions where id = $1", session_id
    )
    return scopes or ""
