import pytest

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt, PromptArgument
from atoms_mcp.engine.offer.registration import find_faults
from atoms_mcp.engine.offer.resource import Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool


async def handler(*_anything):
    return {}


def tool(**changed):
    given = {"name": "shout", "description": "Say it.", "input_schema": {"type": "object"}}
    return Tool(handler=handler, **{**given, **changed})


READER = tool(annotations={"readOnlyHint": True})


def test_what_every_client_takes_is_taken():
    offer = Offer(
        tools=(
            tool(
                read_only=READER,
                output_schema={"type": "object"},
                input_schema={
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {"a": {"oneOf": [{"type": "string"}, {"type": "null"}]}},
                },
            ),
        ),
        resources=(Resource("a://b", "b", handler),),
        templates=(ResourceTemplate("a://{b}", "b", handler, complete={"b": handler}),),
        prompts=(Prompt("p", "P.", handler, (PromptArgument("x"),)),),
    )

    assert find_faults(offer) == []


@pytest.mark.parametrize(
    "keyword", ["oneOf", "anyOf", "allOf", "not", "if", "enum", "const", "$ref"]
)
@pytest.mark.parametrize("which", ["input_schema", "output_schema"])
def test_a_schema_composes_nothing_at_its_root(keyword, which):
    faults = find_faults(Offer((tool(**{which: {"type": "object", keyword: []}}),)))

    assert f"tool 'shout': {which} must not have {keyword} at its root" in faults[0]


@pytest.mark.requirement("tools-output-schema")
def test_an_output_schema_is_a_json_schema():
    wrong = {"type": "object", "properties": {"size": {"type": "numbre"}}}

    (fault,) = find_faults(Offer((tool(output_schema=wrong),)))

    assert fault.startswith("tool 'shout': output_schema: not a JSON Schema: ")
    assert "numbre" in fault


@pytest.mark.parametrize("which", ["input_schema", "output_schema"])
@pytest.mark.parametrize("schema", [{}, {"type": "array"}, {"type": ["object", "null"]}])
def test_a_schema_is_of_an_object(which, schema):
    faults = find_faults(Offer((tool(**{which: schema}),)))

    assert faults[0].startswith(f"tool 'shout': {which} must have")


@pytest.mark.requirement("tools-names", "tools-schema")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "a b"}, "tool 'a b': a name has 1 to 64"),
        ({"name": "x" * 65}, "a name has 1 to 64"),
        ({"description": ""}, "needs a description"),
        ({"description": "ü" * 1025}, "the description has 2050 bytes; 2048 are shown"),
        ({"annotations": {"readOnlyHint": "yes"}}, "readOnlyHint must be true or false"),
        (
            {
                "input_schema": {
                    "type": "object",
                    "$schema": "http://json-schema.org/draft-07/schema",
                }
            },
            "must be of the dialect",
        ),
        (
            {"input_schema": {"type": "object", "properties": {"a": {"type": 5}}}},
            "input_schema: not a JSON Schema",
        ),
        (
            {
                "input_schema": {
                    "type": "object",
                    "properties": {"a": {"type": "number", "x-mcp-header": "A"}},
                }
            },
            "needs a string, integer or boolean",
        ),
        ({"read_only": tool()}, "read_only must have the same name, and readOnlyHint"),
        (
            {"read_only": tool(name="other", annotations={"readOnlyHint": True})},
            "read_only must have the same name",
        ),
        (
            {"read_only": tool(description="", annotations={"readOnlyHint": True})},
            "needs a description",
        ),
    ],
)
def test_a_tool_that_clients_would_drop_is_refused_with_the_rule(changed, words):
    assert words in find_faults(Offer((tool(**changed),)))[0]


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (Offer((tool(), tool())), "tool shout: the name is given twice"),
        (Offer(prompts=(Prompt("p", "P.", handler),) * 2), "prompt p: the name is given twice"),
        (Offer(resources=(Resource("a://b", "b", handler),) * 2), "resource a://b: the name"),
        (
            Offer(templates=(ResourceTemplate("a://{b}", "b", handler),) * 2),
            "template a://{b}: the name is given twice",
        ),
        (Offer(prompts=(Prompt("p q", "P.", handler),)), "prompt 'p q': a name has"),
        (
            Offer(prompts=(Prompt("p", "P.", handler, (PromptArgument("x"),) * 2),)),
            "prompt 'p': argument x: the name is given twice",
        ),
        (Offer(resources=(Resource("b", "b", handler),)), "a URI begins with a scheme"),
        (Offer(resources=(Resource("a://b", "", handler),)), "needs a name"),
        (Offer(templates=(ResourceTemplate("a://{b}", "", handler),)), "needs a name"),
        (Offer(templates=(ResourceTemplate("a://{?b}", "b", handler),)), "has an expression"),
        (
            Offer(templates=(ResourceTemplate("a://{b}", "b", handler, complete={"c": handler}),)),
            "has a completer for c, which is no variable of it",
        ),
    ],
)
def test_anything_else_that_cannot_work_is_refused_with_the_rule(offer, words):
    assert words in find_faults(offer)[0]


@pytest.mark.requirement("base-dialects-said")
def test_the_dialect_of_schemas_is_documented_and_told_to_who_gives_another():
    other = tool(input_schema={"type": "object", "$schema": "http://json-schema.org/schema#"})

    assert "JSON Schema 2020-12" in Tool.__doc__
    assert "draft/2020-12" in str(find_faults(Offer(tools=(other,))))
