"""Who listens for a resource hears of every change that a tool made to what it shows."""

import pytest

from atoms_mcp.engine.change import Change
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.tools.announcements import announce, find_place_before, find_places_of
from atoms_mcp.tools.desk import Desk

REQUIREMENT = {"entity_type": "requirement"}
DOCUMENT = {"entity_type": "document"}


@pytest.fixture
def heard(workspace, client):
    """Make a call as Ada, and give the keys of what changed by it."""

    async def call(**arguments):
        workspace.client = client({"": {"delete": True}})
        await workspace.call("ada", **arguments)
        changed = workspace.client.changed
        texts = [uri for uri in changed if not uri.endswith(".json")]
        assert all(uri.startswith("atoms://acme/") for uri in texts)
        resources = dict.fromkeys(texts)
        assert {f"{uri}.json" for uri in resources} == set(changed) - set(texts)
        return [uri.removeprefix("atoms://acme/") for uri in resources]

    return call


@pytest.fixture
async def item(workspace, project):
    answer = await workspace.call(
        "ada", operation="create", parent=project.document, data={"title": "Stop"}, **REQUIREMENT
    )
    return answer["item"]["key"]


async def test_a_changed_requirement_changes_its_document(heard, project, item):
    assert await heard(
        operation="update", entity_id=item, data={"priority": "high"}, **REQUIREMENT
    ) == [item, project.document]


async def test_a_new_requirement_changes_its_document_and_project(heard, project):
    single = {"operation": "create", "parent": project.document, **REQUIREMENT}

    assert await heard(data={"title": "One"}, **single) == [project.document, project.key]
    assert await heard(items=[{"title": "Two"}, {"title": "Three"}], **single) == [
        project.document,
        project.key,
    ]


async def test_a_deleted_and_a_restored_requirement_are_told_of(heard, project, item):
    for operation in ("delete", "restore"):
        assert await heard(operation=operation, entity_id=item, **REQUIREMENT) == [
            item,
            project.document,
            project.key,
        ]


async def test_a_moved_requirement_changes_both_documents(workspace, heard, project, item):
    other = await workspace.call(
        "ada", operation="create", parent=f"acme/{project.key}", data={"title": "Two"}, **DOCUMENT
    )

    keys = await heard(
        operation="update",
        entity_id=item,
        data={"document": other["item"]["key"]},
        **REQUIREMENT,
    )

    assert keys == [item, other["item"]["key"], project.document]


async def test_a_block_changes_its_document_alone(heard, project):
    assert await heard(
        operation="create",
        entity_type="block",
        parent=project.document,
        data={"kind": "text", "body": "Text."},
    ) == [project.document]


async def test_documents_change_their_project_and_the_list(workspace, heard, project):
    place = {"operation": "create", "parent": f"acme/{project.key}", **DOCUMENT}

    first = await heard(data={"title": "One"}, **place)
    batch = await heard(items=[{"title": "Two"}, {"title": "Three"}], **place)
    renamed = await heard(
        operation="update", entity_id=project.document, data={"title": "Other"}, **DOCUMENT
    )

    assert first == batch == [project.key]
    assert renamed == [project.document, project.key]
    assert workspace.client.lists == [f"atoms://acme/{project.document}"]


async def test_what_goes_and_comes_with_a_document_is_told_of(heard, project, item):
    for operation in ("delete", "restore"):
        assert await heard(operation=operation, entity_id=project.document, **DOCUMENT) == [
            project.document,
            project.key,
            item,
        ]


async def test_a_project_is_told_of(workspace, heard, project):
    assert await heard(
        operation="update", entity_type="project", entity_id=project.key, data={"tags": ["a"]}
    ) == [project.key]
    assert workspace.client.lists == [f"atoms://acme/{project.key}"]


async def test_a_dry_run_and_a_change_that_failed_tell_nothing(workspace, client, heard, item):
    assert (
        await heard(
            operation="update",
            entity_id=item,
            data={"priority": "high"},
            dry_run=True,
            **REQUIREMENT,
        )
        == []
    )
    workspace.client = client({})
    await workspace.refused(
        "ada",
        operation="update",
        entity_id=item,
        expected_version=9,
        data={"priority": "high"},
        **REQUIREMENT,
    )
    assert workspace.client.changed == []


@pytest.fixture
def desk(workspace, client, catalogue):
    workspace.client = client({})
    return Desk(workspace.context("ada"), catalogue, Cursors(b"k" * 32), lambda: 0.0)


async def test_what_is_out_of_sight_is_told_of_to_nobody(workspace, desk, catalogue):
    nowhere = "0ac3e000-0000-4000-8000-00000000ffff"
    document, requirement = catalogue["document"], catalogue["requirement"]
    rows = [{"id": nowhere, "key": "X-REQ-1", "document_id": nowhere}]

    assert await find_places_of(desk, requirement, rows) == rows
    assert await find_place_before(desk, requirement, nowhere) is None
    await announce(desk, document, "delete", [{"id": nowhere, "key": "X-DOC-1", "projects": None}])
    await announce(desk, document, "create", [])

    assert workspace.client.changed == []


def test_a_change_of_the_list_names_the_document():
    assert Change("resources", "atoms://acme/VEH-DOC-1").guard == "atoms://acme/VEH-DOC-1"
