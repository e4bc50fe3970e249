import pytest

from atoms_mcp.entities.workspace_arguments import accept_workspace
from atoms_mcp.errors import ToolError


def test_todays_and_older_arguments_are_accepted():
    given = {
        "operation": "set_context",
        "context_type": "project",
        "entity_id": "VEH",
        "format_type": "detailed",
        "limit": None,
    }

    assert accept_workspace(given) == {
        "operation": "set_context",
        "entity_type": "project",
        "entity_id": "VEH",
    }


def test_a_limit_does_no_harm():
    assert accept_workspace({"operation": "get_context", "limit": 5})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "operation is missing"),
        ({"operation": "get_contxt"}, "cannot be 'get_contxt'"),
        ({"operation": "set_context"}, "entity_id is missing"),
        (
            {"operation": "set_context", "entity_type": "member", "entity_id": "x"},
            "entity_type cannot be 'member'",
        ),
        ({"operation": "describe", "entity_id": "\x00"}, "NUL"),
        ({"operation": "describe", "entity": "x"}, "unknown argument entity."),
        ({"operation": "get_context", "entity_id": "VEH"}, "get_context takes no entity_id"),
    ],
)
def test_what_means_nothing_is_refused(arguments, said):
    with pytest.raises(ToolError, match=said):
        accept_workspace(arguments)
