import math
from dataclasses import replace
from types import MappingProxyType

import pytest
from engine_double import NOTHING, Bench, Tools, told

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Content, Tool
from atoms_mcp.engine.offer.toolbox import Toolbox
from atoms_mcp.engine.operations.success import render_success
from atoms_mcp.protocol.outputs import WrongOutput
from atoms_mcp.protocol.results import ToolResult

BLOCKS = [{"type": "text", "text": "Hello."}]
SCHEMA = {
    "type": "object",
    "properties": {"size": {"type": "number"}},
    "required": ["size"],
    "additionalProperties": False,
}
SAY = replace(Tools().listed()[0], output_schema=None)


def prepared(**changed):
    return Toolbox([replace(SAY, **changed)]).find("say")


PLAIN, STRICT = prepared(), prepared(output_schema=SCHEMA)


class Named(dict):
    """A dict of a kind of its own."""


def test_data_is_structured_and_shown_as_text():
    for tool in (PLAIN, prepared(output_schema={"type": "object"})):
        assert render_success({"ok": True}, tool) == ToolResult(b'{"ok":true}')


def test_blocks_are_shown_as_they_are():
    assert render_success(Content(BLOCKS), PLAIN) == ToolResult(None, BLOCKS)


def test_blocks_may_have_data_besides_and_may_say_that_they_are_an_error():
    for tool in (PLAIN, STRICT):
        found = render_success(Content(BLOCKS, MappingProxyType({"a": 1}), is_error=True), tool)
        assert found == ToolResult(b'{"a":1}', BLOCKS, "tool")
    assert render_success(Content(BLOCKS, is_error=True), STRICT).structured is None


@pytest.mark.requirement("tools-output-schema")
@pytest.mark.parametrize("found", [{"size": 1}, Named(size=1.5), Content(BLOCKS, {"size": 0})])
def test_what_fits_the_output_schema_is_given(found):
    assert render_success(found, STRICT).structured.startswith(b'{"size":')


@pytest.mark.requirement("tools-output-schema")
@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, "tool say: output_schema: the result does not fit its rule required"),
        ({"size": "secret"}, "tool say: output_schema: size does not fit its rule type"),
        ({"size": math.nan}, "size does not fit its rule type"),
        ({"size": 1, "secret": 2}, "does not fit its rule additionalProperties"),
        (Content(BLOCKS), "tool say: output_schema: its Content has no structured"),
        (Content(BLOCKS, {"size": None}), "size does not fit its rule type"),
        ([{"size": 1}], "tool say: its handler gave list, neither a dict nor Content"),
        (Content(BLOCKS, [1]), "tool say: its handler gave Content, neither"),
        (None, "tool say: its handler gave NoneType"),
    ],
)
def test_what_does_not_fit_the_output_schema_is_never_sent(found, words):
    with pytest.raises(WrongOutput, match=words) as refused:
        render_success(found, STRICT)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("found", [[1], "text", None, Content(BLOCKS, [1])])
def test_what_is_no_object_is_never_sent_either(found):
    with pytest.raises(WrongOutput, match="tool say"):
        render_success(found, PLAIN)


def test_a_tool_that_is_known_to_keep_its_schema_is_not_checked():
    trusted = prepared(output_schema=SCHEMA, keeps_output_schema=True)

    assert trusted.output is None
    assert render_success({}, trusted) == ToolResult(b"{}")
    with pytest.raises(WrongOutput):
        render_success(Content(BLOCKS), trusted)


@pytest.mark.requirement("tools-output-schema")
async def test_a_result_that_does_not_fit_is_an_internal_error_with_the_tools_name_in_the_log(
    capsys,
):
    async def give(_context, _arguments):
        return {"size": "secret"}

    bench = Bench(Offer((Tool("measure", "Measure it.", give, NOTHING, SCHEMA),)))

    answer = told(await bench.ask("2025-06-18", "tools/call", {"name": "measure"}))

    assert answer["error"]["code"] == -32603
    assert "size" not in answer["error"]["message"]
    logged = capsys.readouterr().out
    assert "tool measure: output_schema: size does not fit its rule type" in logged
