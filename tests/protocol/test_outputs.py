import pytest

from atoms_mcp.protocol.outputs import OutputCheck, WrongOutput, demands_nothing

SCHEMA = {"type": "object", "properties": {"sizes": {"items": {"type": "integer"}}}}


@pytest.mark.requirement("tools-output-schema")
def test_what_fits_passes_and_what_does_not_is_named_by_place_and_rule():
    check = OutputCheck(SCHEMA)

    check.check(b'{"sizes":[1,2]}')
    with pytest.raises(WrongOutput, match=r"^sizes/1 does not fit its rule type$"):
        check.check(b'{"sizes":[1,"secret"]}')


def test_a_schema_has_to_be_one():
    with pytest.raises(ValueError, match="not a JSON Schema"):
        OutputCheck({"type": "objekt"})


@pytest.mark.parametrize(
    ("schema", "nothing"),
    [
        ({"type": "object", "title": "T"}, True),
        ({"type": 5}, False),
        ({}, False),
        (SCHEMA, False),
    ],
)
def test_a_schema_of_any_object_demands_nothing(schema, nothing):
    assert demands_nothing(schema) is nothing
