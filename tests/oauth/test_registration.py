import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.registration import parse_registration

SCHEMES = ("cursor",)
URI = "https://client.example.org/callback"
VS_CODE = [
    "https://insiders.vscode.dev/redirect",
    "https://vscode.dev/redirect",
    "http://127.0.0.1/",
    "http://127.0.0.1:33418/",
]
CURSOR = [
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "https://www.cursor.com/agents/mcp/oauth/callback",
    "http://localhost:8787/callback",
]


def register(**metadata):
    return parse_registration({"redirect_uris": [URI]} | metadata, SCHEMES)


def refuse(**metadata):
    with pytest.raises(OAuthError) as caught:
        register(**metadata)
    assert caught.value.status == 400
    return caught.value


def test_the_request_of_the_rfc_is_registered():
    # RFC 7591 section 3.1.
    registration = register(
        client_name="My Example Client",
        **{"client_name#ja-Jpan-JP": "クライアント名"},
        token_endpoint_auth_method="client_secret_basic",
        logo_uri="https://client.example.org/logo.png",
        jwks_uri="https://client.example.org/my_public_keys.jwks",
        example_extension_parameter="example_value",
    )

    assert registration.name == "My Example Client"
    assert registration.redirect_uris == (URI,)
    assert registration.auth_method == "client_secret_basic"


def test_the_answer_says_what_was_registered():
    registration = register(redirect_uris=VS_CODE, client_name="VS Code", scope="atoms:read")

    assert registration.render("id", 1_700_000_000, None) == {
        "client_id": "id",
        "client_id_issued_at": 1_700_000_000,
        "client_name": "VS Code",
        "redirect_uris": VS_CODE,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": "atoms:read",
    }
    with_secret = registration.render("id", 1_700_000_000, "a-secret")
    assert (with_secret["client_secret"], with_secret["client_secret_expires_at"]) == (
        "a-secret",
        0,
    )


@pytest.mark.parametrize("uris", [VS_CODE, CURSOR, [URI] * 10])
def test_several_redirect_uris_come_in_one_request(uris):
    assert register(redirect_uris=uris).redirect_uris == tuple(uris)


@pytest.mark.parametrize(
    "uris", [None, "", [], URI, [URI, 1], [None], {"a": URI}, 1, [[URI]], [URI] * 11]
)
def test_redirect_uris_are_a_list_of_one_to_ten(uris):
    assert refuse(redirect_uris=uris).error == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "bad",
    [
        "http://evil.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://c.example/cb#x",
        "https://u:p@c.example/cb",
        "windsurf://cb",
        "https://c.example/" + "a" * 2048,
        "https://c.example/\r\n",
        "",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_redirect_uri_fails_all_and_is_named(bad, place):
    uris = [URI, "http://localhost/cb"]
    uris.insert(place, bad)

    refused = refuse(redirect_uris=uris)

    assert refused.error == "invalid_redirect_uri"
    assert f"(number {place + 1})" in refused.description
    assert len(refused.description) < 400


def test_what_does_not_matter_is_ignored():
    plain = register()

    assert plain == register(
        application_type="web",
        client_uri="http://127.0.0.1/",
        software_id="x",
        software_version=[1, {"a": None}],
        contacts="nobody",
        jwks={"keys": []},
    )


@pytest.mark.parametrize("nothing", [None, ""])
def test_members_without_a_value_count_as_left_out(nothing):
    names = (
        "client_name",
        "scope",
        "token_endpoint_auth_method",
        "grant_types",
        "response_types",
        "client_uri",
        "logo_uri",
    )

    assert register(**dict.fromkeys(names, nothing)) == register()


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        ["authorization_code"],
        ["refresh_token", "authorization_code"],
        ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        ["authorization_code", 1, {}],
    ],
)
def test_unknown_grant_types_are_ignored_beside_ours(kinds):
    assert register(grant_types=kinds) == register()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grant_types", ["client_credentials"]),
        ("grant_types", ["implicit", "password"]),
        ("grant_types", "authorization_code"),
        ("grant_types", {"authorization_code": 1}),
        ("response_types", ["token"]),
        ("response_types", "code"),
        ("token_endpoint_auth_method", "private_key_jwt"),
        ("token_endpoint_auth_method", "client_secret_jwt"),
        ("token_endpoint_auth_method", "NONE"),
        ("token_endpoint_auth_method", ["none"]),
        ("token_endpoint_auth_method", 0),
        ("client_name", ["a"]),
        ("client_name", "a" * 1025),
        ("client_name", "ü" * 513),
        ("scope", ["atoms:read"]),
    ],
)
def test_what_cannot_be_served_is_refused(name, value):
    refused = refuse(**{name: value})

    assert refused.error == "invalid_client_metadata"
    assert name in refused.description


@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
def test_a_client_says_how_it_authenticates(method):
    assert register(token_endpoint_auth_method=method).auth_method == method


@pytest.mark.parametrize("kind", ["web", "native", None])
def test_who_does_not_ask_for_a_secret_is_a_public_client(kind):
    assert register(application_type=kind).auth_method == "none"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("x" * 1024, "x" * 1024),
        (" Claude\u202e Code\n", "Claude Code"),
        ("\u200b", "A client without a name"),
        (None, "A client without a name"),
    ],
)
def test_a_name_is_kept_as_it_can_be_shown(name, kept):
    assert register(client_name=name).name == kept


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        (None, "atoms:read atoms:write"),
        ("openid email profile", "atoms:read atoms:write"),
        ("atoms:read", "atoms:read"),
        ("atoms:read offline_access x", "atoms:read offline_access"),
    ],
)
def test_scopes_are_kept_as_far_as_they_are_known(scope, kept):
    assert register(scope=scope).scope == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
MEMBERS = (
    "redirect_uris",
    "client_name",
    "scope",
    "grant_types",
    "response_types",
    "token_endpoint_auth_method",
    "application_type",
)


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON))
def test_any_metadata_are_taken_or_refused(metadata):
    try:
        registration = register(**metadata)
    except OAuthError as exc:
        error = exc.error
    else:
        error = None
        assert all(isinstance(uri, str) for uri in registration.redirect_uris)

    assert error in {None, "invalid_redirect_uri", "invalid_client_metadata"}
