import json

import pytest

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.keys import (
    ANON_FILE,
    PUBLISHED_LIMIT,
    SIGNING_FILE,
    KeyRing,
    load_anon_key,
    rotate,
)
from atoms_mcp.local.tokens import read_access_token, sign_access_token


def test_the_first_look_makes_a_key_that_later_ones_find(tmp_path):
    made = KeyRing(tmp_path).signer()

    assert KeyRing(tmp_path).signer().kid == made.kid
    assert (tmp_path / SIGNING_FILE).stat().st_mode & 0o777 == 0o600


def test_only_public_halves_are_published(tmp_path):
    [shown] = KeyRing(tmp_path).jwks()["keys"]

    assert set(shown) == {"kty", "crv", "x", "y", "kid", "alg", "use", "key_ops", "ext"}
    assert (shown["kty"], shown["crv"], shown["alg"]) == ("EC", "P-256", "ES256")
    assert shown["key_ops"] == ["verify"]


def test_a_running_ring_notices_that_its_keys_were_rotated(tmp_path):
    ring = KeyRing(tmp_path)
    before = ring.signer().kid

    after = rotate(tmp_path)

    assert ring.signer().kid == after
    assert [key["kid"] for key in ring.jwks()["keys"]] == [after, before]


def test_tokens_of_the_key_before_stay_good(tmp_path):
    ring = KeyRing(tmp_path)
    token = sign_access_token(ring, {"sub": "ann"})

    rotate(tmp_path)

    assert read_access_token(ring, token, 0) == {"sub": "ann"}


def test_the_oldest_keys_are_forgotten(tmp_path):
    first = rotate(tmp_path)
    for _ in range(PUBLISHED_LIMIT):
        rotate(tmp_path)

    ring = KeyRing(tmp_path)
    assert len(ring.keys()) == PUBLISHED_LIMIT
    assert ring.find(first) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "EC"}]}',
        '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "1"}]}',
    ],
)
def test_a_damaged_key_file_says_how_to_go_on(tmp_path, text):
    (tmp_path / SIGNING_FILE).write_text(text)

    with pytest.raises(StackError, match=r"signing_keys\.json .*remove it"):
        KeyRing(tmp_path).keys()


def test_a_public_half_alone_signs_nothing(tmp_path):
    public = KeyRing(tmp_path).jwks()
    (tmp_path / SIGNING_FILE).write_text(json.dumps(public))

    with pytest.raises(StackError, match="no private half"):
        KeyRing(tmp_path).keys()


def test_a_key_does_not_show_its_private_half(tmp_path):
    assert "private" not in repr(KeyRing(tmp_path).signer())


def test_the_publishable_key_is_made_once(tmp_path):
    key = load_anon_key(tmp_path)

    assert key.startswith("sb_publishable_")
    assert load_anon_key(tmp_path) == key


def test_another_text_in_the_place_of_the_publishable_key_is_refused(tmp_path):
    (tmp_path / ANON_FILE).write_text("sb_secret_x")

    with pytest.raises(StackError, match="publishable key; remove it"):
        load_anon_key(tmp_path)
