import base64
import json
import uuid

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.local.keys import KeyRing
from atoms_mcp.local.tokens import (
    TokenError,
    is_signed_by,
    read_access_token,
    read_refresh_token,
    sign_access_token,
    sign_refresh_token,
)

NOW = 1_800_000_000
KEY = b"k" * 32
SESSION = uuid.UUID("6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11")


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_what_was_signed_is_read(ring):
    token = sign_access_token(ring, {"sub": "ann", "exp": NOW + 1})

    assert read_access_token(ring, token, NOW) == {"sub": "ann", "exp": NOW + 1}
    assert jwt.get_unverified_header(token) == {
        "alg": "ES256",
        "typ": "JWT",
        "kid": ring.signer().kid,
    }


def test_another_projects_token_is_not_ours(ring, tmp_path):
    token = sign_access_token(KeyRing(tmp_path / "other"), {"sub": "ann"})

    with pytest.raises(TokenError, match="No suitable key"):
        read_access_token(ring, token, NOW)


def test_the_header_does_not_choose_the_algorithm(ring):
    kid = ring.signer().kid
    payload = {"sub": "ann"}
    unsigned = f"{part({'alg': 'none', 'kid': kid})}.{part(payload)}."
    shared = jwt.encode(payload, "x" * 32, algorithm="HS256", headers={"kid": kid})

    for token in (unsigned, shared):
        with pytest.raises(TokenError, match="cryptographic operation failed"):
            read_access_token(ring, token, NOW)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c.d"])
def test_a_text_without_three_parts_is_no_token(ring, token):
    with pytest.raises(TokenError, match="Expected 3 parts in JWT; got"):
        read_access_token(ring, token, NOW)


@given(st.text())
def test_garbage_is_refused_and_nothing_else_happens(ring_of_tests, garbage):
    with pytest.raises(TokenError):
        read_access_token(ring_of_tests, f"{garbage}.{garbage}.x", NOW)


@pytest.fixture(scope="module")
def ring_of_tests(tmp_path_factory):
    return KeyRing(tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": NOW - 31}, "JWT expired"),
        ({"nbf": NOW + 31}, "JWT not yet valid"),
        ({"iat": NOW + 31}, "JWT issued at future"),
    ],
)
def test_times_hold_with_the_leeway_given(ring, claims, message):
    token = sign_access_token(ring, claims)

    assert read_access_token(ring, token, NOW, leeway_s=32) == claims
    with pytest.raises(TokenError, match=message) as refused:
        read_access_token(ring, token, NOW, leeway_s=30)
    assert refused.value.is_stale


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"nbf": True}, {"iat": []}])
def test_a_time_that_is_no_number_is_refused(ring, claims):
    token = sign_access_token(ring, {})
    head, _, _ = token.split(".")
    signed = f"{head}.{part(claims)}".encode()
    signature = jwt.algorithms.get_default_algorithms()["ES256"].sign(signed, ring.signer().private)
    forged = signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")

    with pytest.raises(TokenError, match="must be a number"):
        read_access_token(ring, forged.decode(), NOW)


@given(st.uuids(), st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32))
def test_a_refresh_token_says_its_session_and_counter(session, counter, key):
    text = sign_refresh_token(session, counter, key)

    token = read_refresh_token(text)
    assert (token.session_id, token.counter) == (session, counter)
    assert is_signed_by(token, key)
    assert not is_signed_by(token, bytes(32) if key != bytes(32) else KEY)


def test_a_refresh_token_has_the_legal_form():
    assert len(sign_refresh_token(SESSION, 7, KEY)) == 55


@pytest.mark.parametrize("place", [0, 5, 22, 30, 54])
def test_a_damaged_refresh_token_is_noticed_without_its_key(place):
    text = sign_refresh_token(SESSION, 7, KEY)
    other = "A" if text[place] != "A" else "E"

    with pytest.raises(TokenError, match="Refresh token is not valid"):
        read_refresh_token(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize("text", ["", "x", "!" * 55, "A" * 55, "A" * 56])
def test_another_text_is_no_refresh_token(text):
    with pytest.raises(TokenError, match="Refresh token is not valid"):
        read_refresh_token(text)
