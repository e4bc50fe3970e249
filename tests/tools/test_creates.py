import asyncio
import uuid

import pytest

from atoms_mcp.supabase.errors import SupabaseError

REQUIREMENT = {"entity_type": "requirement"}
CREATE = {"operation": "create", **REQUIREMENT}


def token():
    return uuid.uuid4().hex


async def count(workspace, project):
    answer = await workspace.call(
        "ada", operation="list", parent=project.key, include=["total"], **REQUIREMENT
    )
    return answer["page"]["total"]


async def test_what_is_created_is_told_by_its_key(workspace, project):
    answer = await workspace.call(
        "ada", parent=project.document, data={"title": " Horn ", "priority": "low"}, **CREATE
    )

    assert answer == {
        "ok": True,
        "op": "create",
        "type": "requirement",
        "scope": project.document,
        "item": {
            "key": project.item(1),
            "title": "Horn",
            "status": "draft",
            "priority": "low",
            "version": 1,
        },
    }
    assert len(workspace.requests) == 2


async def test_everything_starts_from_nothing(workspace):
    slug = f"new-{token()[:8]}"
    organization = await workspace.call(
        "bob",
        operation="create",
        entity_type="organization",
        data={"name": "New", "slug": slug, "kind": "enterprise", "description": "About."},
    )
    project = await workspace.call(
        "bob",
        operation="create",
        entity_type="project",
        parent=slug,
        data={"title": "First steps", "visibility": "private", "tags": ["a,b"]},
    )
    document = await workspace.call(
        "bob",
        operation="create",
        entity_type="document",
        parent=f"{slug}/{project['item']['key']}",
        data={"title": "Spec", "tags": ["x"]},
    )
    block = await workspace.call(
        "bob",
        operation="create",
        entity_type="block",
        parent=f"{slug}/{document['item']['key']}",
        data={"kind": "text", "body": "Hello"},
    )

    assert organization["item"]["slug"] == slug
    assert project["item"]["key"] == "FS"
    assert document["item"]["key"] == "FS-DOC-1"
    assert block["item"]["body"] == "Hello"
    listed = await workspace.call("bob", operation="list", entity_type="project", parent=slug)
    assert listed["items"][0]["role"] == "owner"


async def test_a_batch_keeps_its_order_and_each_its_own_fields(workspace, project):
    answer = await workspace.call(
        "ada",
        parent=project.document,
        items=[
            {"title": "A", "priority": "high"},
            {"title": "B", "tags": ["x"], "fields": {"a": 1}},
            {"title": "C", "verification": ["test"], "status": "in_review"},
        ],
        **CREATE,
    )

    told = [(item["title"], item["priority"], item["status"]) for item in answer["items"]]
    assert told == [
        ("A", "high", "draft"),
        ("B", "medium", "draft"),
        ("C", "medium", "in_review"),
    ]


async def test_nothing_of_a_batch_is_stored_unless_all_of_it_is(workspace, project):
    for bad in (
        {"title": "Bad", "parent": "VEH-REQ-1"},
        {"title": "Bad", "external_id": "x-1"},
        {"title": "Bad", "status": "pending"},
    ):
        error = await workspace.refused(
            "ada",
            parent=project.document,
            items=[{"title": "Good", "external_id": "x-1"}, bad],
            **CREATE,
        )
        assert error.code in {"not_found", "duplicate", "invalid_argument"}

    assert await count(workspace, project) == 0


async def test_a_batch_of_a_thousand_is_the_most(workspace, project):
    rows = [{"title": f"Row {n}"} for n in range(1001)]

    with pytest.raises(Exception, match="items"):
        await workspace.run(
            "ada", "entity_tool", {"parent": project.document, "items": rows, **CREATE}
        )


async def test_a_hundred_are_shown_each(workspace, project):
    rows = [{"title": f"Row {n}"} for n in range(100)]

    answer = await workspace.call("ada", parent=project.document, items=rows, **CREATE)

    assert [item["title"] for item in answer["items"]] == [row["title"] for row in rows]
    inserts = [one for one in workspace.requests if one.method == "POST"]
    assert len(inserts) == 1


async def test_a_retry_with_the_same_token_creates_nothing_twice(workspace, project):
    call = {
        "parent": project.document,
        "items": [{"title": "A"}, {"title": "B"}],
        "client_token": token(),
        **CREATE,
    }

    first = await workspace.call("ada", **call)
    again = await workspace.call("ada", **call)

    assert "replayed" not in first
    assert again["replayed"] is True
    assert again["items"] == first["items"]
    assert "2 were there already, 0 created now" in again["warnings"][0]
    assert await count(workspace, project) == 2


async def test_two_retries_at_the_same_moment_create_nothing_twice(workspace, project):
    call = {
        "parent": project.document,
        "data": {"title": "A"},
        "client_token": token(),
        **CREATE,
    }

    answers = await asyncio.gather(*(workspace.call("ada", **call) for _ in range(5)))

    assert {answer["item"]["key"] for answer in answers} == {answers[0]["item"]["key"]}
    assert await count(workspace, project) == 1


async def test_a_replay_of_a_longer_batch_adds_the_rest(workspace, project):
    call = {"parent": project.document, "client_token": token(), **CREATE}
    await workspace.call("ada", items=[{"title": "A"}, {"title": "B"}], **call)

    answer = await workspace.call(
        "ada", items=[{"title": "A"}, {"title": "B"}, {"title": "C"}], **call
    )

    assert [item["title"] for item in answer["items"]] == ["A", "B", "C"]
    assert "2 were there already, 1 created now" in answer["warnings"][0]


async def test_a_replay_with_other_values_says_that_they_were_not_stored(workspace, project):
    call = {"parent": project.document, "client_token": token(), **CREATE}
    await workspace.call("ada", data={"title": "A", "tags": ["x"]}, **call)

    answer = await workspace.call("ada", data={"title": "A", "tags": ["y"]}, **call)

    assert f"differs from what you sent now: {project.item(1)}" in answer["warnings"][1]


async def test_a_token_is_of_one_user_and_one_place(workspace, project, invite):
    invite("vic", "editor")
    call = {"data": {"title": "A"}, "client_token": token(), **CREATE}
    other = await workspace.call(
        "ada",
        operation="create",
        entity_type="document",
        parent=project.key,
        data={"title": "Other"},
    )

    first = await workspace.call("ada", parent=project.document, **call)
    second = await workspace.call("vic", parent=project.document, **call)
    third = await workspace.call("ada", parent=other["item"]["key"], **call)

    keys = {answer["item"]["key"] for answer in (first, second, third)}
    assert len(keys) == 3


async def test_projects_and_organizations_are_replayed_too(workspace):
    slug = f"replay-{token()[:8]}"
    call = {"operation": "create", "client_token": token()}
    made = {"entity_type": "organization", "data": {"title": "Replay", "slug": slug}}
    inside = {"entity_type": "project", "parent": slug, "data": {"title": "Inside"}}

    for arguments in (made, inside):
        first = await workspace.call("ada", **call, **arguments)
        again = await workspace.call("ada", **call, **arguments)
        assert (first.get("replayed"), again["replayed"]) == (None, True)
        assert again["item"] == first["item"]
    changed = await workspace.call("ada", **call, **(inside | {"data": {"title": "Otherwise"}}))
    assert changed["item"]["title"] == "Inside"
    assert "differs" in changed["warnings"][1]


async def test_a_token_whose_row_is_out_of_sight_is_of_no_use(scripted):
    place = {
        "id": "d1",
        "key": "VEH-DOC-1",
        "type": "document",
        "title": "A",
        "project_id": "p",
        "organization_id": "o",
        "document_id": None,
    }

    error = await scripted([place], [], []).refused(
        "ada", parent="VEH-DOC-1", data={"title": "A"}, client_token="t", **CREATE
    )

    assert (error.code, error.details) == ("conflict", {"field": "client_token"})

    held = {"id": "d1", "key": "VEH-DOC-1", "projects": {"key": "VEH", "organizations": None}}
    made = {"id": "r1", "key": "VEH-REQ-7", "document_id": "d1"}
    error = await scripted([place], [made], [held], []).refused(
        "ada",
        parent="VEH-DOC-1",
        items=[{"title": "A"}, {"title": "B"}],
        client_token="t",
        **CREATE,
    )

    assert "stored now are VEH-REQ-7" in error.message
    assert "without the items that are stored" in error.fix


async def test_a_requirement_is_put_below_another_by_naming_it_as_parent(workspace, project):
    await workspace.call("ada", parent=project.document, data={"title": "Above"}, **CREATE)

    await workspace.call("ada", parent=project.item(1), data={"title": "Below"}, **CREATE)
    await workspace.call(
        "ada", data={"title": "Too", "parent": project.item(1)}, **CREATE | {"parent": project.key}
    )

    children = await workspace.call(
        "ada", operation="list", parent=project.item(1), fields=["title", "document"], **REQUIREMENT
    )
    assert [(item["title"], item["document"]) for item in children["items"]] == [
        ("Below", project.document),
        ("Too", project.document),
    ]


async def test_rows_may_name_their_documents_themselves(workspace, project):
    answer = await workspace.call(
        "ada", items=[{"title": "A", "document": project.document}], **CREATE
    )

    assert answer["items"][0]["key"] == project.item(1)
    assert "scope" not in answer


async def test_without_a_document_a_creation_names_some(workspace, project):
    error = await workspace.refused("ada", parent=project.key, data={"title": "A"}, **CREATE)

    assert error.fix == f"give a document as parent: {project.document} (Specification)."


async def test_a_parent_by_uuid_alone_does_not_tell_its_document(workspace):
    error = await workspace.refused(
        "ada",
        parent="VEH",
        data={"title": "A", "parent": "0ac3e000-0000-4000-8000-000000000101"},
        **CREATE,
    )

    assert "lives in a document" in error.message
    assert "VEH-DOC-1" in error.fix


async def test_an_empty_project_says_to_create_a_document_first(scripted):
    project = {
        "id": "p",
        "key": "VEH",
        "name": "V",
        "slug": "v",
        "organization_id": "o",
        "organization_slug": "acme",
    }

    error = await scripted([project], []).refused(
        "ada", parent="VEH", data={"title": "A"}, **CREATE
    )

    assert error.fix == "give a document as parent, or create one first."


async def test_a_dry_run_checks_and_writes_nothing(workspace, project):
    answer = await workspace.call(
        "ada",
        parent=project.document,
        items=[{"title": f"Row {n}"} for n in range(7)],
        dry_run=True,
        **CREATE,
    )
    one = await workspace.call(
        "ada",
        operation="create",
        entity_type="block",
        parent=project.document,
        data={"kind": "text", "body": "x"},
        dry_run=True,
    )

    assert answer["dry_run"] is True
    assert answer["would"] == (
        f"create 7 requirements in {project.document}: Row 0; Row 1; Row 2; Row 3; Row 4 ..."
    )
    assert answer["rights"] == {"your_role": "owner", "needed_role": "editor"}
    assert one["would"] == f"create block in {project.document}"
    assert await count(workspace, project) == 0
    assert {request.method for request in workspace.requests} <= {"GET", "POST"}
    assert all(
        request.path.startswith("rpc/explain_access")
        for request in workspace.requests
        if request.method == "POST"
    )


async def test_a_dry_run_refuses_what_the_call_itself_would(workspace, project, invite):
    arguments = {"parent": project.document, "dry_run": True, **CREATE}
    invite("vic", "viewer")
    viewer = await workspace.refused("vic", data={"title": "A"}, **arguments)
    unknown = await workspace.refused("ada", data={"title": "A", "parent": "NO-REQ-1"}, **arguments)

    assert viewer.details["needed_role"] == "editor"
    assert unknown.code == "not_found"


async def test_approving_needs_more_than_writing(workspace, project, invite):
    invite("vic", "editor")
    data = {"title": "A", "status": "approved"}

    for extra in ({}, {"dry_run": True}):
        error = await workspace.refused(
            "vic", parent=project.document, data=data, **extra, **CREATE
        )
        assert error.details["needed_role"] == "maintainer"
        assert "approve requirement" in error.message
    assert await workspace.call("ada", parent=project.document, data=data, dry_run=True, **CREATE)


@pytest.mark.parametrize(
    ("who", "arguments", "code"),
    [
        (
            "vic",
            {"entity_type": "project", "parent": "acme", "data": {"title": "Mine"}},
            "forbidden",
        ),
        (
            "bob",
            {"entity_type": "project", "parent": "acme", "data": {"title": "Mine"}},
            "not_found",
        ),
        ("vic", {"entity_type": "document", "parent": "VEH", "data": {"title": "A"}}, "forbidden"),
        (
            "bob",
            {"entity_type": "document", "parent": "acme/VEH", "data": {"title": "A"}},
            "not_found",
        ),
        (
            "vic",
            {"entity_type": "block", "parent": "VEH-DOC-1", "data": {"kind": "text"}},
            "forbidden",
        ),
    ],
)
async def test_who_may_not_create_is_told_why_or_nothing(workspace, who, arguments, code):
    error = await workspace.refused(who, operation="create", **arguments)

    assert error.code == code


@pytest.mark.parametrize(
    ("entity_type", "parent"),
    [
        ("document", "0ac3e000-0000-4000-8000-000000000002"),
        ("project", "0ac3e000-0000-4000-8000-000000000001"),
        ("requirement", "0ac3e000-0000-4000-8000-00000000000a"),
    ],
)
async def test_a_place_of_another_tenant_given_by_uuid_is_not_found(workspace, entity_type, parent):
    nowhere = "0ac3e000-0000-4000-8000-0000000000ff"
    errors = [
        await workspace.refused(
            "bob",
            operation="create",
            entity_type=entity_type,
            parent=place,
            data={"title": "Planted"},
        )
        for place in (parent, nowhere)
    ]

    assert {error.code for error in errors} == {"not_found"}
    assert errors[0].message == errors[1].message.replace(nowhere, parent)


async def test_a_taken_key_or_slug_is_told_with_who_has_it(workspace, project):
    key = await workspace.refused(
        "ada",
        operation="create",
        entity_type="project",
        parent="acme",
        data={"title": "Twin", "key": project.key},
    )
    mine = await workspace.refused(
        "ada", operation="create", entity_type="organization", data={"title": "XX", "slug": "acme"}
    )
    foreign = await workspace.refused(
        "bob", operation="create", entity_type="organization", data={"title": "XX", "slug": "acme"}
    )

    assert (key.code, key.details["existing"]) == ("duplicate", project.key)
    assert mine.details["existing"] == "acme"
    assert "existing" not in foreign.details


async def test_a_taken_external_id_is_told_with_who_has_it(workspace, project):
    await workspace.call(
        "ada", parent=project.document, data={"title": "A", "external_id": "x-1"}, **CREATE
    )

    error = await workspace.refused(
        "ada",
        parent=project.document,
        items=[{"title": "B", "external_id": "x-0"}, {"title": "C", "external_id": "x-1"}],
        **CREATE,
    )
    twice = await workspace.refused(
        "ada",
        parent=project.document,
        items=[{"title": "B", "external_id": "x-9"}, {"title": "C", "external_id": "x-9"}],
        **CREATE,
    )

    assert error.message == (f"external_id 'x-1' is taken by requirement {project.item(1)}.")
    assert "is given to several of the items" in twice.message


async def test_what_the_database_alone_can_judge_is_told_in_words(workspace, project):
    arguments = {"operation": "create", "entity_type": "block", "parent": project.document}

    heading = await workspace.refused("ada", data={"kind": "heading", "body": "A"}, **arguments)
    key = await workspace.refused(
        "ada",
        operation="create",
        entity_type="project",
        parent="acme",
        data={"title": "Odd", "key": "not-a-key"},
    )

    assert heading.message == "a heading needs heading_level (1 to 6) and body."
    assert (key.code, key.details) == ("invalid_argument", {"field": "data.key"})
    assert key.message == "key must be 2 to 10 capitals and digits, a letter first."


async def test_what_is_put_into_a_deleted_document_is_refused(workspace, project):
    await workspace.call(
        "ada", operation="delete", entity_type="document", entity_id=project.document
    )

    error = await workspace.refused("ada", parent=project.document, data={"title": "A"}, **CREATE)

    assert (error.code, error.message) == ("conflict", "this document is deleted.")


async def test_a_database_that_is_away_is_nobodys_fault_but_its_own(scripted):
    place = {"id": "d1", "key": "VEH-DOC-1", "type": "document", "title": "A"}
    place |= {"project_id": "p", "organization_id": "o", "document_id": None}
    for kind in ("down", "slow", "wrong", "busy"):
        with pytest.raises(SupabaseError):
            await scripted([place], SupabaseError(kind, "x")).run(
                "ada", "entity_tool", {"parent": "VEH-DOC-1", "data": {"title": "A"}, **CREATE}
            )


async def test_what_was_created_is_linked(workspace, project):
    await workspace.call("ada", parent=project.document, data={"title": "Stop"}, **CREATE)
    assert workspace.links == [f"atoms://acme/{project.item(1)}"]

    rows = [{"title": f"Row {n}"} for n in range(15)]
    await workspace.call("ada", parent=project.document, items=rows, **CREATE)
    assert workspace.links == [f"atoms://acme/{project.item(n)}" for n in range(2, 12)]

    await workspace.call(
        "ada",
        operation="create",
        entity_type="block",
        parent=project.document,
        data={"kind": "text", "body": "Text."},
    )
    assert workspace.links == []


async def test_many_that_differ_are_named_in_part(workspace, project):
    call = {"parent": project.document, "client_token": token(), **CREATE}
    await workspace.call("ada", items=[{"title": f"Row {n}"} for n in range(30)], **call)

    again = await workspace.call("ada", items=[{"title": f"New {n}"} for n in range(30)], **call)

    assert f"{project.item(20)} and others; update it" in again["warnings"][1]
