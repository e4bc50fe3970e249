import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.arguments import ArgumentCheck

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["operation"],
    "properties": {
        "operation": {"type": "string", "enum": ["list", "read"]},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "ratio": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "step": {"multipleOf": 5},
        "confirm": {"const": "VEH"},
        "title": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^a"},
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": True,
        },
        "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "which": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 7}]},
        "many": {"type": ["string", "null"]},
        "empty": {"type": "object", "additionalProperties": False},
        "sized": {"type": "object", "minProperties": 1, "maxProperties": 2},
        "data": {
            "type": "object",
            "additionalProperties": False,
            "required": ["owner"],
            "properties": {"status": {"type": "string"}, "owner": True},
        },
        "linked": {"$ref": "#/$defs/linked"},
    },
    "$defs": {
        "linked": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"key": {"type": "string"}},
        }
    },
}
CHECK = ArgumentCheck(SCHEMA)


def refuse(**arguments):
    with pytest.raises(ToolError) as refused:
        CHECK.check({"operation": "list", **arguments})
    assert refused.value.code == "invalid_argument"
    return refused.value


def test_arguments_that_fit_pass():
    CHECK.check({"operation": "read", "limit": 5, "data": {"owner": 1}, "many": None})


def test_a_missing_field_is_named_with_what_it_may_be():
    with pytest.raises(ToolError) as refused:
        CHECK.check({})

    assert str(refused.value) == (
        "invalid_argument: operation is missing. Fix: Add operation, one of list, read."
    )
    assert refused.value.details == {"field": "operation", "allowed": ["list", "read"]}


def test_a_missing_field_inside_is_named_by_its_path():
    error = refuse(data={})

    assert str(error) == "invalid_argument: data.owner is missing. Fix: Add data.owner."
    assert error.details == {"field": "data.owner"}


def test_an_unknown_name_brings_the_one_that_was_meant():
    error = refuse(data={"stats": "x", "owner": 1})

    assert str(error) == (
        "invalid_argument: unknown field data.stats. Did you mean data.status? "
        "Fix: Use data.status."
    )
    assert error.details == {
        "field": "data.stats",
        "allowed": ["owner", "status"],
        "did_you_mean": "data.status",
    }


def test_a_misspelt_required_name_is_told_once():
    with pytest.raises(ToolError) as refused:
        CHECK.check({"opertion": "list"})

    assert refused.value.message == "unknown field opertion. Did you mean operation?"


def test_an_unknown_name_that_is_like_none_brings_the_list():
    assert refuse(data={"zzz": 1, "owner": 1}).fix == (
        "Leave data.zzz out; the fields of data are status, owner."
    )
    assert refuse(empty={"x": 1}).fix == "Leave empty.x out; the fields of empty are none."


def test_a_wrong_choice_brings_all_of_them():
    error = refuse(operation="lst")

    assert str(error) == (
        'invalid_argument: operation is "lst", which is not allowed. Did you mean list? '
        "Fix: Allowed for operation: list, read."
    )
    assert error.details == {
        "field": "operation",
        "allowed": ["list", "read"],
        "did_you_mean": "list",
    }
    assert refuse(confirm=7).details == {"field": "confirm", "allowed": ["VEH"]}


@pytest.mark.requirement("base-schema-dialect")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("limit", "x", 'limit must be a whole number, not "x".'),
        ("limit", 0, "limit must be at least 1, not 0."),
        ("limit", 101, "limit must be at most 100, not 101."),
        ("ratio", 0, "ratio must be more than 0, not 0."),
        ("ratio", 1, "ratio must be less than 1, not 1."),
        ("step", 3, "step must be a multiple of 5, not 3."),
        ("title", "a", 'title must have at least 2 characters, not "a".'),
        ("title", "a" * 90, f'title must have at most 4 characters, not "{"a" * 59}….'),
        ("title", "bb", 'title must match ^a, not "bb".'),
        ("tags", [], "tags must have at least 1 items, not []."),
        ("tags", list("abcd"), 'tags must have at most 3 items, not ["a","b","c","d"].'),
        ("tags", ["a", "a"], 'tags must have no item twice, not ["a","a"].'),
        ("tags", ["a", 5], "tags[1] must be text, not 5."),
        ("many", 5, "many must be text or null, not 5."),
        ("sized", {}, "sized must have at least 1 fields, not {}."),
        ("either", 5, "either must be text or a list of text, not 5."),
        ("which", 5, "which must have the form that the tool's schema describes, not 5."),
    ],
)
def test_each_rule_is_told_in_words(name, value, message):
    error = refuse(**{name: value})

    field = error.details["field"]
    assert error.message == message
    assert error.fix == f"Correct {field} and repeat the call."
    assert field.startswith(name)


@pytest.mark.requirement("base-schema-dialect")
def test_what_the_schema_refers_to_is_read_as_well():
    assert refuse(linked={"kye": "x"}).details["field"] == "linked.kye"


def test_a_part_with_a_name_of_its_own_is_refused_without_the_list_of_its_fields():
    inner = {"properties": {"at": {"properties": {"x": {}}, "additionalProperties": False}}}
    check = ArgumentCheck(
        {"properties": {"a": {"$ref": "urn:a"}}, "$defs": {"a": {"$id": "urn:a", **inner}}}
    )

    with pytest.raises(ToolError, match=r"unknown field a\.at\.y"):
        check.check({"a": {"at": {"y": 1}}})


def test_no_more_than_three_faults_are_told_and_each_field_once():
    error = refuse(operation=3, limit=0, many=1, step=3, title=5)

    assert error.message.count("not") == 3
    assert error.message.startswith("operation is 3, which is not allowed.")


def test_arguments_are_an_object():
    with pytest.raises(ToolError, match="arguments must be an object, not 5"):
        CHECK.check(5)


def test_a_format_is_not_checked_unless_it_is_a_pattern_of_ours():
    ArgumentCheck({"properties": {"a": {"format": "uuid"}}}).check({"a": "no uuid"})


@pytest.mark.requirement("base-other-dialects", "base-no-fetching", "tools-schema")
@pytest.mark.parametrize("schema", [{"type": 5}, {"$ref": "http://x.test/schema"}])
def test_what_is_no_schema_is_refused_and_nothing_is_fetched(schema):
    with pytest.raises(ValueError, match="not a JSON Schema"):
        ArgumentCheck(schema)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.requirement("base-schema-bounds")
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "zz"]), ANYTHING, max_size=4))
def test_whatever_comes_is_passed_or_refused_in_words(arguments):
    try:
        CHECK.check(arguments)
        told = None
    except ToolError as error:
        told = str(error)

    assert (told is None) == jsonschema_rs.is_valid(SCHEMA, arguments)
    assert told is None or len(told) < 2000
