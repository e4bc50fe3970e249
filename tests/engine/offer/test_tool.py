import pytest

from atoms_mcp.engine.offer.tool import Tool, as_given


async def handler(_context, _arguments):
    return {}


def tool(**more):
    return Tool(name="t", description="T.", handler=handler, input_schema={}, **more)


def test_a_tool_without_older_spellings_takes_its_arguments_as_they_came():
    arguments = {"a": 1}

    assert as_given(arguments) is arguments


@pytest.mark.parametrize(
    ("annotations", "scope"),
    [
        ({}, "atoms:write"),
        ({"readOnlyHint": False}, "atoms:write"),
        ({"readOnlyHint": True}, "atoms:read"),
    ],
)
def test_a_tool_that_does_not_say_it_only_reads_needs_the_right_to_write(annotations, scope):
    assert tool(annotations=annotations).find_scope({}) == scope


def test_a_tool_may_look_at_the_arguments_to_say_what_it_needs():
    found = tool(scope=lambda arguments: arguments["needs"])

    assert found.find_scope({"needs": "atoms:read"}) == "atoms:read"
