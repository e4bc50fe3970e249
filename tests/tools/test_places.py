import pytest

from atoms_mcp.entities.scope import Scope
from atoms_mcp.tools.places import narrowed, read_context

UUID = "0ac3e000-0000-4000-8000-00000000abcd"
VEHICLE = "0ac3e000-0000-4000-8000-000000000002"
LIST = {"operation": "list", "entity_type": "requirement"}


@pytest.fixture
async def at(workspace):
    """Keep a default place for a test alone."""
    kept = []

    async def at(who, place):
        kept.append(who)
        await workspace.call(who, "workspace_tool", operation="set_context", entity_id=place)

    yield at
    for who in kept:
        await workspace.call(who, "workspace_tool", operation="clear_context")


@pytest.mark.parametrize(
    ("parent", "scope"),
    [
        ("VEH", "acme/VEH"),
        ("veh", "acme/VEH"),
        ("acme/VEH", "acme/VEH"),
        ("Acme/Vehicle", "acme/VEH"),
        ("vehicle", "acme/VEH"),
        ("VEHICLE", "acme/VEH"),
        ("VEH-DOC-1", "VEH-DOC-1"),
        ("acme/veh-doc-1", "acme/VEH-DOC-1"),
        ("VEH-REQ-1", "VEH-REQ-1"),
        (VEHICLE, VEHICLE),
        ("0ac3e000-0000-4000-8000-00000000000a", "VEH-DOC-1"),
    ],
)
async def test_a_place_is_named_in_several_ways(workspace, parent, scope):
    answer = await workspace.call("ada", parent=parent, **LIST)

    assert answer["scope"] == scope
    assert answer["items"]


async def test_a_place_named_by_uuid_needs_no_look_up_where_it_can_be_one_thing_only(workspace):
    await workspace.call("ada", operation="list", entity_type="document", parent=VEHICLE)

    assert len(workspace.requests) == 1


async def test_a_place_named_by_key_needs_one_look_up(workspace):
    await workspace.call("ada", parent="VEH-DOC-1", **LIST)

    assert len(workspace.requests) == 2


@pytest.mark.parametrize(
    "parent", ["Vehicl", "VEHI", "acme/VEHI", "nobody/VEH", "NOPE-DOC-1", "nobody/VEH-DOC-1", UUID]
)
async def test_a_place_that_is_only_like_a_name_is_not_found(workspace, parent):
    error = await workspace.refused("ada", parent=parent, **LIST)

    assert error.code == "not_found"


async def test_an_unknown_place_is_told_known_ones(workspace):
    error = await workspace.refused("bob", parent="acme/VEH", **LIST)

    assert "umbrella/" in error.fix
    assert "acme" not in error.fix


@pytest.mark.parametrize(
    ("entity_type", "parent", "said"),
    [
        ("document", "VEH-DOC-1", "is a document, and a project is needed"),
        ("requirement", "acme", "not_found: there is no project, document or requirement"),
        ("block", "VEH-REQ-1", "is a requirement, and a project or document is needed"),
        ("organization", "acme", "an organization stands in no other place"),
    ],
)
async def test_a_place_of_the_wrong_kind_is_refused(workspace, entity_type, parent, said):
    error = await workspace.refused("ada", operation="list", entity_type=entity_type, parent=parent)

    assert said in str(error)
    assert error.details["field"] == "parent"


async def test_without_a_place_a_list_asks_for_one(workspace):
    error = await workspace.refused("bob", **LIST)

    assert error.message == (
        "parent is missing: requirements live in a project, document or requirement, "
        "and you keep no default."
    )
    assert "umbrella/" in error.fix


async def test_the_default_place_stands_in_and_is_told(workspace, at):
    await at("ada", "VEH-DOC-2")

    for entity_type, scope in (
        ("requirement", "acme/VEH-DOC-2"),
        ("block", "acme/VEH-DOC-2"),
        ("document", "acme/VEH"),
        ("member", "acme/VEH"),
    ):
        answer = await workspace.call("ada", operation="list", entity_type=entity_type)
        assert answer["scope"] == scope
        assert answer["items"]


async def test_the_argument_wins_over_the_default(workspace, at):
    await at("ada", "VEH-DOC-2")

    answer = await workspace.call("ada", parent="VEH-DOC-1", **LIST)

    assert answer["scope"] == "VEH-DOC-1"


async def test_auto_is_the_default_place(workspace, at):
    await at("ada", "acme")

    organized = await workspace.call("ada", operation="list", entity_type="project", parent="auto")
    error = await workspace.refused("ada", parent="auto", **LIST)

    assert organized["scope"] == "acme"
    assert "parent is missing" in error.message


async def test_what_needs_no_place_is_listed_everywhere(workspace, at):
    await at("ada", "acme")

    for parent in ({}, {"parent": "*"}):
        answer = await workspace.call("ada", operation="list", entity_type="project", **parent)
        assert "scope" not in answer


async def test_everywhere_is_no_place_for_a_list_of_requirements(workspace):
    error = await workspace.refused("ada", parent="*", **LIST)

    assert error.code == "not_found"


async def test_one_key_in_two_organizations_is_ambiguous_until_a_default_decides(
    workspace, project, at
):
    twin = {"title": "Twin", "slug": f"twin-{project.key.lower()}"}
    made = await workspace.call("ada", operation="create", entity_type="organization", data=twin)
    slug = made["item"]["slug"]
    await workspace.call(
        "ada",
        operation="create",
        entity_type="project",
        parent=slug,
        data={"title": "Twin", "key": project.key},
    )

    error = await workspace.refused("ada", parent=project.key, **LIST)
    await at("ada", slug)
    answer = await workspace.call("ada", parent=project.key, **LIST)

    assert error.code == "ambiguous"
    assert {one["entity_id"] for one in error.details["candidates"]} == {
        f"acme/{project.key}",
        f"{slug}/{project.key}",
    }
    assert answer["scope"] == f"{slug}/{project.key}"


async def test_a_slug_and_a_key_are_told_apart_by_their_spelling(scripted):
    organization = {"id": "o", "slug": "veh", "name": "Veh", "deleted_at": None}
    project = {
        "id": "p",
        "key": "VEH",
        "name": "Vehicle",
        "slug": "x",
        "organization_id": "o2",
        "organization_slug": "acme",
        "deleted_at": None,
    }
    for given, scope in (("VEH", "acme/VEH"), ("veh", "veh")):
        stand_in = scripted([organization], [project], [{"email": "a", "user_id": "u"}])
        answer = await stand_in.call(
            "ada", operation="list", entity_type="member", parent=given, limit=5
        )
        assert answer["scope"] == scope


async def test_a_document_is_found_by_its_exact_title_in_the_default_project(workspace, at):
    await at("ada", "VEH")

    answer = await workspace.call("ada", parent="braking system", **LIST)

    assert answer["scope"] == "VEH-DOC-2"


async def test_a_member_list_takes_an_organization_by_uuid(workspace):
    read = await workspace.call(
        "ada", operation="read", entity_type="organization", entity_id="acme", fields=["id"]
    )

    answer = await workspace.call(
        "ada", operation="list", entity_type="member", parent=read["item"]["id"]
    )

    assert answer["scope"] == "acme"


async def test_where_nothing_is_known_nothing_is_suggested(scripted):
    error = await scripted([], []).refused("ada", **LIST)
    blocks = await scripted([], []).refused(
        "ada", operation="create", entity_type="document", data={"title": "A"}
    )

    assert error.fix.startswith("give parent, or set")
    assert blocks.fix.startswith("give parent, or set")


ROW = {
    "organization_id": "o",
    "project_id": "p",
    "document_id": "d",
    "organizations": {"slug": "acme", "name": "Acme", "deleted_at": None},
    "projects": {"key": "VEH", "name": "Vehicle", "deleted_at": None},
    "documents": {"key": "VEH-DOC-1", "name": "Doc", "deleted_at": None},
}


@pytest.mark.parametrize(
    ("changed", "level", "label"),
    [
        ({}, "document", "acme/VEH-DOC-1"),
        ({"documents": None}, "project", "acme/VEH"),
        ({"documents": {"key": "X", "deleted_at": "2026"}}, "project", "acme/VEH"),
        ({"projects": None}, "organization", "acme"),
        ({"organizations": None}, None, None),
    ],
)
def test_a_default_place_out_of_sight_does_not_count(changed, level, label):
    scope = read_context(ROW | changed)

    assert (scope and scope.level, scope and scope.label) == (level, label)


@pytest.mark.parametrize(
    ("levels", "label"),
    [
        (("requirement", "document"), "acme/VEH-DOC-1"),
        (("project",), "acme/VEH"),
        (("organization",), "acme"),
        (("organization", "project"), "acme/VEH"),
        (("requirement",), None),
    ],
)
def test_a_default_place_is_narrowed_to_what_a_call_takes(levels, label):
    scope = narrowed(read_context(ROW), levels)

    assert (scope and scope.label) == label


def test_nothing_is_narrowed_from_nothing():
    assert narrowed(None, ("project",)) is None
    assert narrowed(Scope(), ("project",)) is None
    assert narrowed(Scope("organization", "acme", "o"), ("project",)) is None
