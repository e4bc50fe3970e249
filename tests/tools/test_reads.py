import orjson
import pytest

REQUIREMENT = {"entity_type": "requirement"}


@pytest.fixture
def add(workspace, project):
    async def add(entity_type="requirement", **data):
        answer = await workspace.call(
            "ada",
            operation="create",
            entity_type=entity_type,
            parent=project.document,
            data=data,
        )
        return answer["item"]

    return add


async def parts(workspace, **arguments):
    answers, more = [], {}
    while True:
        answers.append(await workspace.call("ada", operation="read", **arguments, **more))
        page = answers[-1].get("page", {})
        if not page.get("has_more"):
            return answers
        more = {"cursor": page["next_cursor"]}


async def test_a_read_gives_the_full_text(workspace, project, add):
    await add(
        title="Stop",
        description="It shall stop.\n\nAlways.",
        rationale="Safety.",
        tags=["a"],
        fields={"asil": "D"},
    )

    answer = await workspace.call("ada", operation="read", entity_id=project.item(1), **REQUIREMENT)

    item = answer["item"]
    assert item["description"] == "It shall stop.\n\nAlways."
    assert item["fields"] == {"asil": "D"}
    assert item["document"] == project.document
    assert item["created_by"] == "ada@acme.example"
    assert item["updated_at"].endswith("Z")


async def test_a_read_can_be_concise_or_of_some_fields(workspace, project, add):
    await add(title="Stop", description="It shall.")
    arguments = {"operation": "read", "entity_id": project.item(1), **REQUIREMENT}

    concise = await workspace.call("ada", format="concise", **arguments)
    some = await workspace.call("ada", fields=["description", "status"], **arguments)

    assert list(concise["item"]) == ["key", "title", "status", "priority", "version"]
    assert list(some["item"]) == ["key", "description", "status"]


async def test_what_is_deleted_can_be_read_and_says_so(workspace, project, add):
    await add(title="Stop")
    await workspace.call("ada", operation="delete", entity_id=project.item(1), **REQUIREMENT)

    answer = await workspace.call(
        "ada", operation="read", entity_id=project.item(1), fields=["title"], **REQUIREMENT
    )

    assert answer["item"]["title"] == "Stop"
    assert "operation restore brings it back" in answer["warnings"][0]


async def test_a_read_brings_along_what_lives_in_it(workspace, project, add):
    await add(title="Above")
    await add(title="Below", parent=project.item(1))

    answer = await workspace.call(
        "ada",
        operation="read",
        entity_id=project.item(1),
        include=["children", "history", "counts"],
        **REQUIREMENT,
    )

    assert answer["included"]["children"]["total"] == 1
    assert answer["included"]["children"]["items"][0]["key"] == project.item(2)
    assert answer["counts"] == {"children": 1}
    assert [one["op"] for one in answer["history"]] == ["create"]


async def test_more_than_a_read_brings_along_says_how_to_get_it(workspace, project):
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": f"Row {n}"} for n in range(25)],
        **REQUIREMENT,
    )

    answer = await workspace.call(
        "ada",
        operation="read",
        entity_type="document",
        entity_id=project.document,
        format="concise",
        include=["requirements", "blocks"],
    )

    held = answer["included"]["requirements"]
    assert (held["total"], len(held["items"])) == (25, 20)
    assert held["get"] == "operation list, entity_type requirement, parent as this entity"
    assert answer["included"]["blocks"] == {"total": 0, "items": []}


async def test_an_organization_counts_what_it_holds_itself(workspace):
    answer = await workspace.call(
        "ada",
        operation="read",
        entity_type="organization",
        entity_id="acme",
        include=["counts", "members"],
    )

    assert answer["item"]["members"] == 2
    assert "counts" not in answer
    assert {one["email"] for one in answer["included"]["members"]["items"]} == {
        "ada@acme.example",
        "vic@acme.example",
    }


async def test_a_document_is_one_markdown_text_with_keys_inline(workspace, project, add):
    await add("block", kind="heading", heading_level=1, body="Scope")
    await add("block", kind="text", body="Some *text*.")
    await add(title="Stop", description="It shall stop.")

    answer = await workspace.call(
        "ada", operation="read", entity_type="document", entity_id=project.document
    )

    assert answer["item"]["markdown"] == (
        f"# Specification ({project.document})\n\n## Scope\n\nSome *text*.\n\n"
        f"**{project.item(1)}** Stop (draft, medium)\n\nIt shall stop."
    )
    assert answer["page"] == {"has_more": False}


async def test_a_long_document_is_read_in_parts_that_are_the_whole(workspace, project, add):
    long_text = "\n".join(f"Line {n} of a very long block." for n in range(2600))
    await workspace.call(
        "ada",
        operation="update",
        entity_type="document",
        entity_id=project.document,
        data={"description": "About. " * 5000},
    )
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": f"Row {n}", "description": f"Text {n}. " * 20} for n in range(100)],
        **REQUIREMENT,
    )
    await add("block", kind="text", body=long_text)
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": f"Row {n}"} for n in range(100, 190)],
        **REQUIREMENT,
    )

    answers = await parts(workspace, entity_type="document", entity_id=project.document)

    texts = [answer["item"]["markdown"] for answer in answers]
    joined = "".join(texts)
    assert all(len(orjson.dumps(answer)) < 36_000 for answer in answers)
    assert len(answers) > 4
    assert joined.count("About. ") == 4999
    for n in range(190):
        assert joined.count(f"Row {n} (") == 1
    for n in (0, 1300, 2599):
        assert joined.count(f"Line {n} of a very") == 1
    assert "status" not in answers[1]["item"]


async def test_a_document_of_many_short_rows_is_read_in_parts_too(workspace, project):
    for first in (0, 100):
        await workspace.call(
            "ada",
            operation="create",
            parent=project.document,
            items=[{"title": f"Row {n}"} for n in range(first, first + 100)],
            **REQUIREMENT,
        )

    answers = await parts(workspace, entity_type="document", entity_id=project.document)

    joined = "".join(answer["item"]["markdown"] for answer in answers)
    assert len(answers) == 2
    assert all(joined.count(f" Row {n} (") == 1 for n in range(200))


async def test_the_cursor_of_a_document_is_of_use_for_that_document_alone(workspace, project):
    other = await workspace.call(
        "ada",
        operation="create",
        entity_type="document",
        parent=project.key,
        data={"title": "Other", "description": "x" * 60_000},
    )
    first = await workspace.call(
        "ada", operation="read", entity_type="document", entity_id=other["item"]["key"]
    )

    error = await workspace.refused(
        "ada",
        operation="read",
        entity_type="document",
        entity_id=project.document,
        cursor=first["page"]["next_cursor"],
    )

    assert error.code == "invalid_cursor"


async def test_one_long_field_is_read_in_parts(workspace, project, add):
    text = "漢字 and words. " * 5000
    await add(title="Long", description=text)
    arguments = {"entity_id": project.item(1), "fields": ["description"], **REQUIREMENT}

    answers = await parts(workspace, **arguments)

    assert "".join(answer["item"]["description"] for answer in answers) == text
    assert answers[0]["page"]["chars"] == len(text)
    assert all(len(orjson.dumps(answer)) < 36_000 for answer in answers)


async def test_the_parts_of_a_field_belong_to_one_version(workspace, project, add):
    await add(title="Long", description="x" * 60_000)
    arguments = {"operation": "read", "entity_id": project.item(1), **REQUIREMENT}
    first = await workspace.call("ada", fields=["description"], **arguments)
    await workspace.call(
        "ada",
        operation="update",
        entity_id=project.item(1),
        data={"title": "Changed"},
        **REQUIREMENT,
    )

    error = await workspace.refused(
        "ada", fields=["description"], cursor=first["page"]["next_cursor"], **arguments
    )

    assert error.code == "invalid_cursor"


async def test_a_read_without_parts_takes_no_cursor(workspace):
    error = await workspace.refused(
        "ada", operation="read", entity_id="VEH-REQ-1", cursor="c1.x.y", **REQUIREMENT
    )

    assert error.code == "invalid_cursor"


async def test_long_texts_of_a_whole_read_are_cut_and_named(workspace, project, add):
    await add(title="Long", description="x" * 90_000, rationale="y" * 15_000)

    answer = await workspace.call("ada", operation="read", entity_id=project.item(1), **REQUIREMENT)

    assert {one["field"]: one["chars"] for one in answer["truncated"]} == {
        "description": 90_000,
        "rationale": 15_000,
    }
    assert len(orjson.dumps(answer)) < 32_000


async def test_several_are_read_at_once_in_the_order_asked_for(workspace, project, add):
    for title in ("A", "B", "C"):
        await add(title=title)
    read = await workspace.call(
        "ada", operation="read", entity_id=project.item(3), fields=["id"], **REQUIREMENT
    )

    answer = await workspace.call(
        "ada",
        operation="read",
        ids=[project.item(2).lower(), read["item"]["id"], "NONE-REQ-1", project.item(2)],
        fields=["title"],
        **REQUIREMENT,
    )

    assert [item["title"] for item in answer["items"]] == ["B", "C"]
    assert answer["not_found"] == ["NONE-REQ-1"]
    assert len(workspace.requests) == 2


@pytest.fixture
async def twin(workspace, project):
    """Another organization of Ada's, with a project and a document of the same keys."""
    slug = f"twin-{project.key.lower()}"
    for kind, parent, data in (
        ("organization", {}, {"title": "Twin", "slug": slug}),
        ("project", {"parent": slug}, {"title": "Twin", "key": project.key}),
        ("document", {"parent": f"{slug}/{project.key}"}, {"title": "Theirs"}),
    ):
        await workspace.call("ada", operation="create", entity_type=kind, data=data, **parent)
    return slug


@pytest.mark.parametrize("kind", ["project", "document"])
async def test_several_are_never_guessed_between_organizations(workspace, project, twin, kind):
    key = project.key if kind == "project" else project.document
    several = {"operation": "read", "entity_type": kind, "ids": [key]}
    both = {"operation": "read", "entity_type": kind, "ids": [f"acme/{key}", f"{twin}/{key}"]}

    error = await workspace.refused("ada", **several)
    told_apart = await workspace.call("ada", **both)
    await workspace.call("ada", "workspace_tool", operation="set_context", entity_id=twin)
    try:
        preferred = await workspace.call("ada", **several)
    finally:
        await workspace.call("ada", "workspace_tool", operation="clear_context")

    assert error.code == "ambiguous"
    assert {one["entity_id"] for one in error.details["candidates"]} == {
        f"acme/{key}",
        f"{twin}/{key}",
    }
    theirs = "Twin" if kind == "project" else "Theirs"
    assert [item["title"] for item in preferred["items"]] == [theirs]
    assert [item["title"] for item in told_apart["items"]][1:] == [theirs]
    assert "not_found" not in told_apart


async def test_several_of_one_key_are_chosen_by_a_user_who_can_be_asked(
    workspace, client, project, twin
):
    chosen = f"{twin}/{project.document}"
    workspace.client = client({"": {"choice": chosen}})

    answer = await workspace.call(
        "ada", operation="read", entity_type="document", ids=[project.document]
    )

    assert [item["title"] for item in answer["items"]] == ["Theirs"]


async def test_several_of_other_types_and_titles_are_not_found_among_these(workspace, project, add):
    await add(title="A")

    answer = await workspace.call(
        "ada",
        operation="read",
        ids=[project.item(1), project.document, "A", "nowhere/" + project.item(1)],
        **REQUIREMENT,
    )

    assert len(answer["items"]) == 1
    assert answer["not_found"] == [project.document, "A", "nowhere/" + project.item(1)]


async def test_what_a_look_up_cuts_off_is_asked_for_again(scripted):
    def row(number, organization):
        return {
            "id": f"{number}-{organization}",
            "key": f"VEH-REQ-{number}",
            "type": "requirement",
            "title": "A",
            "project_id": f"p{organization}",
            "organization_id": f"o{organization}",
        }

    some = [row(1, organization) for organization in range(500)]
    read = {"id": "2-0", "key": "VEH-REQ-2", "name": "A"}
    workspace = scripted(some, [row(1, 0)], [row(2, 0)], [read | {"id": "1-0"}, read])

    answer = await workspace.call(
        "ada", operation="read", ids=["VEH-REQ-1", "VEH-REQ-2"], **REQUIREMENT
    )

    assert len(answer["items"]) == 2
    assert "not_found" not in answer


async def test_several_that_are_all_out_of_sight_are_not_found(workspace):
    error = await workspace.refused(
        "bob", operation="read", ids=["VEH-REQ-1", "VEH-REQ-2"], **REQUIREMENT
    )

    assert error.code == "not_found"


async def test_several_that_are_too_much_for_one_answer_are_named(workspace, project):
    texts = dict.fromkeys(("description", "rationale", "source"), "x" * 1000)
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": f"Row {n}", **texts} for n in range(50)],
        **REQUIREMENT,
    )

    answer = await workspace.call(
        "ada",
        operation="read",
        ids=[project.item(n) for n in range(1, 51)],
        **REQUIREMENT,
    )

    assert len(answer["items"]) < 50
    assert project.item(50) in answer["warnings"][0]


async def test_a_member_is_read_in_an_organization_or_project(workspace):
    arguments = {"operation": "read", "entity_type": "member", "entity_id": "vic@acme.example"}

    organization = await workspace.call("ada", parent="acme", **arguments)
    project = await workspace.call("ada", parent="VEH", **arguments)

    assert (organization["item"]["role"], project["item"]["role"]) == ("guest", "viewer")


@pytest.mark.parametrize("entity_type", ["requirement", "document", "project", "organization"])
async def test_what_is_of_another_tenant_is_not_found(workspace, entity_type):
    ids = {
        "requirement": "0ac3e000-0000-4000-8000-000000000101",
        "document": "0ac3e000-0000-4000-8000-00000000000a",
        "project": "0ac3e000-0000-4000-8000-000000000002",
        "organization": "0ac3e000-0000-4000-8000-000000000001",
    }

    error = await workspace.refused(
        "bob", operation="read", entity_type=entity_type, entity_id=ids[entity_type]
    )

    assert error.code == "not_found"
