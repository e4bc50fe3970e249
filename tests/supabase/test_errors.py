import pytest

from atoms_mcp.supabase.errors import CallerExpired, SupabaseError


def test_the_text_of_an_error_has_no_words_of_upstream():
    error = SupabaseError("refused", "row (secret) violates", status=409, code="23505", hint="h")

    assert str(error) == "refused 409 23505"
    assert "secret" not in repr(error)
    assert error.message == "row (secret) violates"


def test_an_error_without_a_status_says_so():
    assert str(SupabaseError("down", "x")) == "down - -"


@pytest.mark.parametrize(
    ("kind", "code", "is_over"),
    [
        ("refused", "session_not_found", True),
        ("refused", "user_banned", True),
        ("refused", None, False),
        ("refused", "validation_failed", False),
        ("busy", "session_not_found", False),
    ],
)
def test_a_session_is_over_where_auth_says_so(kind, code, is_over):
    assert SupabaseError(kind, "no", status=403, code=code).ends_session is is_over


@pytest.mark.parametrize(
    ("kind", "status", "code", "is_over"),
    [
        ("refused", 400, "refresh_token_not_found", True),
        ("refused", 400, None, True),
        ("refused", 403, "session_not_found", True),
        ("refused", 409, "conflict", False),
        ("refused", 404, "new_code", False),
        ("wrong", 401, None, False),
        ("busy", 429, "user_banned", False),
    ],
)
def test_a_refresh_token_is_over_where_auth_says_so(kind, status, code, is_over):
    assert SupabaseError(kind, "no", status=status, code=code).ends_refresh is is_over


def test_the_end_of_a_token_names_its_code():
    assert "PGRST303" in str(CallerExpired("PGRST303"))
    assert "no code" in str(CallerExpired())
