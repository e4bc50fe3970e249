"""Query strings as a whole."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.query import MAX_PARAMETERS, MAX_QUERY_BYTES, parse_query
from atoms_mcp.local.rest.terms import Field, Filter, OrderTerm, Query, Scope, SelectColumn

STAR = (SelectColumn(Field("*")),)


def test_no_query_selects_everything():
    assert parse_query("") == Query(STAR)
    assert parse_query("&&a&").root == Scope()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_values_are_decoded_once(text):
    query = parse_query(f"a=eq.{quote(text, safe='')}")

    assert query.root.conditions == (Filter(Field("a"), "eq", (text,)),)


def test_plus_is_a_blank():
    assert parse_query("a=eq.b+c%2Bd").root.conditions[0].values == ("b c+d",)


def test_parameters_find_their_place():
    query = parse_query(
        "select=a&columns=b&on_conflict=c,d&order=a.desc&limit=5&offset=2&a=eq.1&a=gt.0"
        "&or=(b.eq.1)&r.order=x&r.limit=1&r.s.a=is.null&select=ignored"
    )

    assert query.select == (SelectColumn(Field("a")),)
    assert (query.columns, query.on_conflict) == (("b",), ("c", "d"))
    root = query.root
    assert (root.limit, root.offset, len(root.conditions)) == (5, 2, 3)
    assert root.order == (OrderTerm(Field("a"), is_descending=True),)
    assert query.scopes[("r",)] == Scope(order=(OrderTerm(Field("x")),), limit=1)
    assert len(query.scopes[("r", "s")].conditions) == 1


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", 0), ("7", 7), ("-3", -1), ("x", None), ("", None), ("1.5", None), ("+1", None),
        ("٣", None), ("9" * 5000, 2**63 - 1), ("-" + "9" * 5000, -1),
    ],
)  # fmt: skip
def test_limits(text, limit):
    assert parse_query(f"limit={text.replace('+', '%2B')}").root.limit == limit


def test_arguments_are_told_from_filters_only_where_there_may_be_any():
    query = parse_query("a=1&b=eq.2&c=in.x", has_arguments=True)

    assert query.arguments == (("a", "1"), ("c", "in.x"))
    assert query.root.conditions == (Filter(Field("b"), "eq", ("2",)),)
    with pytest.raises(RestError, match="PGRST100"):
        parse_query("a=1")


@pytest.mark.parametrize("raw", ["a=eq.%ff", "%ff=eq.1", "a=eq.%ed%a0%80", "a=eq.\udc80"])
def test_what_is_no_utf8_is_refused(raw):
    with pytest.raises(RestError, match="UTF-8"):
        parse_query(raw)


def test_length_and_number_are_bounded():
    with pytest.raises(RestError) as long:
        parse_query("a=" + "x" * MAX_QUERY_BYTES)
    with pytest.raises(RestError) as many:
        parse_query("&".join(["a=eq.1"] * (MAX_PARAMETERS + 1)))

    assert (long.value.status, many.value.status) == (414, 400)
