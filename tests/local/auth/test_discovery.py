import pytest

from atoms_mcp.local.auth.discovery import openid_configuration


@pytest.fixture
async def gateway(make_gateway):
    return await make_gateway()


async def test_the_public_keys_may_be_kept_for_ten_minutes(gateway, ring):
    answer = await gateway.get("/auth/v1/.well-known/jwks.json")

    assert answer.headers["Cache-Control"] == "public, max-age=600"
    assert await answer.json() == ring.jwks()


async def test_the_metadata_may_be_kept_as_long(gateway):
    answer = await gateway.get("/auth/v1/.well-known/openid-configuration")

    told = await answer.json()
    assert answer.headers["Cache-Control"] == "public, max-age=600"
    assert told["jwks_uri"] == told["issuer"] + "/.well-known/jwks.json"


def test_the_metadata_is_about_its_issuer():
    told = openid_configuration("http://here/auth/v1")

    assert told["issuer"] == "http://here/auth/v1"
    assert told["token_endpoint"] == "http://here/auth/v1/oauth/token"
    assert told["id_token_signing_alg_values_supported"] == ["ES256"]


async def test_health_says_what_answers(gateway):
    told = await (await gateway.get("/auth/v1/health")).json()

    assert set(told) == {"version", "name", "description"}
    assert told["name"] == "GoTrue"


async def test_settings_say_that_email_alone_signs_in(gateway):
    told = await (await gateway.get("/auth/v1/settings")).json()

    assert [name for name, is_on in told["external"].items() if is_on] == ["email"]
    assert told["mailer_autoconfirm"] is True
    assert told["disable_signup"] is False


@pytest.mark.parametrize(
    "path",
    [
        "/auth/v1/oauth/authorize",
        "/auth/v1/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/auth/v1",
    ],
)
async def test_the_oauth_server_is_off(gateway, path, told):
    assert await told(await gateway.get(path)) == (404, "feature_disabled")


async def test_the_settings_say_how_the_project_is_set_up(make_gateway):
    async def ask(**switches):
        client = await make_gateway(**switches)
        return await (await client.get("/auth/v1/settings")).json()

    plain = await ask()
    other = await ask(has_signup=False, has_autoconfirm=False, has_demo_provider=True)

    assert (plain["disable_signup"], plain["mailer_autoconfirm"]) == (False, True)
    assert (other["disable_signup"], other["mailer_autoconfirm"]) == (True, False)
    assert plain["external"]["email"] is True
    assert ("demo" in plain["external"], other["external"]["demo"]) == (False, True)


@pytest.mark.parametrize(
    "path",
    ["/.well-known/oauth-authorization-server", "/auth/v1/.well-known/oauth-authorization-server"],
)
async def test_the_oauth_server_is_described_where_there_is_one(make_gateway, told, path):
    on, off = await make_gateway(has_oauth_server=True), await make_gateway()

    metadata = await (await on.get(path)).json()

    assert metadata["registration_endpoint"].endswith("/oauth/clients/register")
    assert await told(await off.get(path)) == (404, "feature_disabled")
    openid = await (await off.get("/auth/v1/.well-known/openid-configuration")).json()
    assert "registration_endpoint" not in openid
