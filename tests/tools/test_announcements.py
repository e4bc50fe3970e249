"""Who listens for a resource hears of every change that a tool made to what it shows."""

import uuid

import pytest
from structlog.testing import capture_logs

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError
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


@pytest.fixture
async def tenant(workspace):
    """An organization of Ada's with a project and a document: its slug."""
    slug = f"tenant-{uuid.uuid4().hex[:8]}"
    for kind, parent, data in (
        ("organization", {}, {"title": "Tenant", "slug": slug}),
        ("project", {"parent": slug}, {"title": "Held", "key": "TEN"}),
        ("document", {"parent": f"{slug}/TEN"}, {"title": "Plan"}),
    ):
        await workspace.call("ada", operation="create", entity_type=kind, data=data, **parent)
    return slug


@pytest.mark.parametrize("is_by_id", [False, True])
async def test_a_new_project_is_in_the_list_and_linked(workspace, client, tenant, is_by_id):
    found = await workspace.call(
        "ada", operation="read", entity_type="organization", entity_id=tenant, fields=["id"]
    )
    create = {
        "operation": "create",
        "entity_type": "project",
        "parent": found["item"]["id"] if is_by_id else tenant,
        "data": {"title": "Added", "key": "NEW"},
        "client_token": "once",
    }
    uri = f"atoms://{tenant}/NEW"

    workspace.client = client({})
    await workspace.call("ada", **create)
    links = workspace.links
    lists = list(workspace.client.lists)
    await workspace.call("ada", **create)

    assert (links, lists) == ([uri], [uri])
    assert (workspace.links, workspace.client.lists) == ([uri], [uri])


async def test_a_new_organization_changes_no_list(workspace, client):
    workspace.client = client({})

    await workspace.call(
        "ada", operation="create", entity_type="organization", data={"title": "Another"}
    )

    assert (workspace.links, workspace.client.lists, workspace.client.changed) == ([], [], [])


async def test_a_deleted_project_is_told_to_its_organization_with_all_in_it(
    workspace, client, tenant
):
    project = {"entity_type": "project", "entity_id": f"{tenant}/TEN"}
    workspace.client = client()
    await workspace.call("ada", operation="delete", confirm="TEN", **project)
    gone = workspace.client
    workspace.client = client({})
    await workspace.call("ada", operation="restore", **project)
    back = workspace.client

    uris = [f"atoms://{tenant}/TEN", f"atoms://{tenant}/TEN-DOC-1"]
    for told in (gone, back):
        assert [uri for uri in told.changed if not uri.endswith(".json")] == uris
        assert told.lists == uris[:1]
    assert set(gone.seen_by.values()) == {f"atoms://{tenant}/*"}
    assert {uri for _, uri in gone.seen_by} == {*gone.changed, *gone.lists}
    assert back.seen_by == {}


async def test_a_renamed_organization_is_told_to_those_who_can_read_the_new_names(
    workspace, client, tenant
):
    workspace.client = client({})
    rename = {"operation": "update", "entity_type": "organization"}

    await workspace.call("ada", entity_id=tenant, data={"slug": f"{tenant}-x"}, **rename)
    told = workspace.client
    workspace.client = client({})
    await workspace.call("ada", entity_id=f"{tenant}-x", data={"slug": f"{tenant}-x"}, **rename)

    keys = ["TEN-DOC-1", "TEN-DOC-1.json", "TEN", "TEN.json"]
    assert told.changed == [f"atoms://{tenant}/{key}" for key in keys]
    for key in keys:
        assert told.seen_by["resource", f"atoms://{tenant}/{key}"] == f"atoms://{tenant}-x/{key}"
    assert told.seen_by["resources", ""] == f"atoms://{tenant}-x/*"
    assert (workspace.client.changed, workspace.client.lists) == ([], [])


@pytest.fixture
def failing(workspace, monkeypatch):
    """Call as Ada while all reads fail from the call's first change on."""
    sent, changes = workspace.rest.send, []

    async def call(fault, **arguments):
        async def send(request, token):
            if request.method == "GET" and changes:
                raise fault
            answer = await sent(request, token)
            if request.method != "GET":
                changes.append(request)
            return answer

        changes.clear()
        monkeypatch.setattr(workspace.rest, "send", send)
        try:
            return await workspace.call("ada", **arguments)
        finally:
            monkeypatch.setattr(workspace.rest, "send", sent)

    return call


FAULTS = [
    SupabaseError("busy", "later", retry_after_s=3),
    SupabaseError("slow", "no answer"),
    CallerExpired("PGRST303"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__ + str(fault))
async def test_what_is_stored_stays_a_success_when_nothing_can_be_read_then(
    workspace, project, item, failing, fault
):
    create = {"operation": "create", "parent": project.document, **REQUIREMENT}
    read = {"operation": "read", "entity_id": item, "fields": ["id"], **REQUIREMENT}
    item_id = (await workspace.call("ada", **read))["item"]["id"]

    with capture_logs() as lines:
        one = await failing(fault, data={"title": "One"}, **create)
        put = {"operation": "update", "entity_id": one["item"]["key"], **REQUIREMENT}
        moved = await failing(fault, data={"parent": item_id}, **put)
        some = await failing(fault, items=[{"title": "Two"}, {"title": "Three"}], **create)

    assert moved["item"]["parent"] == item_id
    assert len(some["items"]) == 2
    assert {line["event"] for line in lines} == {"change.half_told"}


@pytest.mark.usefixtures("item")
async def test_a_deletion_stays_a_success_when_what_went_with_it_cannot_be_read(project, failing):
    arguments = {"operation": "delete", "entity_id": project.document, **DOCUMENT}

    assert (await failing(FAULTS[0], **arguments))["item"]["key"] == project.document


async def test_a_repeated_batch_stays_a_success_when_the_earlier_rows_cannot_be_read(
    workspace, project, failing
):
    create = {"operation": "create", "parent": project.document, **REQUIREMENT}
    call = {"client_token": "once", **create}
    first = [{"title": "One"}, {"title": "Two"}]
    await workspace.call("ada", items=first, **call)

    answer = await failing(FAULTS[0], items=[*first, {"title": "Three"}], **call)

    assert answer["replayed"] is True
    assert [item["title"] for item in answer["items"]] == ["One", "Two", "Three"]
    assert answer["items"][2]["key"].startswith(f"{project.key}-REQ-")


async def test_what_cannot_be_published_is_a_success_all_the_same(workspace, client, project):
    class Deaf(client):
        async def publish(self, _change):
            raise StoreDown

    workspace.client = Deaf({})

    answer = await workspace.call(
        "ada", operation="create", parent=project.document, data={"title": "One"}, **REQUIREMENT
    )

    assert answer["item"]["key"] == project.item(1)


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
