import pytest

REQUIREMENT = {"entity_type": "requirement"}


@pytest.fixture
async def twice(workspace, project):
    """Two requirements of one title in the test's project."""
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": "Stop"}, {"title": "Stop"}],
        **REQUIREMENT,
    )
    return project


async def test_a_title_that_two_have_is_chosen_by_the_user(workspace, client, twice):
    workspace.client = client({"names several requirements": {"choice": twice.item(2)}})

    answer = await workspace.call(
        "ada",
        operation="update",
        entity_id="stop",
        parent=twice.key,
        data={"priority": "high"},
        **REQUIREMENT,
    )

    ((key, message, params, authorises),) = workspace.client.asked
    assert answer["item"]["key"] == twice.item(2)
    assert key == "entity_id: stop"
    assert message.endswith(f"- {twice.item(1)}: Stop\n- {twice.item(2)}: Stop")
    assert params["requestedSchema"]["properties"]["choice"]["enum"] == [
        twice.item(1),
        twice.item(2),
    ]
    assert authorises is True


async def test_a_choice_for_reading_allows_no_change(workspace, client, twice):
    workspace.client = client({"": {"choice": twice.item(1)}})

    for arguments in (
        {"operation": "read"},
        {"operation": "update", "dry_run": True, "data": {"priority": "high"}},
    ):
        await workspace.call("ada", entity_id="Stop", parent=twice.key, **arguments, **REQUIREMENT)

    assert [authorises for *_, authorises in workspace.client.asked] == [False, False]


@pytest.mark.parametrize("content", [None, {}, {"choice": "VEH-REQ-1"}, {"choice": 1}])
async def test_who_does_not_choose_gets_the_candidates(workspace, client, twice, content):
    workspace.client = client({"": content})

    error = await workspace.refused(
        "ada", operation="read", entity_id="Stop", parent=twice.key, **REQUIREMENT
    )

    assert error.code == "ambiguous"
    assert [one["entity_id"] for one in error.details["candidates"]] == [
        twice.item(1),
        twice.item(2),
    ]


async def test_of_two_people_of_one_name_one_is_chosen(scripted, client):
    people = [
        {"id": f"0ac3e000-0000-4000-8000-00000000000{n}", "email": f"{n}@x", "display_name": "Sam"}
        for n in (1, 2)
    ]
    workspace = scripted(people, [people[1]])
    workspace.client = client({"1@x": {"choice": people[1]["id"]}})

    answer = await workspace.call(
        "ada", operation="read", entity_type="profile", entity_id="Sam", fields=["email"]
    )

    assert answer["item"]["email"] == "2@x"


async def test_of_two_references_of_one_key_one_is_chosen(scripted, client):
    row = {"key": "VEH-DOC-1", "type": "document", "title": "A"}
    rows = [row | {"id": "d1", "project_id": "p1"}, row | {"id": "d2", "project_id": "p2"}]
    project = {
        "id": "p3",
        "key": "VEH",
        "name": "V",
        "slug": "v",
        "organization_id": "o",
        "organization_slug": "acme",
    }
    workspace = scripted([project], rows, [])
    workspace.client = client({"": {"choice": "d2"}})

    await workspace.call(
        "ada",
        operation="list",
        parent="acme/VEH",
        filters={"document": ["VEH-DOC-1"]},
        **REQUIREMENT,
    )

    assert workspace.client.asked[0][0] == "filters.document: VEH-DOC-1"
    assert ("document_id", "eq.d2") in workspace.requests[-1].query


async def test_places_of_one_label_are_told_apart_by_their_ids(scripted, client):
    row = {"type": "document", "key": "VEH-DOC-1", "title": "A", "document_id": None}
    rows = [
        row | {"id": f"d{n}", "project_id": f"p{n}", "organization_id": f"o{n}"} for n in (1, 2)
    ]
    workspace = scripted(rows, [], [])
    workspace.client = client({"": {"choice": "d2"}})

    await workspace.call("ada", operation="list", parent="VEH-DOC-1", **REQUIREMENT)

    key, message, *_ = workspace.client.asked[0]
    assert key == "parent: VEH-DOC-1"
    assert message.endswith("- d1: a document\n- d2: a document")
    assert ("document_id", "eq.d2") in workspace.requests[-1].query
