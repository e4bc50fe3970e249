import pytest

from atoms_mcp.entities.questions import agree_form, choice_form, choice_words, confirm_form


@pytest.mark.requirement("elic-schema", "elic-no-secrets")
def test_a_form_is_a_flat_object_with_one_needed_field():
    for form, name, kind in (
        (agree_form("document VEH-DOC-1"), "delete", "boolean"),
        (confirm_form("VEH"), "confirm", "string"),
        (choice_form(["VEH", "CAR"]), "choice", "string"),
    ):
        assert form["type"] == "object"
        assert form["required"] == list(form["properties"]) == [name]
        assert form["properties"][name]["type"] == kind
    assert choice_form(["VEH", "CAR"])["properties"]["choice"]["enum"] == ["VEH", "CAR"]


def test_candidates_are_told_with_what_tells_them_apart():
    candidates = [
        {"entity_id": "VEH-REQ-1", "title": "Stop\n- FAKE: x"},
        {"entity_id": "acme", "type": "organization"},
    ]

    assert choice_words("places", "stop", candidates) == (
        '"stop" names several places. Which one is meant?\n'
        "- VEH-REQ-1: Stop - FAKE: x\n"
        "- acme: an organization"
    )
