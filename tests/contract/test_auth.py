"""Auth as clients of Supabase know it, judged by the official Python client."""

import asyncio

import pytest
from supabase_auth.errors import AuthApiError

PASSWORD = "brave-heron-17"
WAIT_S = 5
SHAPE_B = {"X-Supabase-Api-Version": "2024-01-01"}


def bearer(client_session):
    return {"Authorization": f"Bearer {client_session.access_token}"}


async def session_of(client):
    return await client.auth.get_session()


@pytest.fixture
def refresh(project, raw):
    """Ask for new tokens as a plain client, without what the official one remembers."""

    def ask(token):
        return raw.post(
            f"{project.auth_url}/token?grant_type=refresh_token", json={"refresh_token": token}
        )

    return ask


async def test_signing_up_signs_in_where_addresses_need_no_confirmation(
    connect, project, raw, new_address
):
    is_confirmed = raw.get(f"{project.auth_url}/settings").json()["mailer_autoconfirm"]
    address = new_address()
    client = await connect()

    answer = await client.auth.sign_up(
        {"email": address, "password": PASSWORD, "options": {"data": {"full_name": "Ann"}}}
    )

    assert answer.user.email == address
    assert answer.user.user_metadata["full_name"] == "Ann"
    assert [identity.provider for identity in answer.user.identities] == ["email"]
    assert (answer.session is not None) == is_confirmed


async def test_signing_in_gives_a_session_of_the_account(connect, account):
    client = await connect()

    answer = await client.auth.sign_in_with_password(account.credentials)

    assert answer.user.email == account.email
    assert answer.session.token_type == "bearer"
    assert answer.session.expires_in > 0
    assert answer.user.aud == answer.user.role == "authenticated"


async def test_a_wrong_password_is_told_as_such_and_no_more(connect, account):
    client = await connect()

    with pytest.raises(AuthApiError, match="Invalid login credentials") as refused:
        await client.auth.sign_in_with_password({"email": account.email, "password": "wrong"})

    assert refused.value.status == 400
    assert refused.value.code == "invalid_credentials"


def test_an_unknown_address_and_an_empty_password_are_told_the_same(
    project, raw, account, new_address
):
    url = f"{project.auth_url}/token?grant_type=password"

    unknown = raw.post(url, json={"email": new_address(), "password": account.password})
    empty = raw.post(url, json={"email": account.email, "password": ""})

    assert unknown.status_code == empty.status_code == 400
    assert unknown.json() == empty.json()
    assert unknown.json()["error_code"] == "invalid_credentials"


async def test_claims_are_checked_and_read(connect, account):
    client = await connect(account)

    claims = (await client.auth.get_claims())["claims"]
    user = (await client.auth.get_user()).user

    assert claims["sub"] == user.id
    assert claims["email"] == account.email
    assert claims["role"] == claims["aud"] == "authenticated"
    assert claims["iss"].endswith("/auth/v1")
    assert claims["session_id"]
    assert claims["amr"][0]["method"] == "password"
    assert claims["exp"] > claims["iat"]


async def test_a_changed_signature_does_not_pass_for_a_user(connect, account, project, raw):
    token = (await session_of(await connect(account))).access_token
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{'A' * len(signature)}"

    answer = raw.get(f"{project.auth_url}/user", headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 403
    assert answer.json()["error_code"] == "bad_jwt"


async def test_refreshing_gives_another_refresh_token_for_the_same_session(connect, account):
    client = await connect(account)
    before = await session_of(client)
    claims_before = (await client.auth.get_claims())["claims"]

    after = (await client.auth.refresh_session()).session

    claims_after = (await client.auth.get_claims(after.access_token))["claims"]
    assert after.refresh_token != before.refresh_token
    assert claims_after["session_id"] == claims_before["session_id"]


async def test_the_parent_of_the_current_refresh_token_gives_the_current_one(
    connect, account, refresh
):
    first = (await session_of(await connect(account))).refresh_token

    once = refresh(first).json()
    twice = refresh(first).json()

    assert once["refresh_token"] == twice["refresh_token"] != first


async def test_parallel_refreshes_converge_on_one_refresh_token(connect, account):
    clients = [await connect() for _ in range(5)]
    token = (await session_of(await connect(account))).refresh_token

    async with asyncio.timeout(WAIT_S):
        answers = await asyncio.gather(*(client.auth.refresh_session(token) for client in clients))

    assert len({answer.session.refresh_token for answer in answers}) == 1
    assert {answer.user.email for answer in answers} == {account.email}


@pytest.mark.parametrize(
    ("token", "codes"),
    [
        pytest.param("abcdefghijkl", {"refresh_token_not_found"}, id="unknown"),
        pytest.param("?", {"validation_failed", "refresh_token_not_found"}, id="garbage"),
    ],
)
def test_a_token_that_never_was_is_refused(refresh, token, codes):
    answer = refresh(token)

    assert answer.status_code == 400
    assert answer.json()["error_code"] in codes


async def test_local_logout_ends_this_session_only(connect, account, project, raw, refresh):
    here, there = await connect(account), await connect(account)
    ended = await session_of(here)

    await here.auth.sign_out({"scope": "local"})

    gone = raw.get(f"{project.auth_url}/user", headers=bearer(ended))
    assert (gone.status_code, gone.json()["error_code"]) == (403, "session_not_found")
    assert refresh(ended.refresh_token).json()["error_code"] == "refresh_token_not_found"
    assert (await there.auth.get_user()).user.email == account.email


async def test_logout_of_others_keeps_this_session(connect, account, project, raw):
    here, there = await connect(account), await connect(account)
    elsewhere = await session_of(there)

    await here.auth.sign_out({"scope": "others"})

    assert raw.get(f"{project.auth_url}/user", headers=bearer(elsewhere)).status_code == 403
    assert (await here.auth.get_user()).user.email == account.email


async def test_global_logout_ends_every_session(connect, account, project, raw):
    here, there = await connect(account), await connect(account)
    sessions = [await session_of(here), await session_of(there)]

    await here.auth.sign_out({"scope": "global"})

    statuses = [
        raw.get(f"{project.auth_url}/user", headers=bearer(one)).status_code for one in sessions
    ]
    assert statuses == [403, 403]


async def test_an_unknown_logout_scope_is_refused(connect, account, project, raw):
    session = await session_of(await connect(account))

    answer = raw.post(f"{project.auth_url}/logout?scope=all", headers=bearer(session))

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")


async def test_users_change_what_they_say_about_themselves(connect, account):
    client = await connect(account)

    await client.auth.update_user({"data": {"nickname": "Ann", "colour": "red"}})
    changed = (await client.auth.update_user({"data": {"colour": None}})).user

    assert changed.user_metadata["nickname"] == "Ann"
    assert "colour" not in changed.user_metadata


async def test_a_new_password_ends_the_other_sessions(connect, account, project, raw):
    here, there = await connect(account), await connect(account)
    elsewhere = await session_of(there)
    other = f"another-{PASSWORD}"

    await here.auth.update_user({"password": other})
    try:
        assert raw.get(f"{project.auth_url}/user", headers=bearer(elsewhere)).status_code == 403
        assert (await here.auth.get_user()).user.email == account.email
        with pytest.raises(AuthApiError, match="Invalid login credentials"):
            await connect(account)
    finally:
        await here.auth.update_user({"password": account.password})


async def test_the_same_password_is_no_new_one(connect, account):
    client = await connect(account)

    with pytest.raises(AuthApiError) as refused:
        await client.auth.update_user({"password": account.password})

    assert (refused.value.status, refused.value.code) == (422, "same_password")


def test_errors_have_the_shape_of_the_version_asked_for(project, raw, account):
    url = f"{project.auth_url}/token?grant_type=password"
    wrong = {"email": account.email, "password": "wrong"}

    old = raw.post(url, json=wrong)
    new = raw.post(url, json=wrong, headers=SHAPE_B)

    assert old.json() == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }
    assert new.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert new.headers["x-supabase-api-version"] == "2024-01-01"
    assert "x-supabase-api-version" not in old.headers


def test_without_a_token_nobody_is_told(project, raw):
    answer = raw.get(f"{project.auth_url}/user")

    assert (answer.status_code, answer.json()["error_code"]) == (401, "no_authorization")


def test_the_key_of_the_project_is_nobody(project, raw):
    headers = {"Authorization": f"Bearer {project.anon_key}"}

    answer = raw.get(f"{project.auth_url}/user", headers=headers)

    assert (answer.status_code, answer.json()["error_code"]) == (403, "bad_jwt")


def test_without_the_key_of_the_project_nothing_is_answered(project, raw):
    raw.headers.pop("apikey")

    answer = raw.get(f"{project.auth_url}/user")

    assert answer.status_code == 401
    assert "message" in answer.json()


def test_the_public_keys_are_open_and_may_be_kept(project, raw):
    raw.headers.pop("apikey")

    answer = raw.get(f"{project.auth_url}/.well-known/jwks.json")

    assert answer.status_code == 200
    assert "max-age=600" in answer.headers["cache-control"]
    assert all("d" not in key and "k" not in key for key in answer.json()["keys"])


def test_the_metadata_names_the_issuer_and_its_keys(project, raw):
    told = raw.get(f"{project.auth_url}/.well-known/openid-configuration").json()

    assert told["issuer"] == project.auth_url
    assert told["jwks_uri"].endswith("/.well-known/jwks.json")


def test_health_and_settings_answer(project, raw):
    assert raw.get(f"{project.auth_url}/health").json()["name"] == "GoTrue"
    assert raw.get(f"{project.auth_url}/settings").json()["external"]["email"] is True
