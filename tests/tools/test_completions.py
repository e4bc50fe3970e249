import pytest

from atoms_mcp.tools.completions import complete_from, complete_item, complete_key, complete_org

DOCUMENT = complete_item("document")
REQUIREMENT = complete_item("requirement")


@pytest.fixture
def complete(workspace):
    async def complete(who, completer, typed, **others):
        return await completer(workspace.context(who), typed, others)

    return complete


@pytest.mark.requirement("compl-access")
async def test_organizations_are_those_of_the_user(complete):
    assert "acme" in await complete("ada", complete_org, "")
    assert (await complete("ada", complete_org, "ACM"))[0] == "acme"
    assert "acme" not in await complete("bob", complete_org, "acm")


async def test_keys_are_those_within_the_organization(complete):
    keys = await complete("ada", complete_key, "VEH", org="acme")

    assert keys[0] == "VEH"
    assert "VEH-DOC-1" in keys
    assert all(key.startswith("VEH") for key in keys)
    assert await complete("ada", complete_key, "VEH", org="umbrella") == []
    assert await complete("bob", complete_key, "VEH", org="acme") == []


async def test_without_an_organization_keys_are_looked_for_everywhere(complete):
    assert "VEH" in await complete("vic", complete_key, "ve")


async def test_what_begins_so_comes_before_what_is_called_so(workspace, complete, project):
    titles = [f"About {project.key} itself", "Another"]
    await workspace.call(
        "ada",
        operation="create",
        entity_type="requirement",
        parent="VEH-DOC-1",
        data={"title": titles[0]},
    )
    await workspace.call(
        "ada",
        operation="create",
        entity_type="requirement",
        parent=project.document,
        data={"title": titles[1]},
    )

    keys = await complete("ada", REQUIREMENT, project.key.lower())

    assert keys[0] == project.item(1)
    assert keys[1].startswith("VEH-REQ-")


async def test_documents_and_requirements_are_told_apart(complete):
    documents = await complete("vic", DOCUMENT, "VEH-")
    requirements = await complete("vic", REQUIREMENT, "VEH-")

    assert all(key.startswith("VEH-DOC-") for key in documents)
    assert all(key.startswith("VEH-REQ-") for key in requirements)


async def test_an_organization_in_front_stays_in_front(complete):
    keys = await complete("vic", DOCUMENT, "acme/VEH-DOC")

    assert "acme/VEH-DOC-1" in keys
    assert all(key.startswith("acme/VEH-DOC-") for key in keys)
    assert await complete("vic", DOCUMENT, "umbrella/VEH-DOC") == []


async def test_a_key_of_two_organizations_is_told_with_both(workspace):
    async def answer(_request, _token):
        rows = [
            {"key": "VEH-DOC-1", "projects": {"organizations": {"slug": slug}}}
            for slug in ("acme", "umbrella")
        ]
        return type("Answer", (), {"data": rows})

    rest = type("Rest", (), {"send": staticmethod(answer)})
    context = workspace.context("ada", rest)

    assert await DOCUMENT(context, "V", {}) == ["acme/VEH-DOC-1", "umbrella/VEH-DOC-1"]


@pytest.mark.requirement("compl-validate")
@pytest.mark.parametrize("completer", [complete_org, complete_key, DOCUMENT])
async def test_what_is_typed_is_a_value_and_never_more(complete, completer):
    for typed in ('"),or(id.not.is.null', "*", "%", "a,b(c).d", "\\", "x" * 300):
        assert not await complete("bob", completer, typed)


async def test_a_few_words_are_completed_by_their_beginning(complete):
    completer = complete_from(["safety", "security", "unit"])

    assert await complete("ada", completer, "S") == ["safety", "security"]
    assert await complete("ada", completer, "") == ["safety", "security", "unit"]
