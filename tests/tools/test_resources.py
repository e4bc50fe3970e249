import orjson
import pytest

from atoms_mcp.engine.offer.resource import NoSuchResource
from atoms_mcp.errors import ToolError
from atoms_mcp.tools import resources
from atoms_mcp.tools.pages import PAGE_BYTES

REQUIREMENT = {"entity_type": "requirement"}
DOCUMENT = {"entity_type": "document"}


@pytest.fixture
def templates(offer):
    return {template.name: template for template in offer.templates}


@pytest.fixture
def read(workspace, templates):
    """Read a URI as somebody."""

    async def read(who, uri):
        name = "item-data" if uri.endswith(".json") else "item"
        (contents,) = await templates[name].read(workspace.context(who), uri, {})
        assert contents["uri"] == uri
        return contents

    return read


@pytest.fixture
def list_page(workspace, templates):
    async def list_page(who, cursor=None):
        return await templates["item"].list(workspace.context(who), cursor)

    return list_page


@pytest.fixture
async def document(workspace, project):
    """The test's document, with a heading and two requirements, the second below the first."""
    await workspace.call(
        "ada",
        operation="create",
        entity_type="block",
        parent=project.document,
        data={"kind": "heading", "heading_level": 1, "body": "Stopping"},
    )
    for data in (
        {"title": "Stop", "description": "It shall stop.", "rationale": "Safety.", "tags": ["a"]},
        {"title": "Stay", "parent": project.item(1), "fields": {"asil": "D"}},
    ):
        await workspace.call(
            "ada", operation="create", parent=project.document, data=data, **REQUIREMENT
        )
    return project.document


def test_there_is_one_form_as_text_and_one_as_data(offer):
    assert [(one.uri_template, one.mime_type) for one in offer.templates] == [
        ("atoms://{org}/{key}.json", "application/json"),
        ("atoms://{org}/{key}", "text/markdown"),
    ]


async def test_a_document_is_read_whole_with_its_keys_inline(workspace, read, project, document):
    contents = await read("ada", f"atoms://acme/{document}")

    told = await workspace.call("ada", operation="read", entity_id=document, **DOCUMENT)
    assert contents["mimeType"] == "text/markdown"
    assert contents["text"] == told["item"]["markdown"]
    assert f"**{project.item(1)}** Stop (draft, medium)" in contents["text"]


async def test_a_document_is_data_with_its_outline(read, project, document):
    contents = await read("ada", f"atoms://acme/{document}.json")

    data = orjson.loads(contents["text"])
    assert contents["mimeType"] == "application/json"
    assert (data["type"], data["key"], data["title"]) == ("document", document, "Specification")
    assert [one.get("key") for one in data["outline"]] == [None, project.item(1), project.item(2)]
    assert data["outline"][0] | {"id": ""} == {
        "id": "",
        "kind": "heading",
        "heading_level": 1,
        "body": "Stopping",
    }
    assert "more" not in data


async def test_a_requirement_is_a_page_of_its_own(read, project, document):
    first = (await read("ada", f"atoms://acme/{project.item(1)}"))["text"]
    second = (await read("ada", f"atoms://acme/{project.item(2)}"))["text"]

    assert first.startswith(f"# Stop ({project.item(1)})\n\n- Status: draft\n- Priority: medium\n")
    assert f"- Document: {document}\n" in first
    assert "- Tags: a\n" in first
    assert first.endswith("\n\nIt shall stop.\n\n## Rationale\n\nSafety.")
    assert f"- Parent: {project.item(1)}\n" in second
    assert second.endswith('## Fields\n\n```json\n{"asil":"D"}\n```')


async def test_a_requirement_is_data_with_all_its_fields(read, project, document):
    data = orjson.loads((await read("ada", f"atoms://acme/{project.item(2)}.json"))["text"])

    assert data["fields"] == {"asil": "D"}
    assert data["document"] == document
    assert data["updated_by"] == "ada@acme.example"


async def test_a_project_shows_its_documents(read, project, document):
    text = (await read("ada", f"atoms://acme/{project.key}"))["text"]
    data = orjson.loads((await read("ada", f"atoms://acme/{project.key}.json"))["text"])

    assert text.startswith(f"# Test {project.key} ({project.key})")
    assert "- Organization: acme\n" in text
    assert "- Requirements: 2\n" in text
    assert text.endswith(f"## Documents\n\n- **{document}** Specification (draft)")
    assert data["outline"] == [{"key": document, "name": "Specification", "status": "draft"}]


async def test_what_is_deleted_says_so(workspace, read, document):
    await workspace.call("ada", operation="delete", entity_id=document, **DOCUMENT)

    text = (await read("ada", f"atoms://acme/{document}"))["text"]

    assert "*Deleted since 20" in text
    assert "It shall stop." not in text


@pytest.mark.requirement("res-uris")
@pytest.mark.parametrize(
    "uri",
    [
        "atoms://acme/VEH-REQ-999999",
        "atoms://acme/NOSUCH",
        "atoms://umbrella/VEH-REQ-1",
        "atoms://acme/veh-req-1",
        "atoms://ACME/VEH-REQ-1",
        "atoms://acme/VEH-TEST-1",
        "atoms://acme/VEH-REQ-1/",
        "atoms://acme",
        "file:///etc/passwd",
        "atoms://acme/../VEH",
    ],
)
async def test_what_names_nothing_is_not_found(read, uri):
    with pytest.raises(NoSuchResource):
        await read("ada", uri)


@pytest.mark.requirement("res-permission", "res-not-empty")
@pytest.mark.parametrize("suffix", ["", ".json"])
async def test_what_is_out_of_sight_looks_like_what_is_not_there(read, project, document, suffix):
    for key in (project.key, document, project.item(1)):
        uri = f"atoms://acme/{key}{suffix}"
        with pytest.raises(NoSuchResource) as hidden:
            await read("bob", uri)
        assert str(hidden.value) == f"there is no resource {uri} that you can see"


async def test_what_changed_last_is_listed_first(list_page, project, document):
    page = await list_page("ada")

    uris = [item["uri"] for item in page.items]
    at = uris.index(f"atoms://acme/{document}")
    first = page.items[at]
    assert at <= resources.LISTED_PROJECTS
    assert f"atoms://acme/{project.key}" in uris[:at]
    assert all("-DOC-" not in uri for uri in uris[:at])
    assert all("-DOC-" in uri for uri in uris[at:])
    assert first["uri"] == f"atoms://acme/{document}"
    assert (first["name"], first["title"]) == (document, "Specification")
    assert first["mimeType"] == "text/markdown"
    assert first["annotations"]["lastModified"].endswith("Z")
    assert "description" not in first


@pytest.mark.requirement("page-end")
async def test_a_list_goes_on_by_its_cursor(monkeypatch, list_page):
    monkeypatch.setattr(resources, "PAGE_ROWS", 2)
    found, cursor = [], None
    while True:
        page = await list_page("vic", cursor)
        found += [item["uri"] for item in page.items]
        cursor = page.next
        if cursor is None:
            break

    assert len(found) == len(set(found))
    assert "atoms://acme/VEH-DOC-1" in found
    monkeypatch.undo()
    assert [item["uri"] for item in (await list_page("vic")).items] == found


@pytest.mark.requirement("t24-cursors")
async def test_a_cursor_of_somebody_else_is_refused(monkeypatch, list_page):
    monkeypatch.setattr(resources, "PAGE_ROWS", 1)
    cursor = (await list_page("ada")).next

    with pytest.raises(ToolError, match="invalid_cursor"):
        await list_page("vic", cursor)


@pytest.mark.requirement("res-permission")
async def test_nobody_is_shown_documents_of_strangers(list_page):
    listed = [item["uri"] for item in (await list_page("bob")).items]

    assert not [uri for uri in listed if uri.startswith("atoms://acme/")]


async def test_a_long_document_ends_with_how_to_go_on(workspace, read, project):
    text = "Long. " * 16_000
    await workspace.call(
        "ada",
        operation="create",
        entity_type="block",
        parent=project.document,
        items=[{"kind": "text", "body": text} for _ in range(6)],
    )

    contents = await read("ada", f"atoms://acme/{project.document}")

    assert PAGE_BYTES < len(contents["text"]) < PAGE_BYTES + 200
    assert contents["text"].endswith(
        f"*(It goes on: entity_tool read gives {project.document} in parts, to its end.)*"
    )


async def test_an_organization_can_be_read_by_those_who_belong_to_it(read, list_page):
    contents = await read("vic", "atoms://acme/*")

    assert contents["text"].startswith("# Acme")
    assert contents["uri"] == "atoms://acme/*"
    with pytest.raises(NoSuchResource):
        await read("bob", "atoms://acme/*")
    assert "atoms://acme/*" not in [item["uri"] for item in (await list_page("ada")).items]
