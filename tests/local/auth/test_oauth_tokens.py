from datetime import timedelta

import jwt
import pytest
from oauth_world import BACK, App

from atoms_mcp.local.auth.limits import Buckets, Limits


@pytest.fixture
async def app(somebody):
    """A registered app before a person who is signed in at the site."""
    person = await somebody(has_oauth_server=True)
    made = App(person, (await person.sign_up())["access_token"])
    await made.register()
    return made


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


async def oauth_error(answer):
    return answer.status, (await answer.json())["error"]


async def test_a_code_is_tokens_for_this_app_once(app):
    code = await app.approved(scope="email profile")

    answer = await app.redeem(code, redirect_uri=BACK)

    tokens = await answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    claims = claims_of(tokens["access_token"])
    assert (claims["client_id"], claims["scope"]) == (app.id, "email profile")
    assert claims["aal"] == "aal1"
    assert await oauth_error(await app.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"code": "x"}, "invalid_grant"),
        ({"code": ""}, "invalid_request"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": f"{BACK}/"}, "invalid_grant"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"client_id": ""}, "invalid_client"),
    ],
)
async def test_what_does_not_fit_is_refused_and_the_code_still_counts(app, more, error):
    code = await app.approved()

    refused = await app.redeem(**{"code": code, **more})

    assert await oauth_error(refused) == (400, error)
    assert (await app.redeem(code)).status == 200


async def test_another_apps_code_is_refused(app):
    code = await app.approved()
    other = App(app.person, app.token)
    await other.register()

    assert await oauth_error(await other.redeem(code)) == (400, "invalid_grant")


async def test_a_code_ends_with_its_request(app, clock):
    code = await app.approved()
    clock.advance(601)

    assert await oauth_error(await app.redeem(code)) == (400, "invalid_grant")


async def test_the_resource_is_looked_at_in_json_alone(app):
    code = await app.approved(resource="https://mcp.example/mcp")
    body = {
        "grant_type": "authorization_code",
        "client_id": app.id,
        "code": code,
        "code_verifier": "v" * 43,
        "resource": "https://other.example/",
    }

    refused = await app.send("post", "/oauth/token", json=body)
    taken = await app.redeem(code, resource="https://other.example/")

    assert await oauth_error(refused) == (400, "invalid_grant")
    assert taken.status == 200


async def test_of_a_doubled_member_of_a_form_the_first_counts(app):
    code = await app.approved()
    form = [("grant_type", "authorization_code"), ("client_id", app.id), ("code", code)]
    form += [("code_verifier", "v" * 43), ("code_verifier", "x")]

    assert (await app.send("post", "/oauth/token", data=form)).status == 200


async def test_the_banned_and_the_gone_get_nothing(app, pool):
    code = await app.approved()
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set banned_until = now() + $2 where email = $1",
            app.person.email,
            timedelta(hours=1),
        )
    assert await oauth_error(await app.redeem(code)) == (400, "access_denied")
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set deleted_at = now() where email = $1", app.person.email
        )
    assert await oauth_error(await app.redeem(code)) == (400, "invalid_grant")


async def test_a_refresh_token_is_its_apps(app, told):
    tokens = await (await app.redeem(await app.approved())).json()
    own = await (await app.person.sign_in()).json()
    other = App(app.person, app.token)
    await other.register()

    async def refresh(who, token):
        form = {"grant_type": "refresh_token", "client_id": who.id, "refresh_token": token}
        return await app.send("post", "/oauth/token", data=form)

    assert await oauth_error(await refresh(other, tokens["refresh_token"])) == (
        400,
        "invalid_client",
    )
    assert await oauth_error(await refresh(app, own["refresh_token"])) == (400, "invalid_client")
    elsewhere = await app.person.refresh(tokens["refresh_token"])
    assert await oauth_error(elsewhere) == (400, "invalid_client")
    fresh = await (await refresh(app, tokens["refresh_token"])).json()
    assert claims_of(fresh["access_token"])["client_id"] == app.id
    assert await told(await refresh(app, "abcdefghijkl")) == (400, "refresh_token_not_found")


async def test_an_app_uses_the_grants_that_it_registered_for(app):
    await app.register(grant_types=["authorization_code"])
    tokens = await (await app.redeem(await app.approved())).json()
    form = {
        "grant_type": "refresh_token",
        "client_id": app.id,
        "refresh_token": tokens["refresh_token"],
    }

    refused = await app.send("post", "/oauth/token", data=form)

    assert await oauth_error(refused) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(("nonce", "told"), [("n1", "n1"), ("", None)])
async def test_who_it_is_comes_along_where_that_was_asked(app, nonce, told):
    code = await app.approved(scope="openid email", nonce=nonce)

    tokens = await (await app.redeem(code)).json()

    claims = claims_of(tokens["id_token"])
    assert (claims["aud"], claims.get("nonce")) == (app.id, told)
    assert (claims["email"], claims["email_verified"]) == (app.person.email, True)
    assert claims["exp"] - claims["iat"] == 3600


async def test_what_is_told_of_a_user_is_what_the_scopes_allow(app):
    tokens = await (await app.redeem(await app.approved(scope="profile"))).json()

    app_sees = await (await app.person.get("/oauth/userinfo", tokens["access_token"])).json()
    page_sees = await (await app.person.get("/oauth/userinfo", app.token)).json()

    assert app_sees == {"sub": page_sees["sub"], "name": app.person.email}
    assert set(page_sees) == {"sub"}


async def test_asking_for_tokens_is_counted(somebody, told):
    person = await somebody(Limits(token=Buckets("1 per hour", burst=1)), has_oauth_server=True)
    app = App(person)
    await app.send("post", "/oauth/token", data={})

    answer = await app.send("post", "/oauth/token", data={})

    assert await told(answer) == (429, "over_request_rate_limit")
