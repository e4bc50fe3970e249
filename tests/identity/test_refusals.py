import pytest

from atoms_mcp.identity import refusals
from atoms_mcp.identity.refusals import Refusal, find_refusal, read_callback
from atoms_mcp.supabase.errors import SupabaseError

TABLES = {
    name: value
    for name, value in vars(refusals).items()
    if isinstance(value, dict) and all(isinstance(row, Refusal) for row in value.values())
}
ROWS = {row.error: row for table in TABLES.values() for row in table.values()}


def test_there_is_a_table_for_each_door():
    assert set(TABLES) >= {"PASSWORD", "CODE", "MAIL", "SECOND_FACTOR", "EXCHANGE", "SIGN_UP"}


@pytest.mark.parametrize("error", ROWS)
def test_each_refusal_says_what_was_wrong_and_what_to_do_next(error):
    row = ROWS[error]

    assert 400 <= row.status < 500
    assert row.message.endswith(".")
    assert row.hint.endswith(".")
    refused = row.error_for()
    assert (refused.status, refused.error) == (row.status, error)


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        ((), "This password is too weak."),
        (("length",), "This password is too weak: it is too short."),
        (
            ("length", "pwned", "new-reason"),
            "This password is too weak: it is too short and it is known from a leak.",
        ),
    ],
)
def test_a_weak_password_is_told_what_it_lacks(reasons, message):
    upstream = SupabaseError("refused", "x", status=422, code="weak_password", reasons=reasons)

    assert refusals.WEAK_PASSWORD.error_for(upstream).message == message


def test_words_of_supabase_are_not_passed_on():
    upstream = SupabaseError("refused", "row data", status=400, code="user_banned", hint="row data")

    told = find_refusal(upstream, refusals.PASSWORD).error_for(upstream)
    assert "row data" not in f"{told} {told.message} {told.hint}"


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        ("access_denied", None, "sign_in_cancelled"),
        ("access_denied", "otp_expired", "sign_in_expired"),
        ("access_denied", "signup_disabled", "sign_up_disabled"),
        ("access_denied", "user_banned", "user_banned"),
        ("invalid_request", "bad_oauth_state", "sign_in_expired"),
        ("server_error", "unexpected_failure", "provider_refused"),
        ("<script>", "<script>", "provider_refused"),
        ("", "", "provider_refused"),
    ],
)
def test_what_comes_back_instead_of_a_code_is_told_in_our_words(error, code, told):
    refused = read_callback(error, code)

    assert refused.error == told
    assert "<" not in refused.message + refused.hint
