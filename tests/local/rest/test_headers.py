"""Preferences, forms, pages and schemas in headers."""

import pytest

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import (
    Window,
    check_profile,
    parse_accept,
    parse_preferences,
    plan_window,
)
from atoms_mcp.local.rest.terms import Scope


def test_the_first_value_of_a_preference_wins():
    preferences = parse_preferences(["return=minimal, count=exact", "return=representation"])

    assert preferences.get("return") == "minimal"
    assert preferences.get("count") == "exact"
    assert preferences.get("missing") is None
    assert not preferences.is_strict


@pytest.mark.parametrize("word", ["return=all", "count", "max-affected=-1", "timezone=Mars/Base"])
def test_unknown_preferences_count_only_when_strict(word):
    assert parse_preferences([word]).chosen == {}
    with pytest.raises(RestError) as refusal:
        parse_preferences([f"handling=strict,{word},"])
    assert refusal.value.details == f"Invalid preferences: {word}"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc", "", "a\0b", "Europe"])
def test_time_zones_are_names_and_nothing_else(name):
    assert parse_preferences([f"timezone={name}"]).get("timezone") is None


def test_limits_of_a_write_count_only_when_strict():
    lenient = parse_preferences(["max-affected=5"])
    strict = parse_preferences(["handling=strict, max-affected=5, max-affected=6"])

    assert lenient.affected_limit is None
    assert strict.affected_limit == 5
    assert strict.render_applied("max-affected") == "max-affected=5"
    assert strict.render_applied("handling", "count") == "handling=strict"
    assert lenient.render_applied("max-affected", "handling") == ""


@pytest.mark.parametrize(
    ("accept", "kind", "is_stripped"),
    [
        ([], "array", False),
        (["*/*"], "array", False),
        (["text/html", "application/json"], "array", False),
        (["application/vnd.pgrst.object+json"], "object", False),
        (["application/vnd.pgrst.object"], "object", False),
        (["application/vnd.pgrst.object+json; nulls=stripped"], "object", True),
        (["application/vnd.pgrst.array+json;nulls=stripped"], "array", True),
        (["application/vnd.pgrst.array+json"], "array", False),
    ],
)
def test_forms(accept, kind, is_stripped):
    form = parse_accept(accept)

    assert (form.kind, form.is_stripped) == (kind, is_stripped)
    assert form.content_type.endswith("; charset=utf-8")


def test_a_form_that_is_not_made():
    with pytest.raises(RestError) as refusal:
        parse_accept(["text/csv, image/png"])

    assert (refusal.value.status, refusal.value.code) == (406, "PGRST107")
    assert refusal.value.message.endswith("text/csv, image/png")


def test_schemas():
    check_profile(None)
    check_profile("public")
    with pytest.raises(RestError, match="Invalid schema: auth"):
        check_profile("auth")


@pytest.mark.parametrize(
    ("scope", "header", "window"),
    [
        (Scope(), None, Window(0, None)),
        (Scope(limit=5, offset=2), None, Window(2, 5)),
        (Scope(), "0-24", Window(0, 25)),
        (Scope(), "3-", Window(3, None)),
        (Scope(), "-9", Window(0, 10)),
        (Scope(limit=5), "2-99", Window(2, 3)),
        (Scope(limit=50, offset=1), "0-9", Window(1, 9)),
        (Scope(offset=4), "0-9", Window(4, 6)),
        (Scope(), "nonsense", Window(0, None)),
        (Scope(limit=0), "5-6", Window(0, 0)),
        (Scope(limit=0, offset=3), None, Window(3, 0)),
    ],
)
def test_windows(scope, header, window):
    assert plan_window(scope, header) == window


@pytest.mark.parametrize(
    ("scope", "header", "said"),
    [
        (Scope(), "5-2", "lower boundary"),
        (Scope(limit=-1), None, "greater than or equal to zero"),
        (Scope(offset=-1), None, "greater than or equal to zero"),
        (Scope(limit=2), "5-9", "greater than or equal to zero"),
    ],
)
def test_impossible_windows(scope, header, said):
    with pytest.raises(RestError) as refusal:
        plan_window(scope, header)

    assert (refusal.value.status, refusal.value.code) == (416, "PGRST103")
    assert said in refusal.value.details
