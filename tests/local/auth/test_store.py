import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.store import Entry

KEY = b"k" * 32
AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
async def user(connection):
    return await auth_store.add_user(connection, "ann@example.com", "hash", {"full_name": "Ann"})


@pytest.fixture
def add_session(connection, user):
    async def add():
        return await auth_store.add_session(
            connection, user.id, Entry(user_agent="tests", ip="127.0.0.1"), key=KEY, amr=()
        )

    return add


async def test_a_new_account_is_confirmed_and_has_its_identity(user):
    assert user.is_confirmed()
    assert user.password_hash == "hash"
    assert user.app_metadata == {"provider": "email", "providers": ["email"]}
    assert user.user_metadata["full_name"] == "Ann"
    [identity] = user.identities
    assert identity["id"] == identity["user_id"] == str(user.id)
    assert identity["email"] == "ann@example.com"


async def test_what_a_user_says_does_not_replace_what_is_known(connection):
    user = await auth_store.add_user(connection, "eve@example.com", "hash", {"email": "x@y.z"})

    assert user.user_metadata["email"] == "eve@example.com"


async def test_an_account_is_found_by_id_and_address(connection, user):
    assert await auth_store.get_user(connection, user.id) == user
    assert await auth_store.get_user_by_email(connection, "ann@example.com") == user
    assert await auth_store.get_user(connection, uuid.uuid4()) is None
    assert await auth_store.get_user_by_email(connection, "nobody@example.com") is None


async def test_a_deleted_account_is_not_found(connection, user):
    await connection.execute("update auth.users set deleted_at = now() where id = $1", user.id)

    assert await auth_store.get_user(connection, user.id) is None
    assert await auth_store.get_user_by_email(connection, "ann@example.com") is None


@pytest.mark.usefixtures("user")
async def test_an_address_belongs_to_one_account(connection):
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await auth_store.add_user(connection, "ann@example.com", "hash", {})

    assert refused.value.constraint_name == "users_email_partial_key"


async def test_only_what_is_given_changes(connection, user):
    changed = await auth_store.change_user(
        connection, user.id, email=None, password_hash=None, data={"full_name": None, "x": [1]}
    )

    assert changed.email == user.email
    assert changed.password_hash == user.password_hash
    assert "full_name" not in changed.user_metadata
    assert changed.user_metadata["x"] == [1]


async def test_address_and_password_change_together(connection, user):
    changed = await auth_store.change_user(
        connection, user.id, email="new@example.com", password_hash="other", data={}
    )

    assert (changed.email, changed.password_hash) == ("new@example.com", "other")
    assert changed.identities[0]["email"] == "new@example.com"


async def test_a_sign_in_leaves_its_time(connection, user):
    await auth_store.note_sign_in(connection, user.id)

    noted = await auth_store.get_user(connection, user.id)
    assert "last_sign_in_at" in noted.times
    assert noted.identities[0]["last_sign_in_at"]


async def test_a_session_moves_on(connection, add_session):
    session = await add_session()

    await auth_store.advance_session(connection, session.id, AT)

    moved = await auth_store.lock_session(connection, session.id)
    assert (session.counter, moved.counter) == (0, 1)
    assert moved.refreshed_at == AT
    assert moved.key == KEY
    assert "kkk" not in repr(moved)


async def test_a_session_that_never_was_is_none(connection):
    assert await auth_store.lock_session(connection, uuid.uuid4()) is None


async def test_a_session_is_its_users_alone(connection, user, add_session):
    session = await add_session()

    assert await auth_store.get_level(connection, session.id, user.id) == "aal1"
    assert await auth_store.get_level(connection, session.id, uuid.uuid4()) is None


async def test_sessions_end_alone_or_together(connection, user, add_session):
    first, second, third = [await add_session() for _ in range(3)]

    async def living():
        return {
            one.id
            for one in (first, second, third)
            if await auth_store.get_level(connection, one.id, user.id)
        }

    await auth_store.end_session(connection, first.id)
    assert await living() == {second.id, third.id}
    await auth_store.end_sessions(connection, user.id, keep=third.id)
    assert await living() == {third.id}
    await auth_store.end_sessions(connection, user.id)
    assert await living() == set()
