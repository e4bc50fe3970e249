import pytest

from atoms_mcp.entities.uris import Address, org_of, parse_uri, render_uri, touched_uris, uri_of

IN_ACME = {"key": "VEH", "organizations": {"slug": "acme"}}
REQUIREMENT = {"key": "VEH-REQ-1", "documents": {"key": "VEH-DOC-1"}, "projects": IN_ACME}
DOCUMENT = {"key": "VEH-DOC-1", "projects": IN_ACME}


@pytest.mark.requirement("res-own-scheme", "res-scheme")
@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("atoms://acme/VEH", Address("acme", "VEH", "VEH", "project", is_json=False)),
        (
            "atoms://acme/VEH-DOC-1",
            Address("acme", "VEH-DOC-1", "VEH", "document", is_json=False),
        ),
        (
            "atoms://a-b-3/V2-REQ-12.json",
            Address("a-b-3", "V2-REQ-12", "V2", "requirement", is_json=True),
        ),
    ],
)
def test_a_uri_is_an_organization_and_a_key(uri, address):
    assert parse_uri(uri) == address
    assert render_uri(address.org, address.key, is_json=address.is_json) == uri


@pytest.mark.requirement("res-uris")
@pytest.mark.parametrize(
    "uri",
    [
        "",
        "atoms://acme/",
        "atoms://acme/veh",
        "atoms://Acme/VEH",
        "atoms://acme/VEH-REQ-0",
        "atoms://acme/VEH-REQ-01",
        "atoms://acme/VEH-BLK-1",
        "atoms://acme/VEH-REQ-1\n",
        "atoms://acme/VEH-REQ-1.json.json",
        "atoms://acme/VEH-REQ-1?x=1",
        "ATOMS://acme/VEH",
    ],
)
def test_each_thing_has_one_spelling(uri):
    assert parse_uri(uri) is None


def test_a_row_has_the_uri_of_its_place():
    assert uri_of(REQUIREMENT) == "atoms://acme/VEH-REQ-1"
    assert uri_of({"key": "VEH", "organizations": {"slug": "acme"}}) == "atoms://acme/VEH"


def test_what_has_no_key_or_no_organization_in_sight_has_no_uri():
    assert uri_of({"id": "1", "projects": IN_ACME}) is None
    assert uri_of({"key": "VEH-REQ-1", "projects": None}) is None
    assert org_of({"slug": "acme"}) is None


@pytest.mark.parametrize(
    ("entity", "operation", "row", "keys"),
    [
        ("requirement", "update", REQUIREMENT, ["VEH-REQ-1", "VEH-DOC-1"]),
        ("requirement", "create", REQUIREMENT, ["VEH-DOC-1", "VEH"]),
        ("requirement", "delete", REQUIREMENT, ["VEH-REQ-1", "VEH-DOC-1", "VEH"]),
        ("block", "update", {"id": "1"} | REQUIREMENT | {"key": None}, ["VEH-DOC-1"]),
        ("document", "update", DOCUMENT, ["VEH-DOC-1", "VEH"]),
        ("document", "create", DOCUMENT, ["VEH"]),
        ("project", "restore", IN_ACME, ["VEH"]),
        ("organization", "update", {"slug": "acme"}, []),
    ],
)
def test_a_change_touches_what_shows_it_in_both_forms(entity, operation, row, keys):
    expected = [f"atoms://acme/{key}{suffix}" for key in keys for suffix in ("", ".json")]

    assert list(touched_uris(entity, operation, row)) == expected
