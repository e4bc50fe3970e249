import pytest

from atoms_mcp.identity.caller import ALL_SCOPES
from atoms_mcp.identity.claims import InvalidToken, peek, read_claims

ISSUER = "https://abc.supabase.co/auth/v1"
NOW = 1_000_000
GOOD = {
    "iss": ISSUER,
    "sub": "00000000-0000-4000-8000-000000000007",
    "aud": "authenticated",
    "exp": NOW + 60,
    "iat": NOW,
    "email": "ada@acme.example",
    "role": "authenticated",
    "session_id": "s1",
}


def read(**changed):
    claims = {name: value for name, value in (GOOD | changed).items() if value is not ...}
    return read_claims(claims, issuer=ISSUER, now=NOW, token="t")


def test_good_claims_give_the_caller():
    caller = read()

    assert caller.user_id == GOOD["sub"]
    assert caller.email == "ada@acme.example"
    assert caller.session_id == "s1"
    assert caller.expires_at == NOW + 60
    assert caller.scopes == ALL_SCOPES
    assert caller.token == "t"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"aud": ["authenticated", "https://x"]}, id="audience-in-a-list"),
        pytest.param({"iat": NOW + 29}, id="clock-a-bit-behind"),
        pytest.param({"iat": ...}, id="no-iat"),
        pytest.param({"nbf": NOW - 1}, id="nbf"),
        pytest.param({"exp": NOW + 0.5}, id="half-a-second-left"),
        pytest.param({"is_anonymous": False}, id="said-not-to-be-anonymous"),
        pytest.param({"email": ...}, id="no-email"),
        pytest.param({"session_id": ...}, id="no-session"),
    ],
)
def test_these_are_good_as_well(changed):
    assert read(**changed).user_id == GOOD["sub"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"exp": NOW}, "expired", id="expired-now"),
        pytest.param({"exp": NOW - 1}, "expired", id="expired"),
        pytest.param({"exp": ...}, "no expiry", id="no-exp"),
        pytest.param({"exp": None}, "no expiry", id="null-exp"),
        pytest.param({"exp": str(NOW + 60)}, "exp is not a time", id="text-exp"),
        pytest.param({"exp": True}, "exp is not a time", id="bool-exp"),
        pytest.param({"exp": float("inf")}, "exp is not a time", id="endless-exp"),
        pytest.param({"exp": float("nan")}, "exp is not a time", id="nan-exp"),
        pytest.param({"exp": [NOW + 60]}, "exp is not a time", id="list-exp"),
        pytest.param({"nbf": NOW + 31}, "not valid yet", id="nbf"),
        pytest.param({"iat": NOW + 31}, "not valid yet", id="iat"),
        pytest.param({"iat": "x"}, "iat is not a time", id="text-iat"),
        pytest.param({"iss": ISSUER + "/"}, "issued by somebody else", id="iss-with-slash"),
        pytest.param({"iss": ISSUER[:-1]}, "issued by somebody else", id="part-of-iss"),
        pytest.param({"iss": [ISSUER]}, "issued by somebody else", id="iss-in-a-list"),
        pytest.param({"iss": ...}, "issued by somebody else", id="no-iss"),
        pytest.param({"aud": "authenticated2"}, "meant for somebody else", id="other-aud"),
        pytest.param({"aud": []}, "meant for somebody else", id="empty-aud"),
        pytest.param({"aud": ...}, "meant for somebody else", id="no-aud"),
        pytest.param({"aud": {"authenticated": 1}}, "meant for somebody else", id="object-aud"),
        pytest.param({"sub": ...}, "not the token of a user", id="anon-key"),
        pytest.param({"sub": "ada"}, "not the token of a user", id="sub-no-uuid"),
        pytest.param({"sub": GOOD["sub"] + "\n"}, "not the token of a user", id="sub-newline"),
        pytest.param(
            {"sub": GOOD["sub"].replace("0", "\u0966")}, "not the token of a user", id="digits"
        ),
        pytest.param({"sub": 7}, "not the token of a user", id="number-sub"),
        pytest.param({"role": "service_role"}, "not the token of a signed-in user", id="service"),
        pytest.param({"role": "anon"}, "not the token of a signed-in user", id="anon"),
        pytest.param({"role": ...}, "not the token of a signed-in user", id="no-role"),
        pytest.param({"role": ["authenticated"]}, "not the token of a signed-in user", id="roles"),
        pytest.param({"is_anonymous": True}, "anonymous users are not accepted", id="anonymous"),
        pytest.param({"is_anonymous": "no"}, "anonymous users are not accepted", id="odd-flag"),
    ],
)
def test_everything_else_is_refused_with_a_reason(changed, reason):
    with pytest.raises(InvalidToken) as caught:
        read(**changed)

    assert caught.value.reason == reason


@pytest.mark.parametrize("value", [7, [], {}, ""])
def test_odd_claims_that_decide_nothing_are_left_out(value):
    caller = read(email=value, session_id=value)

    assert (caller.email, caller.session_id) == ("", None)


def test_a_token_of_an_oauth_client_names_it():
    assert read(client_id="c1").client_id == "c1"
    assert read(client_id=7).client_id is None
    assert read().client_id is None


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c.d", "a.!!!.c", "a.W10.c", "a.e30=x.c"])
def test_what_is_no_token_says_nothing(token):
    assert peek(token) == {}


def test_a_token_of_ones_own_is_read_without_a_key():
    assert peek("x.eyJzZXNzaW9uX2lkIjoiczEifQ.y") == {"session_id": "s1"}
