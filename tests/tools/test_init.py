import orjson
import pytest

from atoms_mcp.engine.offer import Offer
from atoms_mcp.engine.registration import find_faults


def test_there_are_two_tools_in_a_fixed_order(tools):
    assert list(tools) == ["entity_tool", "workspace_tool"]


def test_no_known_client_chokes_on_them(tools):
    assert find_faults(Offer(tuple(tools.values()))) == []


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("entity_tool", ["list", "read", "search", "history"]),
        ("workspace_tool", ["get_context", "list_workspaces", "describe"]),
    ],
)
def test_who_may_only_read_is_shown_the_reading_half(tools, name, reads):
    whole, half = tools[name], tools[name].read_only

    assert sorted(half.input_schema["properties"]["operation"]["enum"]) == sorted(reads)
    assert half.annotations["readOnlyHint"] is True
    assert half.annotations["destructiveHint"] is False
    assert (half.name, half.handler) == (whole.name, whole.handler)
    assert len(orjson.dumps(half.input_schema)) < len(orjson.dumps(whole.input_schema))


def test_the_reading_half_has_no_argument_that_only_writing_takes(tools):
    half = tools["entity_tool"].read_only.input_schema["properties"]

    assert not half.keys() & {"data", "items", "expected_version", "client_token", "confirm"}
    assert {"entity_id", "ids", "filters", "cursor", "parent"} <= half.keys()


def test_texts_for_readers_speak_of_no_change(tools):
    for tool in tools.values():
        assert not {"create", "update", "delete", "set_context"} & set(
            tool.read_only.description.replace(":", " ").replace(",", " ").split()
        )
