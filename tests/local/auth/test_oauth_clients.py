import base64
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request

from atoms_mcp.local.auth import oauth_store
from atoms_mcp.local.auth.errors import AuthError, OAuthShapeError
from atoms_mcp.local.auth.oauth_clients import (
    authenticate,
    describe_client,
    make_client,
    render_client,
)

AT = datetime(2026, 11, 23, tzinfo=UTC)
BACK = "http://127.0.0.1:5/back"


def make(**more):
    return make_client({"redirect_uris": [BACK], **more}, AT)


def test_an_app_that_says_nothing_is_confidential():
    client, secret = make()

    told = render_client(client, secret)
    assert told["client_secret"] == secret
    assert (told["client_type"], told["token_endpoint_auth_method"]) == (
        "confidential",
        "client_secret_basic",
    )
    assert told["grant_types"] == ("authorization_code", "refresh_token")
    assert told["created_at"] == "2026-11-23T00:00:00Z"
    assert secret not in repr(client)
    assert client.secret_hash not in repr(client)


@pytest.mark.parametrize(
    "said", [{"token_endpoint_auth_method": "none"}, {"client_type": "public"}]
)
def test_a_public_app_has_no_secret(said):
    client, secret = make(**said)

    told = render_client(client, secret)
    assert (secret, client.secret_hash) == ("", None)
    assert told["token_endpoint_auth_method"] == "none"
    assert not {"client_secret", "client_name", "client_uri", "logo_uri"} & set(told)


def test_what_people_see_of_it_is_what_it_said():
    client, _ = make(client_name="App", client_uri="https://app.example")

    assert describe_client(client) == {
        "id": str(client.id),
        "name": "App",
        "uri": "https://app.example",
    }


@pytest.mark.parametrize(
    "uri", ["https://a.example/x", "http://localhost:1/", "http://[::1]/", "cursor://anysphere/x"]
)
def test_good_redirect_uris_are_taken(uri):
    assert make(redirect_uris=[uri])[0].redirect_uris == (uri,)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"redirect_uris": []}, "validation_failed"),
        ({"redirect_uris": None}, "validation_failed"),
        ({"redirect_uris": BACK}, "bad_json"),
        ({"redirect_uris": [5]}, "bad_json"),
        ({"redirect_uris": [BACK] * 11}, "validation_failed"),
        ({"redirect_uris": ["http://[::1/"]}, "validation_failed"),
        ({"redirect_uris": ["/relative"]}, "validation_failed"),
        ({"redirect_uris": ["javascript://x/%0aalert(1)"]}, "validation_failed"),
        ({"redirect_uris": ["http://a.example/"]}, "validation_failed"),
        ({"redirect_uris": ["https://a.example/#f"]}, "validation_failed"),
        ({"grant_types": ["password"]}, "validation_failed"),
        ({"client_type": "strange"}, "validation_failed"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "validation_failed"),
        ({"client_type": "public", "token_endpoint_auth_method": "client_secret_post"}, "valid"),
        ({"client_type": "confidential", "token_endpoint_auth_method": "none"}, "valid"),
        ({"client_name": "x" * 1025}, "validation_failed"),
        ({"client_uri": "https://" + "x" * 2048}, "validation_failed"),
        ({"client_uri": "javascript:alert(1)"}, "validation_failed"),
        ({"logo_uri": "x"}, "validation_failed"),
        ({"client_name": 5}, "bad_json"),
    ],
)
def test_a_bad_registration_is_refused(more, code):
    with pytest.raises(AuthError, match=code):
        make(**more)


@pytest.fixture
def show(connection):
    async def ask(*, basic=None, **body):
        headers = {}
        if basic is not None:
            raw = basic if isinstance(basic, bytes) else basic.encode()
            headers["Authorization"] = "Basic " + base64.b64encode(raw).decode()
        request = make_mocked_request("POST", "/", headers=headers)
        return await authenticate(connection, request, body)

    return ask


@pytest.fixture
async def kept(connection):
    """A public app, a confidential one and its secret."""
    public, _ = make(client_type="public")
    confidential, secret = make()
    for client in (public, confidential):
        await oauth_store.add_client(connection, client)
    return public, confidential, secret


async def test_apps_show_who_they_are(show, kept):
    public, confidential, secret = kept

    assert await show(client_id=str(public.id)) == public
    assert await show(client_id=str(confidential.id), client_secret=secret) == confidential
    assert await show(basic=f"{confidential.id}:{secret}") == confidential


async def test_an_app_that_cannot_is_refused(show, kept):
    public, confidential, _ = kept
    attempts = [
        {"client_id": "https://app.example/client.json"},
        {"client_id": "6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11"},
        {"client_id": str(confidential.id)},
        {"client_id": str(confidential.id), "client_secret": "guess\ud800"},
        {"client_id": str(public.id), "client_secret": "of whom?"},
        {"basic": f"{confidential.id}:guess"},
        {"basic": "no colon"},
        {"basic": b"\xff:x"},
    ]

    for attempt in attempts:
        with pytest.raises(AuthError, match="invalid_credentials") as refused:
            await show(**attempt)
        assert refused.value.status == 400


async def test_an_app_that_does_not_say_who_it_is_is_asked(show):
    with pytest.raises(OAuthShapeError, match="invalid_client"):
        await show()


async def test_what_is_no_basic_authentication_is_refused(connection):
    request = make_mocked_request("POST", "/", headers={"Authorization": "Basic ???"})

    with pytest.raises(AuthError, match="invalid_credentials"):
        await authenticate(connection, request, {})
