import asyncio

import pytest

REQUIREMENT = {"entity_type": "requirement"}
UPDATE = {"operation": "update", **REQUIREMENT}


@pytest.fixture
async def item(workspace, project):
    """A requirement of the test's project, by its key."""
    answer = await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        data={"title": "Stop", "description": "It shall."},
        **REQUIREMENT,
    )
    return answer["item"]["key"]


async def test_an_update_shows_what_changed(workspace, item):
    answer = await workspace.call(
        "ada",
        entity_id=item,
        expected_version=1,
        data={"priority": "critical", "level": "component", "description": "Longer. " * 100},
        **UPDATE,
    )

    assert answer["item"] == {
        "key": item,
        "title": "Stop",
        "status": "draft",
        "priority": "critical",
        "version": 2,
        "level": "component",
    }
    assert len(workspace.requests) == 2


async def test_null_clears_a_field(workspace, item):
    await workspace.call("ada", entity_id=item, data={"description": None}, **UPDATE)

    read = await workspace.call("ada", operation="read", entity_id=item, **REQUIREMENT)

    assert "description" not in read["item"]
    with pytest.raises(Exception, match="null is not of type"):
        await workspace.run(
            "ada", "entity_tool", {"entity_id": item, "data": {"title": None}, **UPDATE}
        )


async def test_an_update_to_what_is_there_says_so(workspace, item):
    answer = await workspace.call(
        "ada", entity_id=item, expected_version=1, data={"title": "Stop"}, **UPDATE
    )

    assert answer["warnings"] == ["the values were like that already; nothing changed"]
    assert answer["item"]["version"] == 1


async def test_of_two_editors_the_second_is_told_of_the_first(workspace, item):
    results = await asyncio.gather(
        *(
            workspace.run(
                "ada",
                "entity_tool",
                {"entity_id": item, "expected_version": 1, "data": {"title": title}, **UPDATE},
            )
            for title in ("Mine", "Yours")
        ),
        return_exceptions=True,
    )

    (error,) = [one for one in results if isinstance(one, Exception)]
    (answer,) = [one for one in results if not isinstance(one, Exception)]
    assert (error.code, error.details["current_version"]) == ("conflict", 2)
    assert error.details["changed_fields"] == ["title"]
    assert error.details["current"] == {"title": answer["item"]["title"]}


async def test_what_changed_between_finding_and_writing_is_a_conflict(workspace, item):
    async def change():
        await workspace.call("ada", entity_id=item, data={"title": "Between"}, **UPDATE)

    workspace.before = {2: change}
    error = await workspace.refused(
        "ada", entity_id=item, expected_version=1, data={"title": "Late"}, **UPDATE
    )

    assert error.code == "conflict"


async def test_a_project_at_another_version_is_a_conflict_too(workspace, project):
    arguments = {"operation": "update", "entity_type": "project", "entity_id": project.key}
    await workspace.call("ada", data={"status": "archived"}, **arguments)

    error = await workspace.refused(
        "ada", data={"status": "active"}, expected_version=1, **arguments
    )

    assert "status changed by ada@acme.example" in error.message


@pytest.mark.parametrize("by", ["key", "uuid"])
@pytest.mark.parametrize(("who", "code"), [("vic", "forbidden"), ("bob", "not_found")])
async def test_what_matches_nothing_is_never_a_success(workspace, who, code, by):
    entity_id = {"key": "VEH-REQ-1", "uuid": "0ac3e000-0000-4000-8000-000000000101"}[by]
    for arguments in (
        {"operation": "update", "data": {"priority": "low"}},
        {"operation": "delete"},
        {"operation": "update", "data": {"priority": "low"}, "expected_version": 1},
        {"operation": "update", "data": {"priority": "low"}, "dry_run": True},
        {"operation": "delete", "dry_run": True},
    ):
        error = await workspace.refused(who, entity_id=entity_id, **arguments, **REQUIREMENT)
        assert error.code == code, arguments
        if code == "forbidden":
            needed = "maintainer" if arguments["operation"] == "delete" else "editor"
            assert error.details["needed_role"] == needed
            assert error.details["your_role"] == "viewer"
            assert "VEH-REQ-1" in error.message
            assert "Ada Park (ada@acme.example, owner)" in error.fix


async def test_an_editor_may_write_but_not_delete_or_approve(workspace, item, invite):
    invite("vic", "editor")
    await workspace.call("vic", entity_id=item, data={"status": "in_review"}, **UPDATE)

    delete = await workspace.refused("vic", operation="delete", entity_id=item, **REQUIREMENT)
    for extra in ({}, {"dry_run": True}):
        approve = await workspace.refused(
            "vic", entity_id=item, data={"status": "approved"}, **extra, **UPDATE
        )
        assert approve.details["needed_role"] == "maintainer"
    assert delete.details["needed_role"] == "maintainer"


async def test_a_profile_is_changed_by_its_owner_alone(workspace):
    arguments = {"operation": "update", "entity_type": "profile"}

    own = await workspace.call(
        "bob", entity_id="me", data={"display_name": "Bob Reyes"}, **arguments
    )
    error = await workspace.refused(
        "vic", entity_id="ada@acme.example", data={"display_name": "Eve"}, **arguments
    )
    url = await workspace.refused("bob", entity_id="me", data={"avatar_url": "x"}, **arguments)
    dry = await workspace.call(
        "bob", entity_id="me", data={"display_name": "Bo"}, dry_run=True, **arguments
    )

    assert own["item"]["display_name"] == "Bob Reyes"
    assert error.code == "forbidden"
    assert url.details == {"field": "data.avatar_url"}
    assert dry["changes"]["display_name"] == {"from": "Bob Reyes", "to": "Bo"}


async def test_what_is_deleted_comes_back(workspace, item):
    one = {"entity_id": item, **REQUIREMENT}

    deleted = await workspace.call("ada", operation="delete", **one)
    again = await workspace.refused("ada", operation="delete", **one)
    changed = await workspace.refused("ada", data={"title": "X"}, operation="update", **one)
    restored = await workspace.call("ada", operation="restore", **one)
    twice = await workspace.refused("ada", operation="restore", **one)

    assert deleted["item"]["deleted_at"].endswith("Z")
    assert "was deleted already" in again.message
    assert "bring it back with operation restore" in changed.fix
    assert "deleted_at" not in restored["item"]
    assert twice.message == f"{item} is not deleted."


async def test_deleting_at_an_old_version_is_a_conflict(workspace, item):
    await workspace.call("ada", entity_id=item, data={"title": "New"}, **UPDATE)

    for extra in ({}, {"dry_run": True}):
        error = await workspace.refused(
            "ada", operation="delete", entity_id=item, expected_version=1, **extra, **REQUIREMENT
        )
        assert error.code == "conflict"


async def test_a_document_takes_its_requirements_along_and_back(workspace, project, item):
    document = {"entity_type": "document", "entity_id": project.document}

    await workspace.call("ada", operation="delete", **document)
    gone = await workspace.call("ada", operation="list", parent=project.key, **REQUIREMENT)
    await workspace.call("ada", operation="restore", **document)
    back = await workspace.call("ada", operation="list", parent=project.key, **REQUIREMENT)

    assert gone["items"] == []
    assert [one["key"] for one in back["items"]] == [item]


async def test_deleting_a_project_wants_its_key_once_more(workspace, project, item):
    arguments = {"operation": "delete", "entity_type": "project", "entity_id": project.key}

    asked = await workspace.refused("ada", **arguments)
    wrong = await workspace.refused("ada", confirm="yes", **arguments)
    dry = await workspace.call("ada", dry_run=True, **arguments)
    done = await workspace.call("ada", confirm=f"acme/{project.key.lower()}", **arguments)
    restored = await workspace.call("ada", **arguments | {"operation": "restore"})

    assert asked.message == (
        f'deleting project {project.key} "Test {project.key}" '
        "takes 1 document and 1 requirement out of sight."
    )
    assert asked.details == {"field": "confirm", "allowed": [project.key]}
    assert "(confirm was 'yes')" in wrong.message
    assert dry["would"] == f"delete {project.key}"
    assert done["item"]["key"] == project.key
    assert "deleted_at" not in restored["item"]
    assert item


async def test_deleting_an_organization_wants_its_slug_once_more(workspace, project):
    slug = f"gone-{project.key.lower()}"
    await workspace.call(
        "ada", operation="create", entity_type="organization", data={"title": "Gone", "slug": slug}
    )
    arguments = {"operation": "delete", "entity_type": "organization", "entity_id": slug}

    asked = await workspace.refused("ada", **arguments)
    await workspace.call("ada", confirm=slug, **arguments)
    listed = await workspace.call(
        "ada", operation="list", entity_type="organization", filters={"deleted": True}
    )

    assert "0 projects and 1 member" in asked.message
    assert slug in [one["slug"] for one in listed["items"]]


async def test_who_may_not_delete_is_told_so_before_being_asked_to_confirm(workspace):
    arguments = {"operation": "delete", "entity_type": "project"}
    uuid = "0ac3e000-0000-4000-8000-000000000002"

    for entity_id in ("VEH", uuid):
        error = await workspace.refused("vic", entity_id=entity_id, **arguments)
        assert (error.code, error.details["needed_role"]) == ("forbidden", "owner")
    assert (await workspace.refused("bob", entity_id=uuid, **arguments)).code == "not_found"


async def test_a_dry_run_tells_values_before_and_after_and_writes_nothing(workspace, project, item):
    answer = await workspace.call(
        "ada",
        entity_id=item,
        dry_run=True,
        data={"priority": "low", "title": "Stop", "tags": ["x"], "document": project.document},
        **UPDATE,
    )
    read = await workspace.call("ada", operation="read", entity_id=item, **REQUIREMENT)

    assert answer["would"] == f"update priority, tags of requirement {item}"
    assert answer["changes"] == {
        "priority": {"from": "medium", "to": "low"},
        "tags": {"to": ["x"]},
    }
    assert answer["rights"] == {"your_role": "owner", "needed_role": "editor"}
    assert answer["current_version"] == 1
    assert read["item"]["version"] == 1


async def test_a_dry_run_of_no_change_says_nothing_would_change(workspace, item):
    answer = await workspace.call(
        "ada", entity_id=item, dry_run=True, data={"title": "Stop"}, **UPDATE
    )

    assert answer["would"] == f"update nothing of requirement {item}"


async def test_a_dry_run_of_restoring_looks_whether_it_is_deleted(workspace, item):
    one = {"entity_id": item, "dry_run": True, **REQUIREMENT}

    alive = await workspace.refused("ada", operation="restore", **one)
    await workspace.call("ada", operation="delete", entity_id=item, **REQUIREMENT)
    deleted = await workspace.call("ada", operation="restore", **one)

    assert alive.code == "conflict"
    assert deleted["would"] == f"restore {item}"


async def test_approving_in_a_dry_run_asks_for_the_right_to_approve(workspace, item):
    answer = await workspace.call(
        "ada", entity_id=item, data={"status": "approved"}, dry_run=True, **UPDATE
    )

    assert answer["rights"]["needed_role"] == "maintainer"


async def test_a_ring_of_requirements_is_refused(workspace, project, item):
    await workspace.call(
        "ada", operation="create", parent=item, data={"title": "Below"}, **REQUIREMENT
    )

    error = await workspace.refused(
        "ada", entity_id=item, data={"parent": project.item(2)}, **UPDATE
    )

    assert error.message == "a requirement cannot be its own ancestor."
