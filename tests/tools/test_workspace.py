import pytest

from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import READ_SCOPE, WRITE_SCOPE
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.tools.workspace import needed_scope

TOOL = "workspace_tool"


@pytest.fixture
async def me(workspace):
    """Call workspace_tool as Bob, and leave no default behind."""

    async def call(operation, **arguments):
        return await workspace.call("bob", TOOL, operation=operation, **arguments)

    yield call
    await call("clear_context")


async def test_without_a_default_it_says_how_to_set_one(me):
    answer = await me("get_context")

    assert answer["user"]["email"] == "bob@umbrella.example"
    assert "set_context" in answer["hint"]
    assert "scope" not in answer


@pytest.mark.parametrize(
    ("given", "scope", "levels"),
    [
        ("umbrella", "umbrella", ["organization"]),
        ("{project}", "umbrella/{project}", ["organization", "project"]),
        ("umbrella/{project}", "umbrella/{project}", ["organization", "project"]),
        ("{project}-DOC-1", "umbrella/{project}-DOC-1", ["organization", "project", "document"]),
    ],
)
async def test_a_default_place_is_kept_with_the_places_above_it(
    workspace, me, given, scope, levels
):
    listed = await workspace.call("bob", operation="list", entity_type="project", parent="umbrella")
    project = listed["items"][0]["key"]

    kept = await me("set_context", entity_id=given.format(project=project))
    shown = await me("get_context")

    assert kept["scope"] == shown["scope"] == scope.format(project=project)
    assert list(shown["context"]) == levels
    assert shown["context"]["organization"]["role"] == "owner"


async def test_a_wider_default_replaces_a_narrower_one(workspace, me):
    listed = await workspace.call("bob", operation="list", entity_type="project", parent="umbrella")
    await me("set_context", entity_id=listed["items"][0]["key"])

    kept = await me("set_context", entity_type="organization", entity_id="umbrella")

    assert kept["scope"] == "umbrella"


async def test_a_default_can_be_set_by_uuid(workspace, me):
    read = await workspace.call(
        "bob", operation="read", entity_type="organization", entity_id="umbrella", fields=["id"]
    )

    kept = await me("set_context", entity_id=read["item"]["id"])

    assert kept["scope"] == "umbrella"


async def test_older_arguments_set_a_default_too(me):
    kept = await me("set_context", context_type="organization", entity_id="umbrella")

    assert kept["scope"] == "umbrella"


async def test_setting_twice_is_setting_once(me):
    first = await me("set_context", entity_id="umbrella")

    assert await me("set_context", entity_id="umbrella") == first


@pytest.mark.parametrize("entity_id", ["acme", "acme/VEH", "VEH", "VEH-DOC-1", "nothing"])
async def test_a_place_of_another_tenant_is_no_default(workspace, entity_id):
    error = await workspace.refused("bob", TOOL, operation="set_context", entity_id=entity_id)

    assert error.code == "not_found"


async def test_a_requirement_is_no_place_to_work_in(workspace):
    error = await workspace.refused("ada", TOOL, operation="set_context", entity_id="VEH-REQ-1")

    assert error.message == (
        "entity_id 'VEH-REQ-1' is a requirement, "
        "and an organization, project or document is needed."
    )


async def test_a_document_that_is_none_is_told_where_documents_are(workspace):
    error = await workspace.refused(
        "ada", TOOL, operation="set_context", entity_type="document", entity_id="nothing"
    )

    assert "list the documents of a project" in error.fix
    assert error.details["field"] == "entity_id"


async def test_two_people_have_their_own_defaults(workspace, me):
    await me("set_context", entity_id="umbrella")

    other = await workspace.call("vic", TOOL, operation="get_context")

    assert "scope" not in other


async def test_a_place_refused_by_the_database_is_not_found(scripted):
    refusal = SupabaseError(
        "refused",
        "no such project, or it is not in that organization",
        status=409,
        code="23503",
        details="context_project",
        hint="Name a project that you can read.",
    )
    project = {
        "id": "p",
        "key": "VEH",
        "name": "V",
        "slug": "v",
        "organization_id": "o",
        "organization_slug": "acme",
    }

    error = await scripted([project], refusal).refused(
        "ada", TOOL, operation="set_context", entity_type="project", entity_id="VEH"
    )
    assert (error.code, error.fix) == ("not_found", "Name a project that you can read.")
    with pytest.raises(SupabaseError):
        await scripted([project], SupabaseError("down", "x")).run(
            "ada",
            TOOL,
            {"operation": "set_context", "entity_type": "project", "entity_id": "VEH"},
        )


async def test_a_place_that_is_gone_meanwhile_is_told(scripted):
    project = {
        "id": "p",
        "key": "VEH",
        "name": "V",
        "slug": "v",
        "organization_id": "o",
        "organization_slug": "acme",
    }
    row = {"organization_id": "o", "project_id": "p", "document_id": None, "organizations": None}

    answer = await scripted([project], [row]).call(
        "ada", TOOL, operation="set_context", entity_type="project", entity_id="VEH"
    )

    assert answer["hint"] == "the place is deleted; restore it"


async def test_what_is_out_of_sight_leaves_its_name_out(scripted):
    row = {
        "organization_id": "o",
        "project_id": None,
        "document_id": None,
        "organizations": {"slug": "acme", "name": "Acme", "deleted_at": None},
    }

    answer = await scripted([], [row], []).call("ada", TOOL, operation="get_context")

    assert answer["user"] == {
        "email": "ada@acme.example",
        "id": "0ac3e000-0000-4000-8000-00000000aaaa",
    }
    assert answer["context"] == {"organization": {}}


async def test_workspaces_are_listed_with_their_projects(workspace):
    answer = await workspace.call("vic", TOOL, operation="list_workspaces")

    (acme,) = [item for item in answer["items"] if item["slug"] == "acme"]
    assert acme["role"] == "guest"
    assert {"key": "VEH", "title": "Vehicle", "role": "viewer"} in acme["projects"]
    assert len(workspace.requests) == 2


async def test_workspaces_are_paged(workspace):
    slugs, more = [], {}
    while True:
        answer = await workspace.call("ada", TOOL, operation="list_workspaces", limit=1, **more)
        slugs += [item["slug"] for item in answer["items"]]
        if not answer["page"]["has_more"]:
            break
        more = {"cursor": answer["page"]["next_cursor"]}

    assert "acme" in slugs
    assert len(slugs) == len(set(slugs))
    error = await workspace.refused("vic", TOOL, operation="list_workspaces", cursor="c1.x.y")
    assert error.code == "invalid_cursor"


async def test_more_projects_than_are_shown_are_counted(scripted):
    organization = {
        "id": "o",
        "slug": "acme",
        "name": "Acme",
        "my_role": "owner",
        "member_count": 1,
        "project_count": 300,
    }
    project = {"id": "p", "key": "VEH", "name": "V", "my_role": "owner", "organization_id": "o"}

    answer = await scripted([organization], [project]).call(
        "ada", TOOL, operation="list_workspaces"
    )

    assert answer["items"][0]["more_projects"] == 299


async def test_who_has_no_organization_gets_an_empty_list(scripted):
    answer = await scripted([]).call("ada", TOOL, operation="list_workspaces")

    assert answer["items"] == []


async def test_a_type_is_described_with_ones_rights(workspace):
    answer = await workspace.call(
        "vic", TOOL, operation="describe", entity_type="requirement", entity_id="VEH"
    )

    assert answer["scope"] == "acme/VEH"
    assert "high" in answer["data"]["properties"]["priority"]["enum"]
    assert answer["rights"]["read"] == {
        "needed_role": "viewer",
        "your_role": "viewer",
        "allowed": True,
    }
    assert answer["rights"]["create"]["allowed"] is False
    assert answer["rights"]["delete"]["needed_role"] == "maintainer"


async def test_without_a_place_only_needed_roles_are_told(workspace):
    answer = await workspace.call("vic", TOOL, operation="describe", entity_type="document")

    assert answer["rights"]["create"] == {"needed_role": "editor"}
    assert "scope" not in answer


async def test_rights_are_told_for_the_default_place(me):
    await me("set_context", entity_id="umbrella")

    answer = await me("describe", entity_type="project")

    assert answer["scope"] == "umbrella"
    assert answer["rights"]["create"]["allowed"] is True


async def test_without_a_type_all_types_are_named(workspace):
    answer = await workspace.call("ada", TOOL, operation="describe")

    assert [one["type"] for one in answer["types"]] == [
        "organization",
        "project",
        "document",
        "requirement",
        "block",
        "member",
        "profile",
    ]


@pytest.mark.parametrize(
    "entity_type",
    ["organization", "project", "document", "requirement", "block", "member", "profile"],
)
async def test_every_type_can_be_described(workspace, entity_type):
    answer = await workspace.call("ada", TOOL, operation="describe", entity_type=entity_type)

    assert answer["rights"]["read"]["needed_role"]


def test_keeping_a_default_needs_the_scope_to_write():
    assert needed_scope({"operation": "describe"}) == READ_SCOPE
    assert needed_scope({"operation": "clear_context"}) == WRITE_SCOPE


async def test_an_unknown_operation_is_told_the_nearest(workspace):
    with pytest.raises(ToolError) as caught:
        await workspace.run("ada", TOOL, {"operation": "list_workspace"})

    assert caught.value.details["did_you_mean"] == "list_workspaces"
