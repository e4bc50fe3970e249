import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.pairs import MAX_PAIRS, Doubled, get_one, parse_pairs


def test_pairs_keep_order_doubles_and_empty_values():
    assert parse_pairs("b=2&a=1&a=&c") == [("b", "2"), ("a", "1"), ("a", ""), ("c", "")]


@pytest.mark.parametrize("raw", ["a=x%20y+z", b"a=x%20y+z"])
def test_a_query_and_a_body_are_read_alike(raw):
    assert parse_pairs(raw) == [("a", "x y z")]


def test_a_semicolon_separates_nothing():
    assert parse_pairs("a=1;b=2") == [("a", "1;b=2")]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("a=%ff", id="not-utf-8"),
        pytest.param(b"a=\xff", id="raw-byte"),
        pytest.param("&".join(["a=1"] * (MAX_PAIRS + 1)), id="too-many"),
    ],
)
def test_what_cannot_be_read_is_refused(raw):
    with pytest.raises(OAuthError, match="cannot be read") as caught:
        parse_pairs(raw)

    assert caught.value.error == "invalid_request"


def test_one_value_is_found():
    assert get_one([("a", "1"), ("b", "2")], "b") == "2"


@pytest.mark.parametrize("pairs", [[], [("b", "2")], [("a", "")]])
def test_no_value_counts_as_left_out(pairs):
    assert get_one(pairs, "a") is None


@pytest.mark.parametrize("values", [("1", "2"), ("1", "1"), ("1", ""), ("", "")])
def test_twice_is_once_too_often_whatever_the_values(values):
    with pytest.raises(Doubled, match="a came more than once"):
        get_one([("a", value) for value in values], "a")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw):
    try:
        pairs = parse_pairs(raw)
    except OAuthError:
        return

    for name, value in pairs:
        (name + value).encode()
