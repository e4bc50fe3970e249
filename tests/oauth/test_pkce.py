import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.pkce import is_well_formed, verifier_matches

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_verifier_of_the_rfc_matches_its_challenge():
    assert verifier_matches(VERIFIER, CHALLENGE)


@pytest.mark.requirement("auth-pkce")
@pytest.mark.parametrize(
    "verifier",
    [
        pytest.param(VERIFIER[:-1] + "K", id="another"),
        pytest.param(VERIFIER[:42], id="too-short"),
        pytest.param(VERIFIER * 3, id="too-long"),
        pytest.param(VERIFIER + "\n", id="newline"),
        pytest.param(VERIFIER + "=", id="padded"),
        pytest.param("ä" * 43, id="not-ascii"),
        pytest.param("\ud800" * 43, id="lone-surrogate"),
        pytest.param(CHALLENGE, id="the-challenge-itself"),
        pytest.param("", id="empty"),
    ],
)
def test_anything_else_is_a_plain_no(verifier):
    assert not verifier_matches(verifier, CHALLENGE)


@pytest.mark.parametrize("challenge", ["", "ä" * 43, CHALLENGE + "=", VERIFIER])
def test_a_challenge_that_is_none_matches_nothing(challenge):
    assert not verifier_matches(VERIFIER, challenge)


@pytest.mark.parametrize("length", [43, 128])
def test_the_whole_alphabet_counts_in_every_length_that_is_allowed(length):
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

    assert is_well_formed((alphabet * 2)[:length])
    assert is_well_formed("~" * length)


@pytest.mark.parametrize("text", ["~" * 42, "~" * 129, "+" * 43, "a" * 43 + "/"])
def test_other_lengths_and_letters_do_not(text):
    assert not is_well_formed(text)


@given(st.text())
def test_nothing_makes_it_fail(text):
    assert not verifier_matches(text, CHALLENGE)
