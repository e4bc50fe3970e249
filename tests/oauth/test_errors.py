import pytest

from atoms_mcp.errors import AtomsError
from atoms_mcp.oauth.errors import (
    OAuthError,
    RedirectableError,
    UnknownClient,
    UnverifiedRequest,
    quotable,
)


def test_an_error_is_a_code_a_sentence_and_a_status():
    error = OAuthError("invalid_grant", "The code has expired")

    assert isinstance(error, AtomsError)
    assert (error.error, error.description, error.status) == (
        "invalid_grant",
        "The code has expired",
        400,
    )
    assert error.challenge is None
    assert str(error) == "invalid_grant: The code has expired"


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\r\nLocation: x", "ünïcode", "a\x00b"])
def test_a_description_has_only_what_the_rfc_allows(text):
    told = OAuthError("invalid_request", text).description

    assert told == quotable(text)
    assert all(" " <= c <= "~" and c not in '"\\' for c in told)


def test_only_a_redirectable_error_knows_where_to_go():
    error = RedirectableError("invalid_scope", "No", redirect_uri="https://c.example/cb", state="s")

    assert (error.redirect_uri, error.state, error.status) == ("https://c.example/cb", "s", 400)
    assert not hasattr(OAuthError("x", "y"), "redirect_uri")
    assert not hasattr(UnverifiedRequest("x", "y"), "redirect_uri")


def test_an_unverified_request_has_a_heading_for_the_page():
    error = UnverifiedRequest("This link does not work", "Connect again.")

    assert (error.title, error.description) == ("This link does not work", "Connect again.")
    assert (error.error, error.status) == ("invalid_request", 400)


def test_an_unknown_client_is_answered_alike_whatever_the_cause():
    error = UnknownClient()

    assert (error.error, error.status) == ("invalid_client", 401)
    assert error.args == UnknownClient().args
