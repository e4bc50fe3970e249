import pytest

REQUIREMENT = {"entity_type": "requirement"}
DELETE = {"operation": "delete"}


@pytest.fixture
async def filled(workspace, project):
    """The test's project with one requirement in its document."""
    await workspace.call(
        "ada", operation="create", parent=project.document, data={"title": "Stop"}, **REQUIREMENT
    )
    return project


@pytest.fixture
def delete(workspace):
    async def delete(who, entity_type, key, **more):
        return await workspace.call(who, entity_type=entity_type, entity_id=key, **DELETE, **more)

    return delete


@pytest.fixture
def refused(workspace):
    async def refused(who, entity_type, key, **more):
        return await workspace.refused(
            who, entity_type=entity_type, entity_id=key, **DELETE, **more
        )

    return refused


async def is_there(workspace, entity_type, key):
    answer = await workspace.call("ada", operation="read", entity_type=entity_type, entity_id=key)
    return "warnings" not in answer


async def test_a_document_with_something_in_it_is_asked_for(workspace, client, delete, filled):
    workspace.client = client({"": {"delete": True}})

    answer = await delete("ada", "document", filled.document)

    ((key, message, params, authorises),) = workspace.client.asked
    assert answer["item"]["key"] == filled.document
    assert key == "confirm_delete"
    assert message == (
        f'Delete document {filled.document} "Specification"? It takes 1 requirement out of sight; '
        "restore can bring it back."
    )
    assert params["requestedSchema"]["properties"]["delete"]["type"] == "boolean"
    assert authorises is True
    workspace.client = client({})
    assert not await is_there(workspace, "document", filled.document)


@pytest.mark.parametrize("content", [None, {"delete": False}, {}, {"delete": "yes"}])
async def test_what_is_not_agreed_to_stays(workspace, client, refused, filled, content):
    workspace.client = client({"": content})

    error = await refused("ada", "document", filled.document)

    assert error.code == "declined"
    assert error.message == (
        f"the user was asked and did not agree to delete document {filled.document}; "
        "it is as it was."
    )
    assert await is_there(workspace, "document", filled.document)


async def test_an_empty_document_is_not_asked_for(workspace, client, delete, project):
    workspace.client = client({})

    await delete("ada", "document", project.document)

    assert workspace.client.asked == []


async def test_a_document_that_is_deleted_already_is_not_asked_for(
    workspace, client, delete, refused, filled
):
    await delete("ada", "document", filled.document)
    workspace.client = client({})

    error = await refused("ada", "document", filled.document)

    assert error.code == "conflict"


async def test_one_requirement_is_not_asked_for(workspace, client, delete, filled):
    workspace.client = client({})

    await delete("ada", "requirement", filled.item(1))

    assert workspace.client.asked == []


async def test_nobody_is_asked_for_a_document_where_nobody_can_be(workspace, delete, filled):
    await delete("ada", "document", filled.document)

    assert not await is_there(workspace, "document", filled.document)


@pytest.mark.parametrize("typed", ["{key}", "{lower}", "acme/{key}", " {key} "])
async def test_a_projects_key_has_to_be_typed(workspace, client, delete, filled, typed):
    text = typed.format(key=filled.key, lower=filled.key.lower())
    workspace.client = client({"Delete project": {"confirm": text}})

    await delete("ada", "project", filled.key)

    ((_, message, params, _),) = workspace.client.asked
    assert "It takes 1 document and 1 requirement out of sight" in message
    assert params["requestedSchema"]["properties"]["confirm"]["title"] == (
        f"Type {filled.key} to confirm"
    )


@pytest.mark.parametrize("content", [None, {"confirm": "yes"}, {"confirm": True}, {}])
async def test_any_other_text_leaves_the_project(workspace, client, refused, filled, content):
    workspace.client = client({"": content})

    error = await refused("ada", "project", filled.key, confirm=filled.key)

    assert error.code == "declined"
    assert await is_there(workspace, "project", filled.key)


async def test_who_may_not_delete_is_told_so_and_not_asked(
    workspace, client, refused, filled, invite
):
    invite("vic", "editor")
    workspace.client = client({})

    for entity_type, key in (("document", filled.document), ("project", filled.key)):
        error = await refused("vic", entity_type, key)
        assert error.code == "forbidden"


async def test_what_is_not_in_sight_is_not_asked_for(workspace, client, refused):
    workspace.client = client({})

    for entity_type in ("document", "project"):
        error = await refused("bob", entity_type, "0ac3e000-0000-4000-8000-00000000000a")
        assert error.code == "not_found"


async def test_a_dry_run_asks_nothing(workspace, client, delete, filled):
    workspace.client = client({})

    answer = await delete("ada", "document", filled.document, dry_run=True)

    assert answer["dry_run"] is True


async def test_a_yes_to_a_call_that_was_cancelled_deletes_nothing(
    workspace, client, refused, filled
):
    class Leaving(client):
        @property
        def is_cancelled(self):
            return bool(self.asked)

    workspace.client = Leaving({"": {"delete": True}})

    error = await refused("ada", "document", filled.document)

    assert error.code == "cancelled"
    assert await is_there(workspace, "document", filled.document)
