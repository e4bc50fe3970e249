import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.entities.budget import PART_BYTES
from atoms_mcp.entities.markdown import (
    join_part,
    join_whole,
    render_facts,
    render_head,
    render_notice,
    render_project,
    render_requirement,
    render_row,
)

REQUIREMENT = {
    "source": "requirement",
    "key": "VEH-REQ-1",
    "title": "Stop\nhere",
    "status": "draft",
    "priority": "high",
    "body": "It shall stop. ",
    "rationale": "Safety.",
}


def block(kind, body=None, **more):
    return {"source": "block", "kind": kind, "body": body} | more


def test_a_document_begins_with_its_title():
    assert render_head("Brakes", "VEH-DOC-1", " About. ") == "# Brakes (VEH-DOC-1)\n\nAbout."
    assert render_head("Brakes", "VEH-DOC-1", None) == "# Brakes (VEH-DOC-1)"


def test_a_requirement_has_its_key_inline():
    assert render_row(REQUIREMENT) == (
        "**VEH-REQ-1** Stop here (draft, high)\n\nIt shall stop.\n\n*Rationale:* Safety."
    )


def test_a_bare_requirement_is_one_line():
    row = REQUIREMENT | {"body": None, "rationale": None}

    assert render_row(row) == "**VEH-REQ-1** Stop here (draft, high)"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (block("heading", "Scope", heading_level=1), "## Scope"),
        (block("heading", "Deep", heading_level=6), "###### Deep"),
        (block("heading", "Plain"), "## Plain"),
        (block("text", " Some *text*. "), "Some *text*."),
        (block("code", "a = 1"), "```\na = 1\n```"),
        (block("code", "```\nx\n```"), "````\n```\nx\n```\n````"),
        (block("table", None, content={"rows": [[1]]}), '```json\n{"rows":[[1]]}\n```'),
        (block("image", "Caption", content={"u": 1}), 'Caption\n\n```json\n{"u":1}\n```'),
        (block("text", None, content=None), ""),
    ],
)
def test_a_block_is_shown_as_what_it_is(row, text):
    assert render_row(row) == text


def test_hidden_characters_stay_out():
    assert render_row(block("text", "a\u202eb\x00c")) == "abc"


def test_pieces_that_fit_make_one_part():
    part = join_part(["# A", "b"])

    assert (part.text, part.pieces, part.next_at) == ("# A\n\nb", 2, None)
    assert join_part([]).text == ""


def test_a_part_ends_before_the_piece_that_does_not_fit():
    part = join_part(["a" * 20_000, "b" * 20_000])

    assert (part.pieces, part.next_at) == (1, (1, 0))


def test_a_piece_longer_than_a_part_is_shown_in_several():
    part = join_part(["head", "x" * 60_000])

    assert part.next_at == (1, PART_BYTES - len("head\n\n"))


@given(
    st.lists(
        st.tuples(st.sampled_from("ab漢"), st.sampled_from([1, 900, 9_000, 60_000])), max_size=6
    )
)
def test_the_parts_of_a_document_are_the_document(kinds):
    pieces = [sign * length for sign, length in kinds]
    shown, at, skip = [""] * len(pieces), 0, 0
    for _ in range(100):
        part = join_part(pieces[at:], skip)
        assert len(part.text.encode()) <= PART_BYTES + 4 * len(pieces) + PART_BYTES // 4
        for index, text in enumerate(part.text.split("\n\n") if part.text else []):
            shown[at + index] += text
        if part.next_at is None:
            break
        at, skip = at + part.next_at[0], part.next_at[1]

    assert shown == pieces


def test_facts_are_one_a_line_and_in_their_order():
    item = {
        "tags": ["a", "b"],
        "external_id": "X\n- Y",
        "priority": "high",
        "source": "",
        "title": "T",
    }

    assert render_facts(item) == "- Priority: high\n- Tags: a, b\n- External id: X - Y"


def test_only_what_is_deleted_has_a_notice():
    assert render_notice({}) == ""
    assert render_notice({"deleted_at": "2026-11-23T00:00:00Z"}) == (
        "*Deleted since 2026-11-23T00:00:00Z; entity_tool restore brings it back.*"
    )


def test_a_requirement_is_a_page():
    bare = {"key": "VEH-REQ-1", "title": "Stop", "status": "draft"}
    full = bare | {"description": "It shall. ", "rationale": "Safety.", "fields": {"asil": "D"}}

    assert render_requirement(bare) == "# Stop (VEH-REQ-1)\n\n- Status: draft"
    assert render_requirement(full) == (
        "# Stop (VEH-REQ-1)\n\n- Status: draft\n\nIt shall.\n\n## Rationale\n\nSafety."
        '\n\n## Fields\n\n```json\n{"asil":"D"}\n```'
    )


def test_a_project_is_a_page_with_its_documents():
    item = {"key": "VEH", "title": "Vehicle", "role": "owner"}
    row = {"key": "VEH-DOC-1", "name": "Brakes\n# Fake", "status": "draft"}

    assert render_project(item, [], "") == "# Vehicle (VEH)\n\n- Role: owner"
    assert render_project(item, [row], "and more").endswith(
        "## Documents\n\n- **VEH-DOC-1** Brakes # Fake (draft)\nand more"
    )


def test_a_document_that_is_too_long_says_how_to_go_on():
    assert join_whole(["a", "", "b"], "VEH-DOC-1", 10) == "a\n\nb"
    assert join_whole(["a" * 8, "b" * 8], "VEH-DOC-1", 10) == (
        "aaaaaaaa\n\n\n\n*(It goes on: entity_tool read gives VEH-DOC-1 in parts, to its end.)*"
    )
