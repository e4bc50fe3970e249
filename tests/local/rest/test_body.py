"""Bodies of writes and calls."""

import pytest

from atoms_mcp.local.rest.body import parse_arguments, parse_rows
from atoms_mcp.local.rest.errors import RestError

JSON = "application/json; charset=utf-8"


def test_an_object_becomes_an_array_of_one():
    payload = parse_rows(b'{"a": 1, "b": 2}', JSON, None)

    assert (payload.text, payload.columns) == ('[{"a": 1, "b": 2}]', ("a", "b"))
    assert payload.is_wrapped


def test_an_array_stays_as_it_came():
    payload = parse_rows(b' [{"a":1.0},{"a":1e2}]', "", None)

    assert (payload.text, payload.columns) == (' [{"a":1.0},{"a":1e2}]', ("a",))
    assert not payload.is_wrapped


def test_columns_overrule_the_keys():
    assert parse_rows(b'[{"a":1},{"b":2}]', JSON, ("c",)).columns == ("c",)
    with pytest.raises(RestError, match="keys must match"):
        parse_rows(b"[5]", JSON, ("c",))


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"x"', b"[{},{}]"])
def test_bodies_without_keys(body):
    assert parse_rows(body, JSON, None).columns == ()


@pytest.mark.parametrize("body", [b'[{"a":1},{}]', b'[{},{"a":1}]', b'[{"a":1},{"b":1}]', b"[[]]"])
def test_unlike_rows(body):
    with pytest.raises(RestError, match="All object keys must match"):
        parse_rows(body, JSON, None)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":NaN}', b"[" * 100_000])
def test_what_is_no_json(body):
    with pytest.raises(RestError, match="Empty or invalid json"):
        parse_rows(body, JSON, None)


def test_other_types_are_refused():
    with pytest.raises(RestError, match="text/csv"):
        parse_rows(b"a\n1", "text/csv", None)


def test_no_body_is_no_arguments():
    assert parse_arguments(b"", "", None).columns == ()
    assert parse_arguments(b'{"a":1}', JSON, None).columns == ("a",)
