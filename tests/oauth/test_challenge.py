import pytest

from atoms_mcp.oauth.challenge import Challenger

URL = "https://h.example/.well-known/oauth-protected-resource/api/mcp"


@pytest.fixture
def challenger():
    return Challenger(
        metadata_url=URL,
        scopes=("atoms:read", "atoms:write"),
        implied={"atoms:write": ("atoms:read", "atoms:write")},
    )


@pytest.mark.requirement("auth-challenge-scope")
def test_without_a_token_no_error_is_named(challenger):
    assert challenger.for_nobody(None) == (
        f'Bearer resource_metadata="{URL}", scope="atoms:read atoms:write"'
    )


def test_a_bad_token_is_called_one(challenger):
    assert challenger.for_nobody("expired") == (
        f'Bearer resource_metadata="{URL}", scope="atoms:read atoms:write", '
        'error="invalid_token", error_description="The access token was refused: expired"'
    )


@pytest.mark.requirement("auth-insufficient-scope")
def test_a_missing_scope_is_asked_for_with_all_that_go_with_it(challenger):
    value = challenger.for_more("atoms:write")

    assert value.startswith('Bearer error="insufficient_scope", scope="atoms:read atoms:write", ')
    assert f'resource_metadata="{URL}"' in value


def test_a_scope_that_implies_none_is_asked_for_alone(challenger):
    assert 'scope="atoms:read"' in challenger.for_more("atoms:read")


@pytest.mark.parametrize("reason", ['a"b', "a\\b", "a\r\nSet-Cookie: x", "ünïcode", "a\x00b"])
def test_nothing_ends_the_quotes_or_the_line(challenger, reason):
    value = challenger.for_nobody(reason)

    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 8
    assert "\\" not in value
