import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from atoms_mcp import tools as package
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


def find_calls(name):
    """Give the modules of the tools that call a method of this name."""
    folder = Path(package.__file__).parent
    return [
        path.name
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == name
    ]


@pytest.mark.requirement("tools-embedded")
def test_what_prompts_embed_can_be_read_by_itself(offer):
    assert find_calls("resource") == ["prompts.py"]
    assert offer.has_resources


@pytest.mark.requirement("log-no-secrets")
def test_clients_are_sent_no_log_messages():
    assert find_calls("log") == []
