import json

import asyncpg
import pytest

from atoms_mcp.local.auth.errors import (
    AuthError,
    OAuthShapeError,
    is_current_version,
    is_outage,
    render_auth_error,
    render_gateway_refusal,
    render_oauth_error,
    render_raised,
)

WRONG = AuthError(400, "invalid_credentials", "Invalid login credentials")
WEAK = AuthError(422, "weak_password", "Too short.", weak_reasons=["length"])


def read(response):
    return json.loads(response.body)


def test_older_clients_get_the_number_and_the_code_apart():
    response = render_auth_error(WRONG, None)

    assert response.status == 400
    assert read(response) == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }
    assert response.headers["x-sb-error-code"] == "invalid_credentials"
    assert "x-supabase-api-version" not in response.headers


def test_newer_clients_get_the_code_and_their_version_back():
    response = render_auth_error(WRONG, "2025-03-01")

    assert read(response) == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert response.headers["x-supabase-api-version"] == "2024-01-01"
    assert response.headers["x-sb-error-code"] == "invalid_credentials"


def test_a_weak_password_has_its_reasons_in_both_shapes():
    old, new = render_auth_error(WEAK, None), render_auth_error(WEAK, "2024-01-01")

    assert read(old)["weak_password"] == read(new)["weak_password"] == {"reasons": ["length"]}
    assert "x-sb-error-code" in old.headers
    assert "x-sb-error-code" not in new.headers


@pytest.mark.parametrize(
    ("asked", "is_new"),
    [
        ("2024-01-01", True),
        ("2030-12-31", True),
        ("2023-12-31", False),
        ("2024-13-01", False),
        ("2024-1-1", False),
        ("newest", False),
        (None, False),
    ],
)
def test_only_a_date_of_2024_or_later_asks_for_the_newer_shape(asked, is_new):
    assert is_current_version(asked) is is_new


def test_the_shape_of_oauth_is_always_a_bad_request():
    response = render_oauth_error(OAuthShapeError("invalid_grant", "No."))

    assert (response.status, read(response)) == (
        400,
        {"error": "invalid_grant", "error_description": "No."},
    )


@pytest.mark.parametrize(("state", "status"), [("P0001", 500), ("PT402", 402), ("PT999", 500)])
def test_a_trigger_may_choose_the_status(state, status):
    error = asyncpg.PostgresError.new({"C": state, "M": "no", "H": "hint", "D": "why"})
    error.sqlstate = state

    response = render_raised(error)

    assert response.status == status
    assert read(response) == {"code": state, "message": "no", "hint": "hint", "detail": "why"}


def test_a_constraint_does_not_show_the_row_that_it_refused():
    error = asyncpg.CheckViolationError("new row violates")
    error.hint, error.detail = None, "Failing row contains ($2b$10$secret)."

    assert "secret" not in render_raised(error).text


def test_an_error_without_a_text_is_rendered_too():
    error = asyncpg.RaiseError()
    error.hint = error.detail = None

    assert read(render_raised(error))["message"] == ""


def test_the_gateways_own_refusal_has_a_shape_of_its_own():
    response = render_gateway_refusal("No API key", "Send one.", "MISSING")

    assert response.status == 401
    assert read(response) == {"message": "No API key", "hint": "Send one."}
    assert response.headers["sb-error-code"] == "MISSING"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("cannot switch"), True),
        (asyncpg.AdminShutdownError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.TooManyConnectionsError(), True),
        (asyncpg.UniqueViolationError(), False),
        (asyncpg.PostgresError(), False),
        (asyncpg.QueryCanceledError(), False),
        (RuntimeError(), False),
    ],
)
def test_outages_are_told_from_mistakes(error, answer):
    assert is_outage(error) is answer
