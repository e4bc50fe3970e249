import pytest

from atoms_mcp.entities.postgrest import pairs
from atoms_mcp.entities.scope import Scope

PROJECT = Scope("project", "acme/VEH", organization_id="o", project_id="p")
DOCUMENT = Scope("document", "VEH-DOC-1", "o", "p", document_id="d")
REQUIREMENT = Scope("requirement", "VEH-REQ-1", "o", "p", "d", "r")
ORGANIZATION = Scope("organization", "acme", organization_id="o")


@pytest.mark.parametrize(
    ("scope", "type_name", "expected"),
    [
        (ORGANIZATION, "project", {"organization_id": "eq.o"}),
        (PROJECT, "document", {"project_id": "eq.p"}),
        (DOCUMENT, "document", {"project_id": "eq.p"}),
        (PROJECT, "requirement", {"project_id": "eq.p"}),
        (DOCUMENT, "requirement", {"project_id": "eq.p", "document_id": "eq.d"}),
        (REQUIREMENT, "requirement", {"project_id": "eq.p", "parent_id": "eq.r"}),
        (DOCUMENT, "block", {"project_id": "eq.p", "document_id": "eq.d"}),
        (PROJECT, "member", {"scope": "eq.project", "project_id": "eq.p"}),
        (ORGANIZATION, "member", {"scope": "eq.organization", "organization_id": "eq.o"}),
        (Scope(), "requirement", {}),
    ],
)
def test_rows_of_a_place_are_asked_for_by_its_ids(catalogue, scope, type_name, expected):
    assert dict(pairs(scope.conditions(catalogue[type_name]))) == expected


def test_a_place_has_the_id_of_its_level():
    assert [one.id for one in (ORGANIZATION, PROJECT, DOCUMENT, REQUIREMENT, Scope())] == [
        "o",
        "p",
        "d",
        "r",
        None,
    ]
