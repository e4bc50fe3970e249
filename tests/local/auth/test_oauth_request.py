import uuid
from datetime import UTC, datetime

import pytest

from atoms_mcp.local.auth.oauth_request import RequestError, read_request
from atoms_mcp.local.auth.oauth_store import PUBLIC, Client

AT = datetime(2026, 11, 23, tzinfo=UTC)
BACK = "http://127.0.0.1:5/back"
CLIENT = Client(
    id=uuid.UUID("6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11"),
    kind=PUBLIC,
    auth_method="none",
    redirect_uris=(BACK,),
    grant_types=("authorization_code",),
    name="",
    uri="",
    logo_uri="",
    created_at=AT,
    updated_at=AT,
    secret_hash=None,
)
GOOD = {"redirect_uri": BACK, "code_challenge": "c" * 43, "code_challenge_method": "S256"}


def read(**more):
    return read_request({**GOOD, **more}, CLIENT, authorization_id="a", until=AT)


def test_a_request_is_kept_as_it_was_asked():
    asked = read(
        response_type="code",
        scope="openid email",
        state="s",
        resource="https://mcp.example/mcp",
        nonce="n",
    )

    assert (asked.id, asked.client_id, asked.expires_at) == ("a", CLIENT.id, AT)
    assert (asked.scope, asked.state, asked.nonce) == ("openid email", "s", "n")
    assert asked.resource == "https://mcp.example/mcp"
    assert (asked.challenge.value, asked.challenge.method) == ("c" * 43, "s256")
    assert (asked.status, asked.user_id, asked.code) == ("pending", None, None)


def test_what_is_not_said_is_none_and_the_scope_is_the_address():
    asked = read(response_type="", scope=" ", state="")

    assert (asked.scope, asked.state, asked.resource, asked.nonce) == ("email", None, None, None)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"response_type": "token"}, "response_type"),
        ({"scope": "email atoms:read"}, "unsupported scope: atoms:read"),
        ({"code_challenge": ""}, "PKCE"),
        ({"code_challenge_method": ""}, "PKCE"),
        ({"code_challenge_method": "md5"}, "S256"),
        ({"code_challenge": "c" * 42}, "43"),
        ({"code_challenge": "c" * 129}, "128"),
        ({"resource": "mcp"}, "absolute"),
        ({"resource": "https://a/#f"}, "fragment"),
        ({"resource": "https://a/?q=1"}, "query"),
        ({"resource": "https://[::1/"}, "valid URI"),
    ],
)
def test_a_bad_request_says_what_is_wrong(more, wrong):
    with pytest.raises(RequestError, match=wrong):
        read(**more)
