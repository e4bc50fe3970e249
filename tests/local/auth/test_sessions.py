import asyncio
import uuid
from datetime import timedelta

import asyncpg
import pytest
from auth_world import ISSUER

from atoms_mcp.local.auth import sessions as auth_sessions
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.errors import AuthError, OAuthShapeError
from atoms_mcp.local.auth.refresh import REUSE_INTERVAL_S
from atoms_mcp.local.auth.sessions import Sessions
from atoms_mcp.local.auth.store import Entry
from atoms_mcp.local.tokens import read_access_token, read_refresh_token, sign_refresh_token


@pytest.fixture
def sessions(pool, ring, clock):
    return Sessions(pool, ring, ISSUER, clock)


@pytest.fixture
async def user(pool):
    async with pool.acquire() as connection:
        return await auth_store.add_user(connection, f"{uuid.uuid4().hex}@example.com", "hash", {})


@pytest.fixture
def sign_in(pool, sessions, user):
    async def begin():
        async with pool.acquire() as connection, connection.transaction():
            return await sessions.open(connection, user.id, Entry())

    return begin


@pytest.fixture
def execute(pool):
    async def one(sql, *values):
        async with pool.acquire() as connection:
            await connection.execute(sql, *values)

    return one


def session_id(answer):
    return read_refresh_token(answer["refresh_token"]).session_id


def refused(code):
    return pytest.raises(AuthError, match=code)


async def test_an_access_token_says_who_where_and_until_when(sign_in, ring, clock, user):
    answer = await sign_in()

    claims = read_access_token(ring, answer["access_token"], clock())
    assert claims["iss"] == ISSUER
    assert (claims["sub"], claims["email"]) == (str(user.id), user.email)
    assert claims["role"] == claims["aud"] == "authenticated"
    assert claims["session_id"] == str(session_id(answer))
    assert (claims["aal"], claims["amr"][0]["method"]) == ("aal1", "password")
    assert claims["exp"] == answer["expires_at"] == claims["iat"] + answer["expires_in"]
    assert claims["is_anonymous"] is False


async def test_an_access_token_lives_as_long_as_the_project_says(pool, ring, clock, user):
    short = Sessions(pool, ring, ISSUER, clock, life_s=5)

    async with pool.acquire() as connection, connection.transaction():
        answer = await short.open(connection, user.id, Entry())

    claims = read_access_token(ring, answer["access_token"], clock())
    assert answer["expires_in"] == claims["exp"] - claims["iat"] == 5


async def test_a_session_of_an_app_says_so(pool, sessions, ring, clock, user):
    app = uuid.uuid4()
    async with pool.acquire() as connection, connection.transaction():
        entry = Entry(method="oauth", provider="demo", client_id=app, scopes="email")
        answer = await sessions.open(connection, user.id, entry)

    with pytest.raises(OAuthShapeError, match="invalid_client"):
        await sessions.refresh(answer["refresh_token"])
    fresh = await sessions.refresh(answer["refresh_token"], app)

    claims = read_access_token(ring, fresh["access_token"], clock())
    assert (claims["client_id"], claims["scope"]) == (str(app), "email")
    assert claims["amr"][0]["provider"] == "demo"


async def test_a_second_factor_lifts_a_session(pool, sessions, sign_in, ring, clock):
    answer = await sign_in()

    async with pool.acquire() as connection, connection.transaction():
        lifted = await sessions.lift(connection, session_id(answer), "totp")
        again = await sessions.lift(connection, session_id(answer), "totp")

    claims = read_access_token(ring, again["access_token"], clock())
    assert claims["aal"] == "aal2"
    assert [one["method"] for one in claims["amr"]] == ["totp", "password"]
    assert session_id(lifted) == session_id(answer)


async def test_a_session_that_ended_is_not_lifted(pool, sessions):
    async with pool.acquire() as connection, connection.transaction():
        with refused("session_not_found"):
            await sessions.lift(connection, uuid.uuid4(), "totp")


async def test_an_account_that_vanished_in_between_gets_no_session(pool, sessions, user, execute):
    await execute("update auth.users set deleted_at = now() where id = $1", user.id)

    async with pool.acquire() as connection:
        with refused("user_not_found"):
            await sessions.open(connection, user.id, Entry())


async def test_each_refresh_gives_the_next_token(sessions, sign_in):
    tokens = [(await sign_in())["refresh_token"]]
    for _ in range(3):
        tokens.append((await sessions.refresh(tokens[-1]))["refresh_token"])

    assert [read_refresh_token(token).counter for token in tokens] == [0, 1, 2, 3]
    assert len({read_refresh_token(token).session_id for token in tokens}) == 1


async def test_the_parent_is_forgiven_at_any_time(sessions, sign_in, clock):
    first = (await sign_in())["refresh_token"]
    second = (await sessions.refresh(first))["refresh_token"]
    clock.advance(30 * 24 * 3600)

    assert (await sessions.refresh(first))["refresh_token"] == second


async def test_an_older_one_is_forgiven_within_the_interval(sessions, sign_in, clock):
    first = (await sign_in())["refresh_token"]
    third = await sessions.refresh((await sessions.refresh(first))["refresh_token"])
    clock.advance(REUSE_INTERVAL_S - 1)

    assert (await sessions.refresh(first))["refresh_token"] == third["refresh_token"]


async def test_an_older_one_after_the_interval_ends_the_session(sessions, sign_in, clock):
    first = (await sign_in())["refresh_token"]
    third = await sessions.refresh((await sessions.refresh(first))["refresh_token"])
    clock.advance(REUSE_INTERVAL_S + 2)

    with refused("refresh_token_already_used"):
        await sessions.refresh(first)
    with refused("refresh_token_not_found"):
        await sessions.refresh(third["refresh_token"])


async def test_parallel_refreshes_converge(sessions, sign_in):
    first = (await sign_in())["refresh_token"]

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(sessions.refresh(first) for _ in range(10)))

    assert len({answer["refresh_token"] for answer in answers}) == 1


async def test_one_that_waits_too_long_for_another_is_asked_to_try_again(
    pool, sessions, sign_in, monkeypatch
):
    monkeypatch.setattr(auth_sessions, "LOCK_WAIT", "10ms")
    answer = await sign_in()

    async with pool.acquire() as holder, holder.transaction():
        await auth_store.lock_session(holder, session_id(answer))
        with refused("conflict"):
            await sessions.refresh(answer["refresh_token"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("abcdefghijkl", "refresh_token_not_found"),
        ("?", "validation_failed"),
        (sign_refresh_token(uuid.uuid4(), 0, b"k"), "refresh_token_not_found"),
    ],
)
async def test_a_token_that_never_was_is_refused(sessions, text, code):
    with refused(code):
        await sessions.refresh(text)


async def test_a_token_that_another_key_signed_is_not_ours(sessions, sign_in):
    forged = sign_refresh_token(session_id(await sign_in()), 0, b"guessed")

    with refused("Not Issued By This Server"):
        await sessions.refresh(forged)


async def test_a_counter_that_was_never_reached_is_refused(pool, sessions, sign_in):
    known = session_id(await sign_in())
    async with pool.acquire() as connection, connection.transaction():
        key = (await auth_store.lock_session(connection, known)).key

    with refused("refresh_token_not_found"):
        await sessions.refresh(sign_refresh_token(known, 5, key))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            "update auth.users set banned_until = now() + interval '1 h' where id = $1",
            "user_banned",
        ),
        ("update auth.users set deleted_at = now() where id = $1", "refresh_token_not_found"),
        (
            "update auth.sessions set not_after = now() - interval '1 h' where user_id = $1",
            "session_expired",
        ),
    ],
)
async def test_a_session_without_a_right_to_go_on_is_refused(
    sessions, sign_in, execute, user, change, code
):
    answer = await sign_in()
    await execute(change, user.id)

    with refused(code):
        await sessions.refresh(answer["refresh_token"])


async def test_a_session_with_time_left_goes_on(sessions, sign_in, execute, user):
    answer = await sign_in()
    await execute(
        "update auth.sessions set not_after = now() + interval '1 h' where user_id = $1", user.id
    )

    assert await sessions.refresh(answer["refresh_token"])


async def test_a_refused_refresh_changes_nothing(sessions, sign_in, user, execute):
    first = (await sign_in())["refresh_token"]
    ban = "update auth.users set banned_until = now() + $2 where id = $1"
    await execute(ban, user.id, timedelta(hours=1))
    with refused("user_banned"):
        await sessions.refresh(first)
    await execute(ban, user.id, timedelta(hours=-1))

    answer = await sessions.refresh(first)

    assert read_refresh_token(answer["refresh_token"]).counter == 1


async def test_without_a_database_the_error_is_the_databases(ring, clock):
    pool = asyncpg.create_pool(host="/nowhere", min_size=0)

    with pytest.raises((OSError, asyncpg.InterfaceError)):
        await Sessions(pool, ring, ISSUER, clock).refresh(sign_refresh_token(uuid.uuid4(), 0, b"k"))
