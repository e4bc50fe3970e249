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
