import pytest
from supabase_double import forge

from atoms_mcp.identity.second_factor import needs_second_factor
from atoms_mcp.supabase.auth import Factor, Session, User

TOTP = Factor("f1", "totp", is_verified=True)
SMS = Factor("f2", "phone", is_verified=True)


def session(*factors, token=None, **claims):
    token = token or forge({"alg": "ES256"}, claims)
    return Session(token, "r", 3600, 0, User("u", "a@b.c", is_anonymous=False, factors=factors))


def test_nobody_without_a_factor_is_asked_for_one():
    assert needs_second_factor(session(aal="aal1")) is None
    assert needs_second_factor(session(Factor("f", "totp", is_verified=False), aal="aal1")) is None


def test_a_verified_factor_is_asked_for_once():
    assert needs_second_factor(session(TOTP, aal="aal1")) is TOTP
    assert needs_second_factor(session(TOTP, aal="aal2")) is None
    assert needs_second_factor(session(TOTP, aal="aal3")) is None


def test_an_authenticator_comes_before_other_factors():
    assert needs_second_factor(session(SMS, TOTP, aal="aal1")) is TOTP
    assert needs_second_factor(session(SMS, aal="aal1")) is SMS


@pytest.mark.parametrize(
    "token", ["", "x", "a.b", "a.!!!.c", "a.bnVsbA.c", "a.W10.c", forge({}, {"aal": 2})]
)
def test_a_token_that_says_nothing_of_it_is_no_second_factor(token):
    assert needs_second_factor(session(TOTP, token=token or ".")) is TOTP


def test_a_level_nobody_knows_is_no_second_factor():
    assert needs_second_factor(session(TOTP, aal="aal9")) is TOTP
    assert needs_second_factor(session(TOTP, aal=["aal2"])) is TOTP
