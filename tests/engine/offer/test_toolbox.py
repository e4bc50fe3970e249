from dataclasses import replace

import pytest
from engine_double import NOTHING, Tools, caller

from atoms_mcp.engine.offer.toolbox import Toolbox, UnknownTool
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import ALL_SCOPES
from atoms_mcp.identity.errors import InsufficientScope

SAY, WHOAMI, *_ = Tools().listed()


@pytest.mark.requirement("tools-order")
def test_tools_are_listed_in_their_order_and_newest_form():
    listed = Toolbox([WHOAMI, SAY]).list(ALL_SCOPES)

    assert [tool["name"] for tool in listed] == ["whoami", "say"]
    assert listed[0] == {
        "name": "whoami",
        "title": "Whoami",
        "description": "To whoami.",
        "inputSchema": NOTHING,
        "outputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
    }


@pytest.mark.requirement("tools-unknown")
def test_an_unknown_tool_brings_the_known_ones():
    with pytest.raises(
        UnknownTool, match="-32602 there is no such tool; the tools are say, whoami"
    ):
        Toolbox([SAY, WHOAMI]).find("sya")


@pytest.mark.requirement("tools-names")
@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "ü"])
def test_a_name_that_clients_would_refuse_is_refused(name):
    with pytest.raises(ValueError, match="tool name"):
        Toolbox([replace(SAY, name=name)])


@pytest.mark.requirement("tools-names")
def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="'say' is taken"):
        Toolbox([SAY, SAY])


@pytest.mark.requirement("base-other-dialects", "tools-schema")
@pytest.mark.parametrize(
    "schema", [{"type": 5}, {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}]
)
def test_a_schema_that_clients_would_choke_on_is_refused(schema):
    with pytest.raises(ValueError, match="input_schema of say"):
        Toolbox([replace(SAY, input_schema=schema)])


def test_an_output_schema_that_is_none_is_refused():
    with pytest.raises(ValueError, match="output_schema of say: not a JSON Schema"):
        Toolbox([replace(SAY, output_schema={"type": 5})])


def test_older_spellings_are_accepted_before_the_check():
    prepared = Toolbox([SAY]).find("say")

    assert prepared.admit(caller(), {"words": "x"}) == {"text": "x"}
    with pytest.raises(ToolError, match="text is missing"):
        prepared.admit(caller(), {})


@pytest.mark.requirement("tools-names-case")
def test_names_that_differ_in_case_are_two_tools():
    loud = replace(SAY, name="SAY")
    tools = Toolbox([SAY, loud])

    assert (tools.find("say").tool, tools.find("SAY").tool) == (SAY, loud)
    with pytest.raises(UnknownTool):
        tools.find("Say")


@pytest.mark.requirement("tools-validate")
def test_arguments_are_checked_before_the_right_to_use_them():
    prepared = Toolbox([replace(SAY, scope=lambda given: f"scope:{given['text']}")]).find("say")

    with pytest.raises(ToolError):
        prepared.admit(caller(), {})
    with pytest.raises(InsufficientScope) as refused:
        prepared.admit(caller(), {"text": "x"})
    assert refused.value.needed == "scope:x"


def test_the_handler_is_the_tools_own():
    assert Toolbox([SAY]).find("say").handler is SAY.handler


def test_the_headers_are_those_in_which_arguments_are_repeated():
    region = {"type": "string", "x-mcp-header": "Region"}
    routed = replace(SAY, name="routed", input_schema={"properties": {"region": region}})

    assert Toolbox([SAY]).headers == frozenset()
    assert Toolbox([SAY, routed]).headers == {"Mcp-Param-Region"}
