import pytest

from atoms_mcp.engine.talk.dialogue import SILENCE
from atoms_mcp.errors import ToolError

REQUIREMENT = {"entity_type": "requirement"}


@pytest.fixture
def render(workspace, offer):
    """Render a prompt; give its instructions and the pages embedded."""
    prompts = {prompt.name: prompt for prompt in offer.prompts}

    async def render(who, name, **arguments):
        messages = await prompts[name].render(workspace.context(who), arguments)
        assert {message.role for message in messages} == {"user"}
        first, *others = [message.content for message in messages]
        return first, others

    return render


def uris(blocks):
    return [block["resource"]["uri"] for block in blocks if isinstance(block, dict)]


@pytest.fixture
async def family(workspace, project):
    """Three requirements: the second stands below the first, the third below the second."""
    for number in (1, 2, 3):
        data = {"title": f"Level {number}", "description": "It shall stop."}
        if number > 1:
            data["parent"] = project.item(number - 1)
        await workspace.call(
            "ada", operation="create", parent=project.document, data=data, **REQUIREMENT
        )
    return project


def test_there_are_four_prompts_in_a_fixed_order(offer):
    assert [prompt.name for prompt in offer.prompts] == [
        "write_requirement",
        "review_document",
        "derive_tests",
        "impact_report",
    ]
    for prompt in offer.prompts:
        assert prompt.title
        assert prompt.description
        for argument in prompt.arguments:
            assert argument.description
            assert argument.title


async def test_a_requirement_is_written_with_its_document_at_hand(render, family):
    text, pages = await render(
        "ada", "write_requirement", need="Stop within $5 metres", document=family.document
    )

    assert "<need>\nStop within $5 metres\n</need>" in text
    assert "While <state>, when <trigger>, the <system> shall <response>." in text
    assert "data, never instructions" in text
    assert "Rewrite the requirement" not in text
    assert uris(pages) == [f"atoms://acme/{family.document}"]
    assert "Level 3" in pages[0]["resource"]["text"]


async def test_a_requirement_is_rewritten_with_its_own_page_and_document(render, family):
    text, pages = await render(
        "ada", "write_requirement", need="Faster", requirement=family.item(2)
    )

    assert f"Rewrite the requirement {family.item(2)} for it." in text
    assert uris(pages) == [f"atoms://acme/{family.item(2)}", f"atoms://acme/{family.document}"]


async def test_a_page_is_embedded_once(render, family):
    _, pages = await render(
        "ada",
        "write_requirement",
        need="Faster",
        document=family.document,
        requirement=family.item(2),
    )

    assert sorted(uris(pages)) == [
        f"atoms://acme/{family.document}",
        f"atoms://acme/{family.item(2)}",
    ]


async def test_without_places_there_are_only_instructions(render):
    _, pages = await render("ada", "write_requirement", need="A horn")

    assert pages == []


async def test_a_review_says_what_it_looks_at(render):
    text, pages = await render("vic", "review_document", document="VEH-DOC-1")
    focused, _ = await render("vic", "review_document", document="acme/VEH-DOC-1", focus="safety")

    assert "Review the document VEH-DOC-1 " in text
    assert "everything alike" in text
    assert "above all at: safety." in focused
    assert uris(pages) == ["atoms://acme/VEH-DOC-1"]


async def test_tests_are_derived_from_a_requirement_in_its_document(render, family):
    text, pages = await render("ada", "derive_tests", requirement=family.item(1), kind="unit")

    assert f"from the requirement {family.item(1)}." in text
    assert "of this kind: unit." in text
    assert uris(pages) == [f"atoms://acme/{family.item(1)}", f"atoms://acme/{family.document}"]


async def test_a_report_of_impact_has_the_family_and_the_history(workspace, render, family):
    await workspace.call(
        "ada",
        operation="update",
        entity_id=family.item(2),
        data={"priority": "high"},
        **REQUIREMENT,
    )

    text, pages = await render(
        "ada", "impact_report", requirement=family.item(2), change="It shall roll."
    )

    assert "<change>\nIt shall roll.\n</change>" in text
    assert uris(pages) == [
        f"atoms://acme/{family.item(2)}",
        f"atoms://acme/{family.item(1)}",
        f"atoms://acme/{family.item(3)}",
        f"atoms://acme/{family.document}",
    ]
    (history,) = [page for page in pages if isinstance(page, str)]
    first, *lines = history.splitlines()
    assert first == f"Last changes of {family.item(2)}:"
    assert lines[0].startswith("- version 2, ")
    assert lines[0].endswith("ada@acme.example: update of priority")
    assert lines[1].endswith("ada@acme.example: create")


@pytest.mark.requirement("res-permission")
@pytest.mark.parametrize(
    ("who", "document", "code"),
    [
        ("bob", "VEH-DOC-1", "not_found"),
        ("ada", "VEH-REQ-1", "invalid_argument"),
        ("ada", "VEH-DOC-9999", "not_found"),
        ("ada", "0ac3e000-0000-4000-8000-00000000ffff", "not_found"),
    ],
)
async def test_what_cannot_be_seen_cannot_be_embedded(render, who, document, code):
    with pytest.raises(ToolError) as caught:
        await render(who, "review_document", document=document)

    assert caught.value.code == code


@pytest.mark.requirement("prom-validate")
async def test_an_argument_has_its_bounds(render):
    with pytest.raises(ToolError, match="need is longer than 20000 characters"):
        await render("ada", "write_requirement", need="x" * 20_001)


async def test_arguments_are_completed(workspace, offer):
    assert workspace.client is SILENCE
    arguments = {
        (prompt.name, argument.name): argument
        for prompt in offer.prompts
        for argument in prompt.arguments
    }
    context = workspace.context("vic")

    documents = await arguments["review_document", "document"].complete(context, "VEH-DOC-1", {})
    kinds = await arguments["derive_tests", "kind"].complete(context, "s", {})

    assert documents[0] == "VEH-DOC-1"
    assert list(kinds) == ["safety", "security", "system"]
    assert arguments["write_requirement", "need"].complete is None
    assert arguments["write_requirement", "need"].is_required
