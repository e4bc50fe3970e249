import pytest

REQUIREMENT = {"entity_type": "requirement"}
UUID = "0ac3e000-0000-4000-8000-000000000101"


def read(entity_type, entity_id, **more):
    return {
        "operation": "read",
        "entity_type": entity_type,
        "entity_id": entity_id,
        "format": "concise",
    } | more


@pytest.mark.parametrize(
    ("entity_type", "entity_id", "more", "handle"),
    [
        ("requirement", "VEH-REQ-1", {}, "VEH-REQ-1"),
        ("requirement", " veh-req-1", {}, "VEH-REQ-1"),
        ("requirement", "acme/VEH-REQ-1", {}, "VEH-REQ-1"),
        ("requirement", UUID.upper(), {}, "VEH-REQ-1"),
        ("requirement", "stopping DISTANCE", {"parent": "VEH"}, "VEH-REQ-1"),
        ("document", "Braking system", {"parent": "acme/VEH"}, "VEH-DOC-2"),
        ("project", "VEH", {}, "VEH"),
        ("project", "acme/vehicle", {}, "VEH"),
        ("organization", "acme", {}, "acme"),
        ("organization", "ACME", {}, "acme"),
        ("profile", "me", {}, "ada@acme.example"),
        ("profile", "VIC@acme.example", {}, "vic@acme.example"),
        ("profile", "Vic Stone", {}, "vic@acme.example"),
        ("profile", "auto", {}, "ada@acme.example"),
        ("member", "me", {"parent": "acme"}, "ada@acme.example"),
        ("member", "Vic@acme.example", {"parent": "VEH"}, "vic@acme.example"),
    ],
)
async def test_an_entity_is_named_in_several_ways(workspace, entity_type, entity_id, more, handle):
    answer = await workspace.call("ada", **read(entity_type, entity_id, **more))

    assert handle in {answer["item"].get(name) for name in ("key", "slug", "email")}


@pytest.mark.parametrize(
    ("entity_type", "entity_id", "more"),
    [
        ("requirement", "VEH-REQ-99999", {}),
        ("requirement", "Stopping", {"parent": "VEH"}),
        ("requirement", "Stopping distanc_", {"parent": "VEH"}),
        ("requirement", "%", {"parent": "VEH"}),
        ("requirement", "nobody/VEH-REQ-1", {}),
        ("project", "VE", {}),
        ("project", "Vehicl*", {}),
        ("organization", "acm", {}),
        ("profile", "vic", {}),
        ("profile", "bob@umbrella.example", {}),
        ("member", "bob@umbrella.example", {"parent": "acme"}),
        ("block", "Scope", {}),
    ],
)
async def test_what_is_only_like_a_name_is_not_found(workspace, entity_type, entity_id, more):
    error = await workspace.refused("ada", **read(entity_type, entity_id, **more))

    assert error.code == "not_found"


@pytest.mark.parametrize(
    ("entity_type", "entity_id", "actual"),
    [
        ("requirement", "VEH-DOC-1", "document"),
        ("document", "VEH-REQ-1", "requirement"),
        ("project", "VEH-REQ-1", "requirement"),
    ],
)
async def test_a_name_of_another_type_says_which(workspace, entity_type, entity_id, actual):
    error = await workspace.refused("ada", **read(entity_type, entity_id))

    assert error.details["entity_type"] == actual
    assert f'entity_type "{actual}"' in error.fix


async def test_a_uuid_needs_no_look_up(workspace):
    await workspace.call("ada", **read("requirement", UUID))

    assert len(workspace.requests) == 1


async def test_a_person_is_named_by_uuid(workspace, sign_in):
    user_id = sign_in("vic@acme.example").user_id

    answer = await workspace.call("ada", **read("profile", user_id))

    assert answer["item"]["email"] == "vic@acme.example"
    assert len(workspace.requests) == 1


async def test_a_title_without_a_project_asks_for_one(workspace):
    error = await workspace.refused("ada", **read("requirement", "Stopping distance"))

    assert "within a project only" in error.message
    assert "parent" in error.fix


async def test_a_title_is_looked_for_in_the_default_project(workspace):
    await workspace.call("ada", "workspace_tool", operation="set_context", entity_id="VEH")
    try:
        answer = await workspace.call("ada", **read("requirement", "Stopping distance"))
    finally:
        await workspace.call("ada", "workspace_tool", operation="clear_context")

    assert answer["item"]["key"] == "VEH-REQ-1"
    assert answer["scope"] == "acme/VEH"


async def test_a_title_that_two_have_is_never_guessed(workspace, project):
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": "Same"}, {"title": "same"}, {"title": "Other\u202e"}],
        **REQUIREMENT,
    )
    for arguments in (
        {"operation": "update", "data": {"title": "Renamed"}},
        {"operation": "delete"},
        {"operation": "read"},
    ):
        error = await workspace.refused(
            "ada", entity_id="Same", parent=project.key, **arguments, **REQUIREMENT
        )
        assert error.code == "ambiguous"
        assert error.details["candidates"] == [
            {"entity_id": project.item(1), "title": "Same"},
            {"entity_id": project.item(2), "title": "same"},
        ]


async def test_one_key_in_two_organizations_is_told_apart_by_slug(workspace, project):
    slug = f"other-{project.key.lower()}"
    await workspace.call(
        "ada",
        operation="create",
        entity_type="organization",
        data={"title": "Other", "slug": slug},
    )
    await workspace.call(
        "ada",
        operation="create",
        entity_type="project",
        parent=slug,
        data={"title": "Other", "key": project.key},
    )
    await workspace.call(
        "ada",
        operation="create",
        entity_type="document",
        parent=f"{slug}/{project.key}",
        data={"title": "Theirs"},
    )

    error = await workspace.refused("ada", **read("document", project.document))
    qualified = await workspace.call("ada", **read("document", f"{slug}/{project.document}"))
    await workspace.call("ada", "workspace_tool", operation="set_context", entity_id=slug)
    try:
        preferred = await workspace.call("ada", **read("document", project.document))
    finally:
        await workspace.call("ada", "workspace_tool", operation="clear_context")

    assert error.code == "ambiguous"
    assert {one["entity_id"] for one in error.details["candidates"]} == {
        f"acme/{project.document}",
        f"{slug}/{project.document}",
    }
    assert qualified["item"]["title"] == "Theirs"
    assert preferred["item"]["title"] == "Theirs"


async def test_auto_is_the_default_entity(workspace):
    error = await workspace.refused("bob", **read("project", "auto"))
    await workspace.call("bob", "workspace_tool", operation="set_context", entity_id="umbrella")
    try:
        answer = await workspace.call("bob", **read("organization", "auto"))
    finally:
        await workspace.call("bob", "workspace_tool", operation="clear_context")

    assert error.message == "you keep no default project."
    assert answer["item"]["slug"] == "umbrella"
    assert answer["scope"] == "umbrella"


async def test_a_member_without_a_place_asks_for_one_or_takes_the_default(workspace):
    error = await workspace.refused("ada", **read("member", "me"))
    await workspace.call("ada", "workspace_tool", operation="set_context", entity_id="acme")
    try:
        answer = await workspace.call("ada", **read("member", "me"))
    finally:
        await workspace.call("ada", "workspace_tool", operation="clear_context")

    assert "parent is missing" in error.message
    assert answer["item"]["role"] == "owner"


async def test_two_people_of_one_name_are_told_apart(scripted):
    people = [
        {"id": "u1", "email": "a@x.y", "display_name": "Sam"},
        {"id": "u2", "email": "b@x.y", "display_name": "sam"},
    ]

    error = await scripted(people).refused("ada", **read("profile", "Sam"))

    assert [one["title"] for one in error.details["candidates"]] == ["a@x.y", "b@x.y"]
