import uuid
from datetime import UTC, datetime, timedelta

import pytest

from atoms_mcp.local.auth import oauth_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.oauth_clients import make_client
from atoms_mcp.local.auth.oauth_store import Authorization
from atoms_mcp.local.auth.store import Entry

AT = datetime(2026, 11, 23, tzinfo=UTC)
LATER = AT + timedelta(minutes=10)


@pytest.fixture
async def client(connection):
    made, _ = make_client({"redirect_uris": ["http://127.0.0.1/a", "http://127.0.0.1/b"]}, AT)
    await oauth_store.add_client(connection, made)
    return made


def asked(client, authorization_id="a", until=LATER):
    return Authorization(
        id=authorization_id,
        client_id=client.id,
        redirect_uri="http://127.0.0.1/a",
        scope="email",
        state="s",
        resource=None,
        nonce="n",
        code_challenge="c" * 43,
        code_challenge_method="plain",
        expires_at=until,
    )


async def test_an_app_is_kept_as_it_was_made(connection, client):
    assert await oauth_store.get_client(connection, client.id) == client
    assert await oauth_store.get_client(connection, uuid.uuid4()) is None


async def test_a_request_is_claimed_decided_and_forgotten(connection, client, user):
    await oauth_store.add_authorization(connection, asked(client), AT)
    assert await oauth_store.lock_authorization(connection, "a") == asked(client)

    await oauth_store.claim_authorization(connection, "a", user.id)
    await oauth_store.decide_authorization(connection, "a", "approved", "code")

    found = await oauth_store.lock_code(connection, "code")
    assert (found.id, found.user_id, found.status) == ("a", user.id, "approved")
    assert "'code'" not in repr(found)
    assert await oauth_store.lock_code(connection, "other") is None
    await oauth_store.remove_authorization(connection, "a")
    assert await oauth_store.lock_authorization(connection, "a") is None


async def test_requests_that_ran_out_are_forgotten(connection, client):
    await oauth_store.add_authorization(connection, asked(client, "old", AT), AT)
    await oauth_store.add_authorization(connection, asked(client, "new"), LATER)

    assert await oauth_store.lock_authorization(connection, "old") is None
    assert await oauth_store.lock_authorization(connection, "new")


async def test_a_consent_is_the_last_one_and_goes_with_its_sessions(connection, client, user):
    entry = Entry(client_id=client.id, scopes="email")
    session = await auth_store.add_session(connection, user.id, entry, key=b"k", amr=())
    for scopes in ("email", "email profile"):
        await oauth_store.put_consent(connection, user.id, client.id, scopes)

    [consent] = await oauth_store.list_consents(connection, user.id)
    known = await oauth_store.get_consent(connection, user.id, client.id)
    scopes = await oauth_store.get_scopes(connection, session.id)

    assert (consent.client_id, consent.scopes) == (client.id, known)
    assert known == "email profile"
    assert (scopes, await oauth_store.get_scopes(connection, None)) == ("email", "")
    assert await oauth_store.remove_consent(connection, user.id, client.id)
    assert not await oauth_store.remove_consent(connection, user.id, client.id)
    assert await oauth_store.get_consent(connection, user.id, client.id) is None
    assert await auth_store.get_level(connection, session.id, user.id) is None
