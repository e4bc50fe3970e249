import pytest

from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.pkce import Challenge, read_challenge

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
VALUE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize("method", ["s256", "S256"])
def test_the_example_of_the_rfc_holds(method):
    challenge = read_challenge({"code_challenge": VALUE, "code_challenge_method": method})

    assert challenge.is_met_by(VERIFIER)
    assert not challenge.is_met_by(VALUE)


def test_plain_is_plain():
    assert Challenge(VERIFIER, "plain").is_met_by(VERIFIER)


@pytest.mark.parametrize("verifier", ["", VERIFIER[:-1], "é", "\ud800"])
def test_anything_else_is_a_plain_no(verifier):
    assert not Challenge(VALUE, "s256").is_met_by(verifier)


def test_no_challenge_is_none():
    assert read_challenge({}) is None
    assert read_challenge({"code_challenge": None}) is None


@pytest.mark.parametrize(
    ("value", "method"),
    [
        pytest.param(VALUE, "", id="no method"),
        pytest.param("", "s256", id="no challenge"),
        pytest.param(VALUE[:42], "s256", id="short"),
        pytest.param("a" * 129, "s256", id="long"),
        pytest.param("é" * 43, "s256", id="letters"),
        pytest.param(VALUE, "md5", id="method"),
    ],
)
def test_a_malformed_challenge_is_refused(value, method):
    with pytest.raises(AuthError, match="validation_failed"):
        read_challenge({"code_challenge": value, "code_challenge_method": method})
