import jsonschema_rs
import orjson
import pytest

from atoms_mcp.entities.shapes import (
    OUTPUT,
    describe_type,
    entity_input,
    type_schema,
    workspace_input,
)

ROOT_FORBIDDEN = {"oneOf", "anyOf", "allOf", "if", "not", "$ref"}


@pytest.fixture(params=[entity_input, workspace_input])
def schema(request, catalogue):
    return request.param(catalogue)


def test_a_tools_schema_is_flat_at_its_root(schema):
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not ROOT_FORBIDDEN & set(schema)


def test_a_tools_schema_is_a_schema(schema):
    jsonschema_rs.meta.validate(schema)
    assert not jsonschema_rs.validator_for(schema).is_valid({"operation": "list", "zzz": 1})


def test_values_of_closed_sets_are_inlined(catalogue):
    properties = entity_input(catalogue)["properties"]

    assert properties["entity_type"]["enum"] == list(catalogue.types)
    assert "high" in properties["data"]["properties"]["priority"]["enum"]
    assert "-updated_at" in properties["sort"]["enum"]
    assert {"total", "children", "history"} <= set(properties["include"]["items"]["enum"])


def test_every_argument_that_is_not_a_closed_set_says_where_it_comes_from(schema):
    for name, one in schema["properties"].items():
        if "enum" not in one and name != "limit":
            assert 10 < len(one["description"]) <= 2048, name


def test_every_writable_field_is_in_the_union_and_no_other(catalogue):
    names = set(entity_input(catalogue)["properties"]["data"]["properties"])

    assert names == {
        field.name
        for entity in catalogue.types.values()
        for field in entity.fields.values()
        if field.write
    }


def test_the_exact_schema_of_a_type_takes_its_data(requirement):
    validator = jsonschema_rs.validator_for(type_schema(requirement))

    assert validator.is_valid({"title": "A", "description": None, "tags": ["x"], "fields": {}})
    assert not validator.is_valid({"status": "draft"})
    assert not validator.is_valid({"title": "A", "status": "pending"})
    assert not validator.is_valid({"title": "A", "verification": ["guess"]})
    assert not validator.is_valid({"title": "A", "key": "VEH-REQ-1"})


def test_a_bounded_number_is_bounded_in_the_schema(catalogue):
    validator = jsonschema_rs.validator_for(type_schema(catalogue["block"]))

    assert validator.is_valid({"kind": "heading", "heading_level": 6})
    assert not validator.is_valid({"kind": "heading", "heading_level": 7})


def test_a_type_tells_all_that_can_be_asked_of_it(catalogue):
    project = describe_type(catalogue["project"])
    requirement = describe_type(catalogue["requirement"])
    member = describe_type(catalogue["member"])

    assert project["at_creation_only"] == ["key"]
    assert {"status", "settings"} == set(project["by_update_only"])
    assert requirement["sort"]["default_in_a_document"] == "position"
    assert requirement["filters"]["updated_after"] == "a date or time"
    assert "data" not in member
    assert set(member["instead"]) == {"history", "create", "update", "delete", "restore"}
    assert len(orjson.dumps(requirement)) < 6_000


def test_the_output_schema_asks_for_ok_alone():
    assert OUTPUT["type"] == "object"
    assert OUTPUT["required"] == ["ok"]
