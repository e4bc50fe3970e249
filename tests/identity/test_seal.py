import base64
import json

import pytest

from atoms_mcp.identity.seal import MAX_SEALED_BYTES, Seal, SealBroken

KEY, OTHER = b"k" * 32, b"o" * 32
CLAIMS = {"sub": "ada", "exp": 12, "nested": {"ü": [1, None]}}


def part(header):
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


def test_what_is_sealed_can_be_opened():
    seal = Seal([KEY])

    assert seal.open("session", seal.seal("session", CLAIMS)) == CLAIMS


def test_nothing_can_be_read_from_outside():
    sealed = Seal([KEY]).seal("session", {"sub": "ada-lovelace"})

    assert sealed.isascii()
    assert "ada" not in base64.urlsafe_b64decode(sealed.split(".")[3] + "==").decode("latin-1")


def test_the_same_claims_never_look_the_same():
    seal = Seal([KEY])

    assert seal.seal("session", CLAIMS) != seal.seal("session", CLAIMS)


def test_what_was_made_for_one_purpose_is_broken_for_another():
    seal = Seal([KEY])

    with pytest.raises(SealBroken):
        seal.open("code", seal.seal("session", CLAIMS))


def test_a_purpose_in_the_header_alone_does_not_help():
    seal = Seal([KEY])
    parts = seal.seal("session", CLAIMS).split(".")
    parts[0] = part({"alg": "dir", "enc": "A256GCM", "purpose": "code"})

    with pytest.raises(SealBroken):
        seal.open("code", ".".join(parts))


def test_the_newest_key_seals_and_all_open():
    old, rotated = Seal([KEY]), Seal([OTHER, KEY])
    before = old.seal("session", CLAIMS)

    assert rotated.open("session", before) == CLAIMS
    with pytest.raises(SealBroken):
        old.open("session", rotated.seal("session", CLAIMS))


def test_every_changed_character_breaks_it():
    seal = Seal([KEY])
    sealed = seal.seal("session", {"a": 1})
    # The last character of a part has bits that say nothing: they cannot be changed either.
    for index, char in enumerate(sealed):
        for other in set("ABCDQRwx-_=") - {char}:
            with pytest.raises(SealBroken):
                seal.open("session", sealed[:index] + other + sealed[index + 1 :])


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="three-parts"),
        pytest.param("....", id="five-empty-parts"),
        pytest.param("%.a.b.c.d", id="no-base64"),
        pytest.param("ü.a.b.c.d", id="not-ascii"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("a" * (MAX_SEALED_BYTES + 1), id="too-long"),
        pytest.param(part([1]) + "..a.b.c", id="header-is-a-list"),
        pytest.param(
            part({"alg": "dir", "enc": "A256GCM", "purpose": "session"}) + "..!.b.c", id="odd-iv"
        ),
        pytest.param(
            part({"alg": "dir", "enc": "A256GCM", "purpose": "session"}) + "....", id="no-text"
        ),
        pytest.param(
            part({"alg": "dir", "enc": "A256GCM", "purpose": "session", "zip": "DEF"}) + "..a.b.c",
            id="zip",
        ),
        pytest.param(
            part(
                {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "purpose": "session", "p2c": 2**31}
            )
            + "..a.b.c",
            id="password-bomb",
        ),
    ],
)
def test_anything_else_is_broken_and_nothing_more(sealed):
    with pytest.raises(SealBroken):
        Seal([KEY]).open("session", sealed)


def test_what_we_sealed_but_is_no_object_is_broken():
    seal = Seal([KEY])

    with pytest.raises(SealBroken):
        seal.open("session", seal.seal("session", [1]))


def test_what_could_not_be_opened_again_is_not_sealed():
    with pytest.raises(ValueError, match="exceed"):
        Seal([KEY]).seal("session", {"a": "x" * MAX_SEALED_BYTES})


def test_derived_keys_differ_by_purpose_and_are_stable():
    seal = Seal([KEY, OTHER])

    assert seal.derive("cursor") == Seal([KEY]).derive("cursor")
    assert seal.derive("cursor") != seal.derive("other")
    assert len(seal.derive("cursor")) == 32


@pytest.mark.parametrize("keys", [[], [b"short"], [KEY, b"short"]])
def test_a_seal_needs_good_keys(keys):
    with pytest.raises(ValueError, match="key"):
        Seal(keys)


def test_each_key_gives_its_own_for_another_use_the_newest_first():
    rotated = Seal([KEY, OTHER])

    assert rotated.derive_all("task") == (
        Seal([KEY]).derive("task"),
        Seal([OTHER]).derive("task"),
    )
