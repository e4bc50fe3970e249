import pytest

REQUIREMENT = {"entity_type": "requirement"}
UUID = "0ac3e000-0000-4000-8000-00000000000a"


@pytest.fixture
async def two(workspace, project):
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": "One"}, {"title": "Two"}],
        **REQUIREMENT,
    )
    return {"operation": "update", "entity_id": project.item(2), **REQUIREMENT}


async def test_another_entity_is_named_by_key_or_uuid(workspace, project, two):
    read = await workspace.call(
        "ada", operation="read", entity_id=project.item(1), fields=["id"], **REQUIREMENT
    )

    for parent in (project.item(1).lower(), read["item"]["id"]):
        answer = await workspace.call("ada", data={"parent": parent}, **two)
        assert answer["item"]["parent"] == project.item(1)
    cleared = await workspace.call("ada", data={"parent": None}, **two)
    assert "parent" not in cleared["item"]


@pytest.mark.parametrize(
    ("parent", "code", "said"),
    [
        ("NONE-REQ-1", "not_found", "data.parent: there is no requirement 'NONE-REQ-1'"),
        ("One", "invalid_argument", "data.parent must be a key or UUID of a requirement"),
        ("{document}", "invalid_argument", "a document; it must be a requirement"),
        ("VEH-REQ-1", "not_found", "parent"),
    ],
)
async def test_a_reference_that_does_not_fit_says_why(workspace, project, two, parent, code, said):
    parent = parent.format(document=project.document)

    error = await workspace.refused("ada", data={"parent": parent}, **two)

    assert error.code == code
    assert said in error.message


async def test_one_key_in_two_organizations_is_ambiguous(scripted):
    row = {"key": "VEH-DOC-1", "type": "document", "title": "A\u202e"}
    rows = [row | {"id": "d1", "project_id": "p1"}, row | {"id": "d2", "project_id": "p2"}]
    project = {
        "id": "p3",
        "key": "VEH",
        "name": "V",
        "slug": "v",
        "organization_id": "o",
        "organization_slug": "acme",
    }
    error = await scripted([project], rows).refused(
        "ada",
        operation="list",
        parent="acme/VEH",
        filters={"document": ["VEH-DOC-1", UUID]},
        **REQUIREMENT,
    )

    assert error.code == "ambiguous"
    assert [one["title"] for one in error.details["candidates"]] == ["A", "A"]


async def test_one_key_in_two_organizations_is_told_apart_by_slug(scripted):
    def row(number, slug):
        place = {"key": "VEH", "organizations": {"slug": slug}}
        known = {"key": "VEH-DOC-1", "type": "document", "title": "A", "projects": place}
        return known | {"id": f"d{number}", "project_id": f"p{number}"}

    rows = [row(1, "acme"), row(2, "umbrella")]
    listing = {"operation": "list", "parent": "acme/VEH", **REQUIREMENT}
    project = {"id": "p", "key": "VEH", "name": "V", "slug": "v"}
    project |= {"organization_id": "o", "organization_slug": "acme"}

    error = await scripted([project], rows).refused(
        "ada", **listing, filters={"document": ["VEH-DOC-1"]}
    )
    workspace = scripted([project], rows, [])
    await workspace.call("ada", **listing, filters={"document": ["umbrella/VEH-DOC-1"]})

    assert {one["entity_id"] for one in error.details["candidates"]} == {
        "acme/VEH-DOC-1",
        "umbrella/VEH-DOC-1",
    }
    assert ("document_id", "eq.d2") in workspace.requests[-1].query


async def test_one_key_in_two_organizations_is_the_one_of_the_same_project(scripted):
    row = {"key": "VEH-DOC-1", "type": "document", "title": "A", "document_id": None}
    rows = [row | {"id": "d1", "project_id": "p1"}, row | {"id": "d2", "project_id": "p2"}]
    place = row | {"id": "d0", "key": "VEH-DOC-9", "project_id": "p2", "organization_id": "o"}
    workspace = scripted(
        [place], rows, [{"id": "r1", "key": "VEH-REQ-1", "name": "X", "version": 1}]
    )

    await workspace.call(
        "ada",
        operation="create",
        parent="VEH-DOC-9",
        data={"title": "X", "document": "VEH-DOC-1"},
        **REQUIREMENT,
    )

    assert workspace.requests[-1].body[0]["document_id"] == "d2"
