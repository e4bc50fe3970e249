import uuid
from datetime import timedelta

import pytest
from auth_world import ANON_KEY, PASSWORD, Person

from atoms_mcp.local.auth.limits import Buckets, Limits
from atoms_mcp.local.tokens import sign_access_token

LONG = "x" * 73


async def test_signing_up_gives_a_session_and_a_whole_user(person):
    answer = await person.sign_up(data={"full_name": "Ann"})

    user = answer["user"]
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 3600
    assert user["email"] == person.email
    assert user["user_metadata"]["full_name"] == "Ann"
    assert user["identities"][0]["identity_data"]["email"] == person.email
    assert user["created_at"].endswith("Z")
    assert "phone_confirmed_at" not in user


async def test_an_address_is_kept_in_lower_case_and_taken_in_any(person, told):
    await person.sign_up()

    shouted = Person(person.client, person.email.upper())

    assert (await shouted.sign_in()).status == 200
    taken = await shouted.post("/signup", {"email": shouted.email, "password": PASSWORD})
    assert await told(taken) == (422, "user_already_exists")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"email": "a@example.com"}, 400, "validation_failed"),
        ({"email": "a@example.com", "password": LONG}, 400, "validation_failed"),
        ({"email": "a@example.com", "password": "short"}, 422, "weak_password"),
        ({"email": "no address", "password": PASSWORD}, 400, "validation_failed"),
        ({"phone": "123", "password": PASSWORD}, 422, "phone_provider_disabled"),
        ({"email": "a@b.c", "phone": "1", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": 5, "password": PASSWORD}, 400, "bad_json"),
        ({"email": "a@b.c", "password": PASSWORD, "data": []}, 400, "bad_json"),
        (
            {"email": "a@b.example", "password": PASSWORD, "data": {"nul": "\0"}},
            400,
            "validation_failed",
        ),
    ],
)
async def test_a_bad_sign_up_says_what_is_wrong(person, told, body, status, code):
    assert await told(await person.post("/signup", body)) == (status, code)


async def test_a_trigger_of_the_project_may_refuse_an_account(person, pool):
    async with pool.acquire() as connection:
        await connection.execute("""
            create or replace function auth.refuse() returns trigger language plpgsql as
              $$ begin raise exception 'no %', new.email using hint = 'Ask.'; end $$;
            create trigger refuse before insert on auth.users for each row
              when (new.email like 'refused-%') execute function auth.refuse();
            create table auth.once (name text unique);
            insert into auth.once values ('taken');
            create function auth.collide() returns trigger language plpgsql as
              $$ begin insert into auth.once values ('taken'); return new; end $$;
            create trigger collide before insert or update of email on auth.users for each row
              when (new.email like 'collide-%') execute function auth.collide();
        """)
    try:
        refused = await person.post(
            "/signup", {"email": "refused-1@example.com", "password": PASSWORD}
        )
        collided = await person.post(
            "/signup", {"email": "collide-1@example.com", "password": PASSWORD}
        )
        token = (await person.sign_up())["access_token"]
        moved = await person.put("/user", {"email": "collide-2@example.com"}, token)
        told = await refused.json()
    finally:
        async with pool.acquire() as connection:
            await connection.execute("""
                drop trigger refuse on auth.users; drop function auth.refuse();
                drop trigger collide on auth.users; drop function auth.collide();
                drop table auth.once;
            """)

    assert refused.status == 500
    assert told == {
        "code": "P0001",
        "message": "no refused-1@example.com",
        "hint": "Ask.",
        "detail": None,
    }
    assert (collided.status, (await collided.json())["code"]) == (500, "23505")
    assert (moved.status, (await moved.json())["code"]) == (500, "23505")


@pytest.mark.parametrize("password", ["wrong", "", LONG])
async def test_a_wrong_password_is_told_like_an_unknown_address(person, password):
    await person.sign_up()
    stranger = Person(person.client, f"{uuid.uuid4().hex}@example.com")

    wrong = await person.post(
        "/token?grant_type=password", {"email": person.email, "password": password}
    )
    unknown = await stranger.sign_in()

    assert wrong.status == unknown.status == 400
    assert await wrong.json() == await unknown.json()


async def test_an_address_that_no_database_can_hold_is_unknown(person, told):
    answer = await Person(person.client, "a\0b@example.com").sign_in()

    assert await told(answer) == (400, "invalid_credentials")


@pytest.mark.parametrize(
    ("grant", "body", "status", "code"),
    [
        ("password", {"password": "x"}, 400, "validation_failed"),
        ("pkce", {"auth_code": "x"}, 400, "validation_failed"),
        ("pkce", {"auth_code": "x", "code_verifier": "y"}, 404, "flow_state_not_found"),
        ("id_token", {"id_token": "x"}, 422, "provider_disabled"),
        ("web3", {}, 400, "invalid_credentials"),
    ],
)
async def test_other_grants_are_refused_as_what_they_are(person, told, grant, body, status, code):
    assert await told(await person.post(f"/token?grant_type={grant}", body)) == (status, code)


async def test_refreshing_is_another_grant_of_the_same_endpoint(person):
    session = await person.sign_up()

    answer = await person.refresh(session["refresh_token"])

    assert answer.status == 200
    assert (await answer.json())["refresh_token"] != session["refresh_token"]


@pytest.mark.parametrize("grant", ["id_token", "refresh_token"])
async def test_a_missing_token_is_told_in_the_shape_of_oauth(person, grant):
    answer = await person.post(f"/token?grant_type={grant}", {})

    assert answer.status == 400
    assert set(await answer.json()) == {"error", "error_description"}


async def ban(pool, email, interval):
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set banned_until = now() + $2 where email = $1", email, interval
        )


async def test_the_banned_are_out_at_once_and_back_in_time(person, pool, told):
    session = await person.sign_up()
    await ban(pool, person.email, timedelta(hours=1))

    assert await told(await person.sign_in("even a wrong one")) == (400, "user_banned")
    assert await told(await person.get("/user", session["access_token"])) == (403, "user_banned")

    await ban(pool, person.email, timedelta(hours=-1))
    assert (await person.sign_in()).status == 200


async def test_the_right_password_of_an_unconfirmed_address_says_so(person, pool, told):
    await person.sign_up()
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set email_confirmed_at = null where email = $1", person.email
        )

    assert await told(await person.sign_in()) == (400, "email_not_confirmed")
    assert await told(await person.sign_in("wrong")) == (400, "invalid_credentials")


@pytest.mark.parametrize("scheme", ["", "Bearer", "Bearer ", "Basic eDp5"])
async def test_without_a_bearer_token_there_is_no_user(person, told, scheme):
    answer = await person.client.get("/auth/v1/user", headers={"Authorization": scheme})

    assert await told(answer) == (401, "no_authorization")


async def test_a_bad_token_is_forbidden_not_unauthorized(person, clock, told):
    token = (await person.sign_up())["access_token"]

    assert await told(await person.get("/user", "x.y.z")) == (403, "bad_jwt")
    assert await told(await person.get("/user", ANON_KEY)) == (403, "bad_jwt")
    clock.advance(3601)
    assert await told(await person.get("/user", token)) == (403, "bad_jwt")


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({}, 403, "bad_jwt"),
        ({"sub": "ann"}, 400, "bad_jwt"),
        ({"sub": 5}, 400, "bad_jwt"),
        ({"sub": str(uuid.uuid4()), "aud": "others"}, 400, "validation_failed"),
        ({"sub": str(uuid.uuid4()), "aud": ["others"]}, 400, "validation_failed"),
        ({"sub": str(uuid.uuid4()), "aud": "authenticated"}, 403, "user_not_found"),
        ({"sub": str(uuid.uuid4()), "aud": ["authenticated", "x"]}, 403, "user_not_found"),
    ],
)
async def test_claims_have_to_name_a_user_of_ours(person, ring, told, claims, status, code):
    token = sign_access_token(ring, claims)

    assert await told(await person.get("/user", token)) == (status, code)


async def test_a_token_without_a_session_counts_while_its_account_lives(person, ring):
    user = (await person.sign_up())["user"]
    token = sign_access_token(ring, {"sub": user["id"], "aud": "authenticated"})

    assert (await person.get("/user", token)).status == 200
    assert (await person.post("/logout?scope=local", token=token)).status == 204


@pytest.mark.parametrize(
    ("scope", "here", "there"),
    [("local", 403, 200), ("others", 200, 403), ("global", 403, 403), (None, 403, 403)],
)
async def test_logout_ends_what_its_scope_says(person, scope, here, there):
    first = (await person.sign_up())["access_token"]
    second = (await (await person.sign_in()).json())["access_token"]

    answer = await person.post("/logout" + (f"?scope={scope}" if scope else ""), token=first)

    assert (answer.status, await answer.read()) == (204, b"")
    assert (await person.get("/user", first)).status == here
    assert (await person.get("/user", second)).status == there


async def test_an_unknown_logout_scope_ends_nothing(person, told):
    token = (await person.sign_up())["access_token"]

    refused = await person.post("/logout?scope=all", token=token)

    assert await told(refused) == (400, "validation_failed")
    assert (await person.get("/user", token)).status == 200


async def test_a_new_password_ends_the_other_sessions(person, told):
    here = (await person.sign_up())["access_token"]
    there = (await (await person.sign_in()).json())["access_token"]

    changed = await person.put("/user", {"password": "another one"}, here)

    assert changed.status == 200
    assert (await person.get("/user", here)).status == 200
    assert await told(await person.get("/user", there)) == (403, "session_not_found")
    assert (await person.sign_in()).status == 400
    assert (await person.sign_in("another one")).status == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"password": PASSWORD}, 422, "same_password"),
        ({"password": "short"}, 422, "weak_password"),
        ({"password": "long enough", "current_password": "?"}, 400, "current_password_invalid"),
        ({"phone": "123"}, 422, "phone_provider_disabled"),
        ({"email": "no address"}, 400, "validation_failed"),
    ],
)
async def test_a_bad_change_changes_nothing(person, told, body, status, code):
    token = (await person.sign_up())["access_token"]

    assert await told(await person.put("/user", body, token)) == (status, code)
    assert (await person.sign_in()).status == 200


async def test_the_current_password_may_come_along(person):
    token = (await person.sign_up())["access_token"]
    body = {"password": "another one", "current_password": PASSWORD}

    assert (await person.put("/user", body, token)).status == 200


async def test_data_is_merged_and_a_null_removes(person):
    token = (await person.sign_up(data={"a": 1, "b": 2}))["access_token"]

    user = await (await person.put("/user", {"data": {"b": None, "c": 3}}, token)).json()

    kept = {name: user["user_metadata"].get(name) for name in "abc"}
    assert kept == {"a": 1, "b": None, "c": 3}
    assert "b" not in user["user_metadata"]


async def test_a_new_address_is_the_users_and_the_identitys(person, told):
    other = Person(person.client, f"{uuid.uuid4().hex}@example.com")
    await other.sign_up()
    token = (await person.sign_up())["access_token"]
    new = f"{uuid.uuid4().hex}@example.com"

    taken = await person.put("/user", {"email": other.email}, token)
    user = await (await person.put("/user", {"email": new.upper()}, token)).json()

    assert await told(taken) == (422, "email_exists")
    assert user["email"] == new
    assert user["identities"][0]["identity_data"]["email"] == new


async def test_each_kind_of_request_has_a_bucket_of_its_own(make_gateway, told):
    one = {"rate": "1 per 5 minute", "burst": 1}
    limits = Limits(token=Buckets(**one), signup=Buckets(**one), user=Buckets(**one))
    person = Person(await make_gateway(limits), f"{uuid.uuid4().hex}@example.com")

    token = (await person.sign_up())["access_token"]
    assert (await person.sign_in()).status == 200
    assert (await person.put("/user", {}, token)).status == 200

    for answer in (
        await person.post("/signup", {}),
        await person.sign_in(),
        await person.refresh("x"),
        await person.put("/user", {}, token),
    ):
        assert await told(answer) == (429, "over_request_rate_limit")
    assert (await person.get("/user", token)).status == 200
