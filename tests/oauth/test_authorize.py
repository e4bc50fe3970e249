from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.authorize import (
    read_client,
    read_request,
    render_redirect,
    verify_redirect,
)
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.errors import RedirectableError, UnverifiedRequest

CALLBACK = "https://c.example/cb?tenant=1"
RESOURCE = "https://h.example/api/mcp"
OTHER_RESOURCE = "http://127.0.0.1:8000/api/mcp"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CLIENT = Client("c", "A client", (CALLBACK,), "none", "registered")
GOOD = {
    "response_type": "code",
    "client_id": "c",
    "redirect_uri": CALLBACK,
    "state": "af0ifjsldkj",
    "scope": "atoms:read",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "resource": RESOURCE,
}


def pairs_of(**changes):
    """Give the pairs of a good request; None leaves one out."""
    return [(name, value) for name, value in (GOOD | changes).items() if value is not None]


def read(pairs, client=CLIENT):
    _, redirect_uri = read_client(pairs)
    return read_request(pairs, client, redirect_uri, RESOURCE)


def refuse(pairs, client=CLIENT):
    with pytest.raises(RedirectableError) as caught:
        read(pairs, client)
    return caught.value


def test_a_good_request_is_read_whole():
    request = read(pairs_of())

    assert request.client is CLIENT
    assert (request.redirect_uri, request.has_redirect_uri) == (CALLBACK, True)
    assert request.state == "af0ifjsldkj"
    assert request.scopes == ("atoms:read",)
    assert request.code_challenge == CHALLENGE
    assert request.resource == RESOURCE


def test_unknown_parameters_are_ignored_even_twice():
    pairs = [*pairs_of(), ("prompt", "consent"), ("nonce", "1"), ("nonce", "2"), ("nonce", "")]

    assert read(pairs) == read(pairs_of())


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@pytest.mark.parametrize("other", ["c", CALLBACK, "https://evil.example/", ""])
def test_who_asks_and_where_to_answer_come_once_or_nothing_is_redirected(name, other):
    with pytest.raises(UnverifiedRequest, match="came more than once"):
        read_client([*pairs_of(), (name, other)])


@pytest.mark.parametrize("client_id", [None, ""])
def test_nobody_is_redirected_for_no_client(client_id):
    with pytest.raises(UnverifiedRequest, match="which app asks"):
        read_client(pairs_of(client_id=client_id))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_what_is_too_long_is_not_looked_at(name):
    with pytest.raises(UnverifiedRequest, match="longer"):
        read_client(pairs_of(**{name: "a" * 5000}))


@pytest.mark.requirement("auth-redirect-exact")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/cb",
        "https://c.example/cb",
        "https://c.example/cb?tenant=1&x=1",
        "https://c.example/cb?tenant=2",
        "https://c.example/cb?tenant=1#x",
        "//c.example/cb?tenant=1",
        "javascript:alert(1)",
        CALLBACK + "\r\nLocation: https://evil.example",
    ],
)
def test_an_unregistered_place_is_never_gone_to_whatever_else_is_wrong(uri):
    with pytest.raises(UnverifiedRequest, match="did not register"):
        read(pairs_of(redirect_uri=uri))
    with pytest.raises(UnverifiedRequest, match="did not register"):
        read([*pairs_of(redirect_uri=uri, response_type="token"), ("state", "2")])


@pytest.mark.parametrize("given", [None, ""])
def test_a_client_with_one_place_need_not_name_it(given):
    request = read(pairs_of(redirect_uri=given))

    assert (request.redirect_uri, request.has_redirect_uri) == (CALLBACK, False)


@pytest.mark.parametrize("uris", [(), (CALLBACK, "https://c.example/other")])
def test_a_client_with_none_or_several_has_to_name_it(uris):
    client = Client("c", "A client", uris, "none", "registered")

    with pytest.raises(UnverifiedRequest, match="where to go"):
        verify_redirect(client, None)


def test_any_port_of_loopback_is_answered_where_it_asks():
    client = Client("c", "A client", ("http://127.0.0.1/", CALLBACK), "none", "registered")

    request = read(pairs_of(redirect_uri="http://127.0.0.1:51004/"), client)

    assert request.redirect_uri == "http://127.0.0.1:51004/"


def test_an_installed_app_is_known_by_its_scheme():
    client = Client("c", "A client", ("cursor://anysphere/cb",), "none", "registered")

    assert read(pairs_of(redirect_uri="cursor://anysphere/cb"), client)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "CODE"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:42]}, "invalid_request"),
        ({"code_challenge": CHALLENGE * 3}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1] + "ä"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"),
        ({"resource": OTHER_RESOURCE}, "invalid_target"),
        ({"scope": "atoms:read " * 300}, "invalid_scope"),
    ],
)
def test_other_faults_are_told_to_the_client(changes, error):
    refused = refuse(pairs_of(**changes))

    assert refused.error == error
    assert (refused.redirect_uri, refused.state) == (CALLBACK, "af0ifjsldkj")
    assert refused.description


@pytest.mark.parametrize(
    "name", ["response_type", "code_challenge", "code_challenge_method", "scope"]
)
def test_a_doubled_parameter_is_told_to_the_client(name):
    refused = refuse([*pairs_of(), (name, GOOD[name])])

    assert (refused.error, refused.description) == (
        "invalid_request",
        f"{name} came more than once",
    )
    assert refused.state == "af0ifjsldkj"


def test_a_token_is_for_one_resource():
    assert refuse([*pairs_of(), ("resource", OTHER_RESOURCE)]).error == "invalid_target"


@pytest.mark.parametrize("given", [None, ""])
def test_without_a_resource_ours_is_meant(given):
    assert read(pairs_of(resource=given)).resource == RESOURCE


def test_a_resource_is_given_as_we_spell_it():
    assert read(pairs_of(resource="HTTPS://H.example/api/mcp/")).resource == RESOURCE


def test_a_doubled_state_is_not_repeated():
    refused = refuse([*pairs_of(), ("state", "other")])

    assert (refused.error, refused.state) == ("invalid_request", None)


def test_a_state_has_a_bound_in_bytes():
    assert read(pairs_of(state="a" * 2048)).state == "a" * 2048
    assert read(pairs_of(state=None)).state is None
    for state in ("a" * 2049, "ä" * 1025):
        refused = refuse(pairs_of(state=state))
        assert (refused.error, refused.state) == ("invalid_request", None)


@pytest.mark.parametrize(
    ("asked", "registered", "scopes"),
    [
        ("atoms:read", None, ("atoms:read",)),
        (None, "atoms:read", ("atoms:read",)),
        ("atoms:write", "atoms:read", ("atoms:write",)),
        (None, None, ("atoms:read", "atoms:write")),
        ("openid email profile", None, ("atoms:read", "atoms:write")),
    ],
)
def test_who_asks_for_no_scope_asks_for_what_was_registered(asked, registered, scopes):
    client = Client("c", "A client", (CALLBACK,), "none", "registered", scope=registered)

    assert read(pairs_of(scope=asked), client).scopes == scopes


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("https://c.example/cb", "https://c.example/cb?code=a%20b"),
        ("https://c.example/cb?x=1", "https://c.example/cb?x=1&code=a%20b"),
        ("https://c.example/cb?", "https://c.example/cb?code=a%20b"),
        ("https://c.example/cb?x=1&", "https://c.example/cb?x=1&code=a%20b"),
        ("com.example.app:/cb", "com.example.app:/cb?code=a%20b"),
    ],
)
def test_the_answer_is_put_behind_what_is_there(uri, location):
    assert render_redirect(uri, code="a b", state=None) == location


def test_without_an_answer_the_place_stays_as_it_is():
    assert render_redirect(CALLBACK, state=None) == CALLBACK


@given(
    state=st.text(st.characters(exclude_categories=["Cs"])),
    code=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_the_answer_arrives_as_it_was_and_splits_nothing(state, code):
    location = render_redirect(CALLBACK, code=code, state=state, iss="https://h.example")

    assert location.isascii()
    assert location.isprintable()
    assert location.startswith(CALLBACK + "&")
    assert "#" not in location
    assert parse_qsl(urlsplit(location).query, keep_blank_values=True) == [
        ("tenant", "1"),
        ("code", code),
        ("state", state),
        ("iss", "https://h.example"),
    ]


@given(st.lists(st.tuples(st.sampled_from(list(GOOD)), st.text(max_size=50))))
def test_any_pairs_are_read_or_refused_and_go_nowhere_else(extra):
    places = []
    try:
        places.append(read([*pairs_of(), *extra]).redirect_uri)
    except UnverifiedRequest:
        places.append(CALLBACK)
    except RedirectableError as exc:
        places.append(exc.redirect_uri)

    assert places == [CALLBACK]
