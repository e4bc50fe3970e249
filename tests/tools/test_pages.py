import orjson
import pytest

from atoms_mcp.entities.paging import Cursors
from atoms_mcp.entities.uris import parse_uri
from atoms_mcp.tools import pages
from atoms_mcp.tools.desk import Desk


@pytest.fixture
def desk(workspace, catalogue):
    return Desk(workspace.context("ada"), catalogue, Cursors(b"k" * 32), lambda: 0.0)


async def test_rows_come_in_the_order_of_their_ids(desk, catalogue):
    ids = [
        (await pages.find_row(desk, parse_uri(f"atoms://acme/VEH-REQ-{number}")))["id"]
        for number in (3, 1, 2)
    ]

    rows = await pages.find_rows_by_id(desk, catalogue["requirement"], ids)

    assert [row["key"] for row in rows] == ["VEH-REQ-3", "VEH-REQ-1", "VEH-REQ-2"]
    assert await pages.find_rows_by_id(desk, catalogue["requirement"], []) == []


async def test_a_long_outline_is_read_in_pieces(monkeypatch, desk, catalogue):
    row = await pages.find_row(desk, parse_uri("atoms://acme/VEH-DOC-1"))
    whole = await pages.show_text(desk, catalogue["document"], row)
    data = await pages.show_data(desk, catalogue["document"], row)

    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 3)

    assert await pages.show_text(desk, catalogue["document"], row) == whole
    assert await pages.show_data(desk, catalogue["document"], row) == data


async def test_data_that_is_cut_says_how_to_go_on(monkeypatch, desk, catalogue):
    row = await pages.find_row(desk, parse_uri("atoms://acme/VEH-DOC-1"))
    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(pages, "PAGE_BYTES", 10)

    contents = await pages.show_data(desk, catalogue["document"], row)

    data = orjson.loads(contents["text"])
    assert len(data["outline"]) == 3
    assert data["more"] == "It goes on: entity_tool read gives VEH-DOC-1 in parts, to its end."


async def test_a_project_of_many_documents_says_how_to_see_the_others(monkeypatch, desk, catalogue):
    row = await pages.find_row(desk, parse_uri("atoms://acme/VEH"))
    monkeypatch.setattr(pages, "LISTED_DOCUMENTS", 1)

    text = (await pages.show_text(desk, catalogue["project"], row))["text"]
    data = orjson.loads((await pages.show_data(desk, catalogue["project"], row))["text"])

    more = "and more: entity_tool list, entity_type document, parent VEH"
    assert text.endswith(more)
    assert (len(data["outline"]), data["more"]) == (1, more)
