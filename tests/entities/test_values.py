import pytest

from atoms_mcp.entities.catalogue import Filter
from atoms_mcp.entities.values import (
    as_list,
    as_uuid,
    filter_faults,
    moment,
    stored,
    value_faults,
)

UUID = "0AC3E000-0000-4000-8000-000000000001"


def faults(requirement, name, value):
    return [fault.message for fault in value_faults(requirement.fields[name], name, value)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "A"),
        ("title", "x" * 300),
        ("description", None),
        ("description", ""),
        ("description", "'; drop table requirements; --"),
        ("status", "in_review"),
        ("tags", []),
        ("tags", ["a,b", 'c"d']),
        ("verification", ["test"]),
        ("position", -5),
        ("fields", {"a": {"b": [1, None]}}),
        ("parent", None),
        ("document", "VEH-DOC-1"),
    ],
)
def test_a_value_that_fits_has_no_fault(requirement, name, value):
    assert faults(requirement, name, value) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("title", None, "title cannot be null"),
        ("title", " \t", "at least 1 visible"),
        ("title", "x" * 301, "301 characters; at most 300"),
        ("title", 7, "must be text, not 7"),
        ("title", "a\x00b", "NUL"),
        ("status", "pending", "status cannot be 'pending'"),
        ("status", ["draft"], "status cannot be"),
        ("tags", "a", "list of texts"),
        ("tags", ["a", 1], "list of texts"),
        ("tags", [""], "list of texts"),
        ("tags", ["x"] * 51, "51 entries; at most 50"),
        ("tags", ["a\x00"], "NUL"),
        ("tags", ["x" * 101], "tags[0] has 101 characters"),
        ("verification", ["guess"], "verification[0] cannot be 'guess'"),
        ("position", True, "whole number"),
        ("position", 1.5, "whole number"),
        ("position", 2**63, "whole number"),
        ("fields", [1], "JSON object"),
        ("fields", {"a": "x" * 70_000}, "at most 65536"),
        ("fields", {"a": "\x00"}, "NUL"),
        ("fields", {"a": 2**70}, "JSON cannot say"),
    ],
)
def test_a_value_that_does_not_fit_says_why(requirement, name, value, said):
    (message,) = faults(requirement, name, value)

    assert said in message


def test_a_bounded_number_stays_within(catalogue):
    level = catalogue["block"].fields["heading_level"]

    assert not list(value_faults(level, "heading_level", 6))
    assert [fault.message for fault in value_faults(level, "heading_level", 7)] == [
        "heading_level must be from 1 to 6, not 7"
    ]


def test_one_line_is_stored_without_outer_blanks(requirement):
    assert stored(requirement.fields["title"], "  A b ") == "A b"
    assert stored(requirement.fields["description"], "  A ") == "  A "
    assert stored(requirement.fields["source"], None) is None


@pytest.mark.parametrize(
    ("match", "value"),
    [
        ("any", "draft"),
        ("any", ["draft", "approved"]),
        ("same", "Some title"),
        ("after", "2026-11-23"),
        ("before", "2026-11-23T10:00:00+02:00"),
        ("deleted", True),
    ],
)
def test_a_filter_that_fits_has_no_fault(match, value):
    assert not list(filter_faults(Filter("f", match, "c"), "f", value))


@pytest.mark.parametrize(
    ("match", "value", "said"),
    [
        ("any", [], "takes 1 to 50"),
        ("any", ["a"] * 51, "takes 1 to 50"),
        ("any", [1], "must be text"),
        ("any", "  ", "must be text"),
        ("any", "a\x00", "must be text"),
        ("any", "other", "f cannot be 'other'"),
        ("same", ["a", "b"], "takes one value"),
        ("after", "yesterday", "must be a date"),
        ("after", 12, "must be a date"),
        ("deleted", "yes", "must be true"),
    ],
)
def test_a_filter_that_does_not_fit_says_why(match, value, said):
    values = ("draft",) if value == "other" else ()

    (fault, *_) = filter_faults(Filter("f", match, "c", values), "f", value)

    assert said in fault.message


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-23", "2026-11-23T00:00:00+00:00"),
        (" 2026-11-23T10:00:00Z ", "2026-11-23T10:00:00+00:00"),
        ("2026-11-23T10:00:00+02:00", "2026-11-23T10:00:00+02:00"),
        ("23.11.2026", None),
        (None, None),
    ],
)
def test_a_moment_has_an_offset(given, read):
    assert moment(given) == read


def test_one_value_is_a_list_of_one():
    assert as_list("a") == ["a"]
    assert as_list(["a"]) == ["a"]


@pytest.mark.parametrize("text", ["", "VEH", UUID[:-1], f"{UUID} or 1=1", UUID.replace("-", "")])
def test_only_a_uuid_is_one(text):
    assert as_uuid(text) is None
    assert as_uuid(UUID) == UUID.lower()
