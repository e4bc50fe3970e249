"""The languages of filters, trees, order and lists of names."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.grammar import (
    parse_columns,
    parse_field_path,
    parse_filter,
    parse_names,
    parse_order,
    parse_tree,
)
from atoms_mcp.local.rest.terms import Field, Filter, JsonStep, OrderTerm, Tree

A = Field("a")


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.text())
def test_a_plain_value_is_all_that_follows_the_operator(text):
    assert parse_filter(A, f"eq.{text}") == Filter(A, "eq", (text,))
    assert parse_filter(A, f"not.like.{text}") == Filter(A, "like", (text,), is_negated=True)


@given(st.lists(st.text(), min_size=2))
def test_quoted_items_survive_lists(texts):
    listed = ",".join(quoted(text) for text in texts)

    assert parse_filter(A, f"in.({listed})").values == tuple(texts)


@given(st.text(min_size=1), st.text())
def test_quoted_values_survive_trees(first, second):
    text = f"(a.eq.{quoted(first)},not.or(a.in.({quoted(first)}),b.gt.{quoted(second)}))"

    path, tree = parse_tree("and", text)

    assert path == ()
    assert tree == Tree(
        "and",
        (
            Filter(A, "eq", (first,)),
            Tree(
                "or",
                (Filter(A, "in", (first,)), Filter(Field("b"), "gt", (second,))),
                is_negated=True,
            ),
        ),
    )


@given(st.text(alphabet='ab,().:"\\{} *%-', max_size=25))
def test_any_text_is_a_tree_or_a_refusal(text):
    with contextlib.suppress(RestError):
        parse_tree("or", text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("in.()", ()),
        ('in.("")', ()),
        ("in.(1)", ("1",)),
        ("in.(a b,c)", ("a b", "c")),
        ("in.( a , b )", ("a ", " b ")),
        ('in.("a,b",c)', ("a,b", "c")),
        ('in.("a"b,c)', ('"a"b', "c")),
        ('in.(a"b,c)', ('a"b', "c")),
        ("in.({a,b})", ("{a", "b}")),
        ("in.(,a)", ("", "a")),
        ('in.("a\\"b")', ('a"b',)),
        ("in.(a\\,b)", ("a\\", "b")),
    ],
)
def test_lists(text, values):
    assert parse_filter(A, text).values == values


def test_long_lists_are_one_value():
    listed = ",".join(str(number) for number in range(5000))

    assert len(parse_filter(A, f"in.({listed})").values) == 5000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(a.eq.x y)", "x y"),
        ("(a.eq.)", ""),
        ('(a.eq."x,y)")', "x,y)"),
        ('(a.eq."x"y)', '"x"y'),
        ("(a.cs.{x,y})", "{x,y}"),
        ('(a.cs."{\\"x,y\\"}")', '{"x,y"}'),
        ("(a.cs.{x)", "{x"),
        ("(a.eq.b.c:d)", "b.c:d"),
        ("( a.eq.x )", "x "),
    ],
)
def test_values_in_trees(text, value):
    assert parse_tree("or", text)[1].terms[0].values == (value,)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("eq(any).{a}", Filter(A, "eq", ("{a}",), quantifier="any")),
        ("not.ilike(all).{a}", Filter(A, "ilike", ("{a}",), is_negated=True, quantifier="all")),
        ("fts(english).a b", Filter(A, "fts", ("a b",), language="english")),
        ("wfts.a", Filter(A, "wfts", ("a",))),
        ("is.NULL", Filter(A, "is", ("null",))),
        ("is.Not_Null", Filter(A, "is", ("not_null",))),
        ("isdistinct.x", Filter(A, "isdistinct", ("x",))),
        ("neq.", Filter(A, "neq", ("",))),
        ("eq.not.eq.x", Filter(A, "eq", ("not.eq.x",))),
    ],
)
def test_operators(text, wanted):
    assert parse_filter(A, text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "eq", "noop.1", "EQ.1", "not.not.eq.1", "eq(some).1", "eq().1", "neq(any).1",
        "in(any).(1)", "is(any).null", "fts().x", "in.1", "in.(1", "in.(1)x", "is.nil",
        "is.nullx", "is.null x", "is.",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(RestError) as refusal:
        parse_filter(A, text)

    assert refusal.value.code == "PGRST100"


@pytest.mark.parametrize(
    "text",
    ["", "()", "(a)", "(a.eq.1", "(a.eq.1))", "a.eq.1", "(xor(a.eq.1))", "(a.in.1,2)", "(and())"],
)
def test_what_is_no_tree_is_refused(text):
    with pytest.raises(RestError) as refusal:
        parse_tree("or", text)

    assert refusal.value.code == "PGRST100"


def test_trees_of_embeds_and_their_negation():
    assert parse_tree("rel.or", "(a.eq.1)")[0] == ("rel",)
    path, tree = parse_tree("x.y.not.and", "(a.eq.1)")
    assert (path, tree.combiner, tree.is_negated) == (("x", "y"), "and", True)


def test_trees_have_a_depth():
    with pytest.raises(RestError, match="PGRST100"):
        parse_tree("or", "(and" * 5000)


def test_trees_know_columns_called_like_their_words():
    tree = parse_tree("or", "(or.eq.1,and.gt.2,not.is.null)")[1]

    assert [term.field.name for term in tree.terms] == ["or", "and", "not"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a", (OrderTerm(A),)),
        ("a.asc", (OrderTerm(A),)),
        ("a.desc.nullslast", (OrderTerm(A, is_descending=True, nulls="last"),)),
        ("a.nullsfirst , b", (OrderTerm(A, nulls="first"), OrderTerm(Field("b")))),
        (
            "a->b.desc",
            (OrderTerm(Field("a", (JsonStep("b", is_text=False),)), is_descending=True),),
        ),
        ("r(a).desc", (OrderTerm(A, is_descending=True, relation="r"),)),
        ('"a.b".asc', (OrderTerm(Field("a.b")),)),
    ],
)
def test_orders(text, terms):
    assert parse_order(text) == terms


@pytest.mark.parametrize(
    "text", ["", "a.ac", "a.descc", "a.desc.asc", "r(a,b)", "r(a", "a,", "a.."]
)
def test_what_is_no_order_is_refused(text):
    with pytest.raises(RestError) as refusal:
        parse_order(text)

    assert refusal.value.code == "PGRST100"


def test_lists_of_names():
    assert parse_columns('a, "b,c",a', "columns") == ("a", "b,c")
    for text in ("", "a,", "a b.c"):
        with pytest.raises(RestError, match="columns parameter"):
            parse_columns(text, "columns")


def test_keys():
    assert parse_field_path("a") == ((), A)
    assert parse_field_path('r."x.y"."a"') == (("r", "x.y"), A)
    assert parse_field_path("r.a->>b") == (("r",), Field("a", (JsonStep("b", is_text=True),)))
    assert parse_names("a.b") == ("a", "b")
    for text in ("a..b", "a.", "a(b)", ".".join("a" * 50)):
        with pytest.raises(RestError):
            parse_field_path(text)
    with pytest.raises(RestError):
        parse_names("a(")
