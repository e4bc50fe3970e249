"""Refusals and their wire form."""

import json

import pytest

from atoms_mcp.local.rest.errors import RestError, error_response, from_postgres


class RaisedError(Exception):
    """An error as PostgreSQL's driver gives it."""

    def __init__(self, sqlstate, message="m", detail=None, hint=None):
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint


def test_the_body_has_four_keys_and_the_proxy_knows_the_code():
    response = error_response(400, "PGRST100", "wrong", {"a": 1})

    assert json.loads(response.body) == {
        "code": "PGRST100",
        "message": "wrong",
        "details": {"a": 1},
        "hint": None,
    }
    assert response.status == 400
    assert response.headers["Proxy-Status"] == "PostgREST; error=PGRST100"
    assert "WWW-Authenticate" not in response.headers


def test_a_401_says_how_to_come_back():
    plain = error_response(401, "42501", "no")
    expired = error_response(401, "PGRST303", 'JWT "expired"\r\nX: y\\')
    own = error_response(401, "PGRST302", "no", headers={"WWW-Authenticate": "Mine"})

    assert plain.headers["WWW-Authenticate"] == "Bearer"
    assert expired.headers["WWW-Authenticate"] == (
        'Bearer error="invalid_token", error_description="JWT expiredX: y"'
    )
    assert own.headers["WWW-Authenticate"] == "Mine"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("08006", 503), ("09000", 500), ("0L000", 403), ("0P000", 403), ("22P02", 400),
        ("23502", 400), ("23503", 409), ("23505", 409), ("25006", 405), ("25001", 500),
        ("28000", 403), ("2D000", 500), ("38000", 500), ("39000", 500), ("3B000", 500),
        ("40001", 500), ("42501", 403), ("42883", 404), ("42P01", 404), ("42P17", 500),
        ("42703", 400), ("53300", 503), ("53400", 500), ("54001", 500), ("55006", 500),
        ("57014", 500), ("57P01", 503), ("58000", 500), ("F0000", 500), ("HV000", 500),
        ("P0001", 400), ("P0002", 500), ("XX000", 500), ("PT418", 418), ("PT100", 500),
        ("PTABC", 500), ("22023", 400),
    ],
)  # fmt: skip
def test_states_have_their_status(state, status):
    error = from_postgres(RaisedError(state, "m", "d", "h"), is_anon=False)

    assert (error.status, error.code) == (status, state)
    assert (error.message, error.details, error.hint) == ("m", "d", "h")


def test_anon_is_told_to_sign_in():
    assert from_postgres(RaisedError("42501"), is_anon=True).status == 401


def test_an_unknown_role_is_a_401():
    error = from_postgres(RaisedError("22023", 'role "x" does not exist'), is_anon=False)

    assert error.status == 401


def test_an_error_without_a_state_is_ours():
    nameless = RaisedError(None)
    nameless.args = ()

    error = from_postgres(nameless, is_anon=False)

    assert (error.status, error.code, error.message) == (500, "XX000", "")


def test_a_whole_refusal_with_an_impossible_status_is_a_500():
    said = RaisedError("PGRST", '{"code":"A","message":"b"}', '{"status":42,"headers":{}}')

    assert from_postgres(said, is_anon=False).status == 500


def test_a_refusal_reads_as_code_and_message():
    assert str(RestError(400, "PGRST100", "wrong")) == "PGRST100: wrong"
