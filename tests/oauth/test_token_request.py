import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.token_request import (
    FORM,
    CodeGrant,
    RefreshGrant,
    parse_form,
    read_credentials,
    read_grant,
    read_revocation,
)

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CODE = {
    "grant_type": "authorization_code",
    "code": "SplxlOBeZQQYbYS6WxSbIA",
    "redirect_uri": "https://client.example.com/cb",
    "code_verifier": VERIFIER,
    "client_id": "s6BhdRkqt3",
}
REFRESH = {
    "grant_type": "refresh_token",
    "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
    "client_id": "s6BhdRkqt3",
}


def pairs_of(form, **changes):
    return [(name, value) for name, value in (form | changes).items() if value is not None]


def basic(text, scheme="Basic"):
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


def refuse(call, *arguments):
    with pytest.raises(OAuthError) as caught:
        call(*arguments)
    return caught.value


def test_a_form_is_read():
    assert parse_form(FORM, b"a=1&b=x%20y") == [("a", "1"), ("b", "x y")]
    assert parse_form(FORM.title(), b"") == []


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain", ""])
def test_anything_else_is_not(kind):
    refused = refuse(parse_form, kind, b"grant_type=authorization_code")

    assert (refused.error, refused.status) == ("invalid_request", 400)


@pytest.mark.parametrize(
    "name",
    [
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
        "client_id",
        "client_secret",
        "token",
        "token_type_hint",
    ],
)
@pytest.mark.parametrize("values", ["a&{}=b", "a&{}=a", "&{}=", "a&{}"])
def test_a_doubled_parameter_is_refused(name, values):
    body = f"{name}={values.format(name)}".encode()

    refused = refuse(parse_form, FORM, body)

    assert (refused.error, refused.description) == (
        "invalid_request",
        f"{name} came more than once",
    )


def test_a_doubled_parameter_that_nobody_knows_is_ignored():
    assert len(parse_form(FORM, b"x=1&x=2")) == 2


def test_a_code_is_read():
    grant = read_grant(pairs_of(CODE, resource="https://h/api/mcp", scope="atoms:read"))

    assert grant == CodeGrant(
        code=CODE["code"],
        verifier=VERIFIER,
        redirect_uri="https://client.example.com/cb",
        resource="https://h/api/mcp",
    )
    assert CODE["code"] not in repr(grant)
    assert VERIFIER not in repr(grant)


def test_what_may_be_left_out_of_a_code_request_may():
    grant = read_grant(pairs_of(CODE, redirect_uri=None, resource="", scope=""))

    assert (grant.redirect_uri, grant.resource) == (None, None)


def test_a_refresh_is_read():
    grant = read_grant(pairs_of(REFRESH, resource="https://h/api/mcp", scope="atoms:read"))

    assert grant == RefreshGrant(REFRESH["refresh_token"], "https://h/api/mcp", "atoms:read")
    assert REFRESH["refresh_token"] not in repr(grant)
    assert read_grant(pairs_of(REFRESH)).scope is None


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (CODE, "grant_type"),
        (CODE, "code"),
        (CODE, "code_verifier"),
        (REFRESH, "grant_type"),
        (REFRESH, "refresh_token"),
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_needed_and_not_there_is_named(form, name, value):
    refused = refuse(read_grant, pairs_of(form, **{name: value}))

    assert (refused.error, refused.description) == ("invalid_request", f"{name} is missing")


@pytest.mark.parametrize(
    "kind",
    ["password", "client_credentials", "AUTHORIZATION_CODE", "urn:ietf:params:oauth:x", "code"],
)
def test_other_grants_are_not_given(kind):
    assert refuse(read_grant, pairs_of(CODE, grant_type=kind)).error == "unsupported_grant_type"


@pytest.mark.parametrize("verifier", ["x", "~" * 42, "~" * 129, "+" * 43, "ä" * 43])
def test_a_verifier_that_can_be_none_proves_nothing(verifier):
    assert refuse(read_grant, pairs_of(CODE, code_verifier=verifier)).error == "invalid_grant"


@pytest.mark.parametrize("verifier", ["~" * 43, "aZ0-._~" * 18])
def test_a_verifier_has_the_whole_alphabet_and_up_to_128_of_it(verifier):
    assert read_grant(pairs_of(CODE, code_verifier=verifier)).verifier == verifier


@pytest.mark.parametrize("form", [CODE, REFRESH])
def test_a_token_is_for_one_resource(form):
    pairs = [*pairs_of(form), ("resource", "https://a"), ("resource", "https://b")]

    assert parse_form(FORM, b"resource=a&resource=b")
    assert refuse(read_grant, pairs).error == "invalid_target"


def test_the_token_to_be_revoked_is_found_whatever_the_hint():
    assert read_revocation([("token", "t"), ("token_type_hint", "nonsense")]) == "t"


@pytest.mark.parametrize("pairs", [[], [("token", "")]])
def test_nothing_to_be_revoked_is_an_error(pairs):
    assert refuse(read_revocation, pairs).error == "invalid_request"


def test_a_public_client_says_who_it_is():
    told = read_credentials(pairs_of(CODE), None)

    assert (told.client_id, told.secrets, told.method) == ("s6BhdRkqt3", (), "none")


def test_a_secret_in_the_form_is_taken_as_it_is():
    told = read_credentials(pairs_of(CODE, client_secret="a+b%20c"), None)

    assert (told.secrets, told.method) == (("a+b%20c",), "client_secret_post")
    assert "a+b" not in repr(told)


@pytest.mark.parametrize(
    ("text", "client_id", "secrets"),
    [
        # RFC 6749 section 2.3.1.
        ("s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw", "s6BhdRkqt3", ("7Fjfp0ZBr1KtDRbnfVdmIw",)),
        pytest.param("a%2Eb:c%2Bd", "a.b", ("c%2Bd", "c+d"), id="encoded"),
        pytest.param("a:b+c", "a", ("b+c", "b c"), id="raw-plus"),
        pytest.param("a:b:c", "a", ("b:c",), id="colon-in-secret"),
        pytest.param("https%3A%2F%2Fc.example%2Fc:", "https://c.example/c", (), id="no-secret"),
        pytest.param("a:ü", "a", ("ü",), id="utf-8"),
    ],
)
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_a_basic_header_is_read_in_both_spellings(text, client_id, secrets, scheme):
    told = read_credentials(pairs_of(CODE, client_id=None), basic(text, scheme))

    assert told.client_id == client_id
    assert told.secrets == secrets
    assert told.method == "client_secret_basic"


def test_the_client_may_be_named_again_beside_the_header():
    told = read_credentials(pairs_of(CODE), basic("s6BhdRkqt3:secret"))

    assert told.secrets == ("secret",)


@pytest.mark.parametrize("changes", [{"client_secret": "secret"}, {"client_id": "another"}])
def test_two_ways_at_once_are_one_too_many(changes):
    refused = refuse(read_credentials, pairs_of(CODE, **changes), basic("s6BhdRkqt3:secret"))

    assert (refused.error, refused.status) == ("invalid_request", 400)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b":no-name").decode(),
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        "Basic ä",
    ],
)
def test_a_basic_header_that_cannot_be_read_is_challenged(header):
    refused = refuse(read_credentials, pairs_of(CODE), header)

    assert (refused.error, refused.status) == ("invalid_client", 401)
    assert refused.challenge.startswith("Basic realm=")


@pytest.mark.parametrize("header", ["Bearer abc", "Digest x", "", None, "Basi c2"])
def test_another_header_proves_nothing_and_is_ignored(header):
    assert read_credentials(pairs_of(CODE), header).method == "none"
    assert read_credentials(pairs_of(CODE, client_secret="s"), header).secrets == ("s",)


@pytest.mark.parametrize("client_id", [None, ""])
def test_nobody_is_nobody(client_id):
    refused = refuse(read_credentials, pairs_of(CODE, client_id=client_id), None)

    assert (refused.error, refused.description) == ("invalid_request", "client_id is missing")


@given(st.binary(max_size=200), st.text(max_size=50))
def test_any_bytes_are_read_or_refused(body, header):
    try:
        pairs = parse_form(FORM, body)
        read_credentials(pairs, header)
        read_grant(pairs)
        refused = None
    except OAuthError as exc:
        refused = exc

    assert refused is None or refused.description.isascii()
