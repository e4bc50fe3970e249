from collections.abc import Iterator, Mapping

from atoms_mcp.tools import INSTRUCTIONS


def test_there_are_two_tools_in_a_fixed_order(tools):
    assert list(tools) == ["entity_tool", "workspace_tool"]


def test_all_that_is_offered_is_told_of(offer):
    assert "atoms://" in INSTRUCTIONS
    assert "prompts" in INSTRUCTIONS
    assert len(INSTRUCTIONS.encode()) < 2048
    assert offer.changing == ("resources",)


def find_types(schema) -> Iterator[object]:
    if isinstance(schema, Mapping):
        if "type" in schema:
            yield schema["type"]
        for part in schema.values():
            yield from find_types(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from find_types(part)


def test_no_schema_names_several_types_at_once(offer):
    for tool in offer.tools:
        for listed in (tool, tool.read_only):
            types = [one for one in find_types(listed.input_schema) if isinstance(one, list)]
            assert types == []
