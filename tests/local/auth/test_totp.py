import base64

import pytest

from atoms_mcp.local.auth.totp import code_at, is_right, render_secret, render_uri

# RFC 6238 appendix B: the last six of its eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("at", "code"), VECTORS.items())
def test_codes_are_those_of_the_rfc(at, code):
    assert code_at(SECRET, at) == code


@pytest.mark.parametrize(("skew", "is_taken"), [(-31, True), (0, True), (30, True), (61, False)])
def test_a_clock_may_be_off_by_a_step(skew, is_taken):
    assert is_right(SECRET, "081804", 1111111109 + skew) is is_taken


@pytest.mark.parametrize("code", ["", "81804", "0818041", "08180é", "\ud800"])
def test_what_is_no_code_is_a_plain_no(code):
    assert not is_right(SECRET, code, 1111111109)


def test_a_secret_is_what_apps_take():
    assert render_secret(b"12345678901234567890") == SECRET
    assert "=" not in SECRET


def test_the_address_for_apps_names_who_and_where():
    uri = render_uri(SECRET, issuer="127.0.0.1:8000", account="a+b@example.com")

    assert uri == (
        "otpauth://totp/127.0.0.1%3A8000:a%2Bb@example.com"
        f"?algorithm=SHA1&digits=6&issuer=127.0.0.1%3A8000&period=30&secret={SECRET}"
    )
