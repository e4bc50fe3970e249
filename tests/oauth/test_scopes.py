import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.scopes import (
    ALL_SCOPES,
    OFFLINE,
    READ_SCOPE,
    SCOPES,
    WRITE_SCOPE,
    expand,
    narrow,
    parse_scope,
    render_scope,
)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("atoms:read", (READ_SCOPE,)),
        ("atoms:write", (WRITE_SCOPE,)),
        ("atoms:write  atoms:read", SCOPES),
        ("atoms:read atoms:read", (READ_SCOPE,)),
        ("atoms:read openid profile", (READ_SCOPE,)),
        pytest.param("openid email profile", SCOPES, id="none-of-ours"),
        pytest.param("ATOMS:READ", SCOPES, id="case-matters"),
        pytest.param("", SCOPES, id="empty"),
        pytest.param(None, SCOPES, id="left-out"),
        ("atoms:read offline_access", (READ_SCOPE, OFFLINE)),
        ("offline_access", (*SCOPES, OFFLINE)),
    ],
)
def test_known_scopes_are_kept_and_none_means_all(text, scopes):
    assert parse_scope(text) == scopes


@pytest.mark.requirement("auth-broader-scope")
@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ((READ_SCOPE,), {READ_SCOPE}),
        ((WRITE_SCOPE,), ALL_SCOPES),
        ((READ_SCOPE, OFFLINE), {READ_SCOPE}),
        (("admin",), set()),
        ((), set()),
    ],
)
def test_writing_implies_reading_and_nothing_else_implies_anything(scopes, allowed):
    assert expand(scopes) == allowed


@pytest.mark.parametrize(
    ("granted", "text", "left"),
    [
        (SCOPES, None, SCOPES),
        (SCOPES, "", SCOPES),
        (SCOPES, "atoms:read", (READ_SCOPE,)),
        ((WRITE_SCOPE,), "atoms:read", (READ_SCOPE,)),
        ((*SCOPES, OFFLINE), "atoms:read", (READ_SCOPE, OFFLINE)),
        pytest.param((READ_SCOPE,), "atoms:read atoms:write", (READ_SCOPE,), id="user-gave-less"),
        pytest.param((READ_SCOPE,), "openid email", (READ_SCOPE,), id="none-of-ours"),
        pytest.param((READ_SCOPE,), "offline_access", (READ_SCOPE,), id="offline-alone"),
    ],
)
def test_a_refresh_can_ask_for_less(granted, text, left):
    assert narrow(granted, text) == left


def test_a_refresh_cannot_ask_for_something_else():
    with pytest.raises(OAuthError, match="Only atoms:read was granted") as caught:
        narrow((READ_SCOPE,), "atoms:write")

    assert caught.value.error == "invalid_scope"


@given(
    granted=st.sets(st.sampled_from([*SCOPES, OFFLINE])),
    asked=st.lists(st.sampled_from([*SCOPES, OFFLINE, "admin", "openid"])),
)
def test_narrowing_never_widens(granted, asked):
    try:
        left = narrow(granted, " ".join(asked))
    except OAuthError:
        return

    assert expand(left) <= expand(granted)
    assert (OFFLINE in left) <= (OFFLINE in granted)


def test_scopes_are_written_in_one_order():
    assert render_scope([OFFLINE, WRITE_SCOPE, READ_SCOPE]) == (
        "atoms:read atoms:write offline_access"
    )
    assert render_scope(()) == ""


@given(st.lists(st.sampled_from([*SCOPES, OFFLINE]), min_size=1))
def test_what_is_written_reads_the_same(scopes):
    once = parse_scope(render_scope(scopes))

    assert parse_scope(render_scope(once)) == once
