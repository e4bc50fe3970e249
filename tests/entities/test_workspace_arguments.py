import pytest

from atoms_mcp.entities.workspace_arguments import accept_workspace
from atoms_mcp.errors import ToolError


def test_todays_and_older_arguments_are_accepted(catalogue):
    given = {
        "operation": "set_context",
        "context_type": "project",
        "entity_id": "VEH",
        "format_type": "detailed",
        "limit": None,
    }

    assert accept_workspace(catalogue, given) == {
        "operation": "set_context",
        "entity_type": "project",
        "entity_id": "VEH",
    }


def test_a_limit_does_no_harm(catalogue):
    assert accept_workspace(catalogue, {"operation": "get_context", "limit": 5})


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
def test_what_means_nothing_is_refused(catalogue, arguments, said):
    with pytest.raises(ToolError, match=said):
        accept_workspace(catalogue, arguments)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("requirment", "requirement"), ("Projects", "project"), ("doc", "document")],
)
def test_a_misspelt_type_is_told_which_was_meant(catalogue, given, meant):
    with pytest.raises(ToolError) as refused:
        accept_workspace(catalogue, {"operation": "describe", "entity_type": given})

    assert refused.value.details["did_you_mean"] == meant
    assert f"Did you mean {meant}?" in refused.value.message
