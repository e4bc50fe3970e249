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
