import re
from urllib.parse import quote as percent
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.entities.postgrest import (
    Condition,
    after,
    all_of,
    any_of,
    array,
    compare,
    contains_text,
    equal,
    is_not_null,
    is_null,
    one_of,
    overlaps,
    pairs,
    query_bytes,
    quote,
    same_text,
    starts_with,
)

HOSTILE = st.text(
    alphabet=st.one_of(st.sampled_from(",().:\"\\{}*% \t\n'&=+;|"), st.characters(codec="utf-8")),
    max_size=30,
)


def read_list(text):
    """Read "(…)" as PostgREST reads the operand of `in`: an independent reading of its rules."""
    assert text[0] == "("
    assert text[-1] == ")"
    items, at, inner = [], 0, text[1:-1]
    while at < len(inner):
        if inner[at] == '"':
            value, at = read_quoted(inner, at)
        else:
            end = inner.find(",", at)
            end = len(inner) if end < 0 else end
            value, at = inner[at:end], end
            assert ")" not in value
        items.append(value)
        if at < len(inner):
            assert inner[at] == ","
            at += 1
    return items


def read_quoted(text, at):
    value, at = [], at + 1
    while text[at] != '"':
        at += text[at] == "\\"
        value.append(text[at])
        at += 1
    return "".join(value), at + 1


def read_branch(text):
    """Read "column.operator.value" with nothing after it."""
    column, operator, rest = text.split(".", 2)
    if rest[:1] == '"':
        value, at = read_quoted(rest, 0)
        assert at == len(rest)
        return column, operator, value
    assert not re.search(r'[,().:"\\]', rest)
    return column, operator, rest


def read_array(text):
    """Read a PostgreSQL array literal of quoted texts."""
    assert text[0] == "{"
    assert text[-1] == "}"
    items, at = [], 1
    while text[at] != "}":
        value, at = read_quoted(text, at)
        items.append(value)
        at += text[at] == ","
    assert at == len(text) - 1
    return items


@given(HOSTILE)
def test_a_plain_filter_takes_its_value_as_it_stands(value):
    assert equal("name", value).pair() == ("name", f"eq.{value}")


@given(HOSTILE.filter(bool))
def test_a_value_in_a_tree_ends_where_it_should(value):
    assert read_branch(equal("name", value).branch()) == ("name", "eq", value)


@given(st.lists(HOSTILE.filter(bool), min_size=1, max_size=5))
def test_a_list_gives_back_its_values(values):
    column, text = one_of("name", values).pair()

    assert column == "name"
    assert read_list(text.removeprefix("in.")) == values


@given(st.lists(HOSTILE, max_size=5))
def test_an_array_gives_back_its_values(values):
    assert read_array(array(values)) == values


@given(st.lists(HOSTILE, max_size=4))
def test_an_array_in_a_tree_is_quoted_once_more(values):
    column, operator, text = read_branch(overlaps("tags", values).branch())

    assert (column, operator) == ("tags", "ov")
    assert read_array(text) == values


def test_an_empty_value_in_a_tree_is_an_empty_text():
    assert equal("name", "").branch() == 'name.eq.""'


def test_the_worked_examples_of_the_contract():
    assert one_of("name", ["a,b", 'say "hi"']).pair() == ("name", r'in.("a,b","say \"hi\"")')
    assert overlaps("tags", ["a,b"]).branch() == r'tags.ov."{\"a,b\"}"'
    assert equal("name", 'a,b(c).d"e').pair() == ("name", 'eq.a,b(c).d"e')
    assert quote("plain-1_x") == "plain-1_x"


@given(HOSTILE)
def test_a_pattern_holds_no_wildcard_of_its_own(value):
    column, text = contains_text("name", value).pair()
    operator, _, operand = text.partition(".")

    assert column == "name"
    if operator == "imatch":
        # PostgreSQL reads these escapes as Python does.
        assert re.fullmatch(operand, value)
    else:
        assert operator == "ilike"
        assert "*" not in operand
        # What is left of a percent sign stands behind a backslash, and so is text.
        assert not re.search(r"(?<!\\)(\\\\)*%", operand[1:-1])


def test_the_same_text_is_asked_for_whole():
    assert same_text("name", "50%_ab\\").pair() == ("name", r"ilike.50\%\_ab\\")


def test_a_beginning_may_be_followed_by_anything():
    assert starts_with("key", "VEH-1_%").pair() == ("key", r"ilike.VEH-1\_\%%")
    assert starts_with("key", "V*").pair() == ("key", r"imatch.^V\*")


def test_an_asterisk_is_no_wildcard():
    assert same_text("name", "a*(b)_").pair() == ("name", r"imatch.^a\*\(b\)_$")
    assert contains_text("name", "***:").branch() == r'name.imatch."\\*\\*\\*:"'


def test_scalars_are_written_as_json_has_them():
    assert equal("a", True).operand == "true"  # noqa: FBT003 - a value
    assert equal("a", False).operand == "false"  # noqa: FBT003 - a value
    assert compare("a", "gte", 12).pair() == ("a", "gte.12")


def test_null_is_a_word_and_no_value():
    assert is_null("deleted_at").pair() == ("deleted_at", "is.null")
    assert is_not_null("deleted_at").branch() == "deleted_at.not.is.null"
    assert equal("a", "null").pair() == ("a", "eq.null")


def test_nothing_is_one_of_none():
    assert one_of("id", []).pair() == ("id", "in.()")


def test_conditions_join():
    one, two = equal("a", 1), equal("b", "x.y")

    assert all_of([one]) == "a.eq.1"
    assert all_of([one, two]) == 'and(a.eq.1,b.eq."x.y")'
    assert any_of([one.branch(), two.branch()]) == ("or", '(a.eq.1,b.eq."x.y")')
    assert pairs([one, two]) == (("a", "eq.1"), ("b", "eq.x.y"))


def test_a_position_is_after_everything_up_to_it():
    bound, tree = after([("updated_at", True, "2026-01-01T00:00:00+00:00"), ("id", False, "7")])

    assert bound == ("updated_at", "lte.2026-01-01T00:00:00+00:00")
    moment = '"2026-01-01T00:00:00+00:00"'
    assert tree == ("or", f"(updated_at.lt.{moment},and(updated_at.eq.{moment},id.gt.7))")


def test_what_has_no_value_comes_after_all_that_has_one():
    keys = [("email", False, "a@x.y"), ("id", False, "7")]
    tree = '(email.gt."a@x.y",and(email.eq."a@x.y",id.gt.7),email.is.null)'

    assert after(keys, has_nulls=True) == (("or", tree),)


def test_a_position_among_what_has_no_value_is_after_the_rest_of_its_keys():
    keys = [("email", True, None), ("id", False, "7")]

    assert after(keys, has_nulls=True) == (
        ("email", "is.null"),
        ("id", "gte.7"),
        ("or", "(id.gt.7)"),
    )


def test_a_position_of_an_ascending_order_is_bounded_from_below():
    bound, _ = after([("position", False, 5), ("id", False, "7")])

    assert bound == ("position", "gte.5")


@pytest.mark.parametrize(
    "column", ["", "a b", "A", "a=eq.1&b", "a.b.c", "or", "select", "limit", 'a"b', "a->b", "a\n"]
)
def test_what_is_no_column_name_is_refused(column):
    with pytest.raises(ValueError, match="not a column"):
        equal(column, 1)


def test_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match="not an operator"):
        Condition("a", "like.x&", "1")


@given(st.lists(st.tuples(st.sampled_from(["name", "or"]), HOSTILE), max_size=4))
def test_the_length_of_a_query_is_known_beforehand(query):
    written = urlencode(query, quote_via=percent, safe="")

    assert len(written) <= query_bytes(query) <= len(written) + 2
