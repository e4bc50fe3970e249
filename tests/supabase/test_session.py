import pytest

from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.session import read_object, read_session, read_text, read_user

SESSION = {
    "access_token": "a",
    "refresh_token": "r",
    "expires_in": 1,
    "expires_at": 2,
    "user": {"id": "1"},
}


def test_a_user_may_have_second_factors():
    user = read_user(
        {
            "id": "1",
            "factors": [
                {"id": "f1", "factor_type": "totp", "status": "verified", "friendly_name": "Phone"},
                {"id": "f2", "factor_type": "phone", "status": "unverified"},
            ],
        }
    )

    told = [(f.id, f.type, f.is_verified, f.name) for f in user.factors]
    assert told == [("f1", "totp", True, "Phone"), ("f2", "phone", False, "")]


@pytest.mark.parametrize("factors", [None, "x", {}])
def test_a_user_without_a_list_of_factors_has_none(factors):
    assert read_user({"id": "1", "factors": factors}).factors == ()


@pytest.mark.parametrize(
    "factor", [None, "x", {}, {"id": "f"}, {"factor_type": "totp"}, {"id": 1, "factor_type": "t"}]
)
def test_a_factor_that_is_none_is_wrong(factor):
    with pytest.raises(SupabaseError) as caught:
        read_user({"id": "1", "factors": [factor]})

    assert caught.value.kind == "wrong"


def test_a_session_has_its_user():
    session = read_session(SESSION)

    assert (session.user.id, session.expires_in_s, session.expires_at) == ("1", 1, 2)


@pytest.mark.parametrize("name", SESSION)
def test_a_session_without_a_part_is_wrong(name):
    with pytest.raises(SupabaseError):
        read_session({key: value for key, value in SESSION.items() if key != name})


@pytest.mark.parametrize("parsed", [None, [], "x", 1])
def test_what_is_no_object_is_wrong(parsed):
    with pytest.raises(SupabaseError):
        read_object(parsed)


@pytest.mark.parametrize("value", [None, "", 1, []])
def test_what_is_no_text_is_wrong(value):
    with pytest.raises(SupabaseError):
        read_text({"name": value}, "name")
