"""Projects, documents and requirements as whole pages: what resources hold and prompts embed."""

from collections.abc import Sequence
from typing import Any

import orjson

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.markdown import (
    GOES_ON,
    join_whole,
    render_head,
    render_notice,
    render_project,
    render_requirement,
    render_row,
)
from atoms_mcp.entities.plan_page import (
    LISTED_DOCUMENTS,
    plan_documents_of,
    plan_page,
    plan_pages_by_id,
)
from atoms_mcp.entities.plan_read import plan_outline
from atoms_mcp.entities.text import clean_all
from atoms_mcp.entities.uris import JSON_TYPE, TEXT_TYPE, Address, render_uri, uri_of
from atoms_mcp.entities.view import Item, render
from atoms_mcp.protocol.content import Block, text_contents
from atoms_mcp.tools.desk import Desk, Row

ROWS_AT_ONCE = 500
PAGE_BYTES = 512 * 1024
OUTLINED = ("key", "id", "kind", "heading_level", "title", "body", "content", "rationale", "status")


async def find_row(desk: Desk, address: Address) -> Row | None:
    """Give the row behind an address; None where there is none in sight."""
    entity = desk.catalogue[address.type]
    rows = await desk.rows(plan_page(entity, entity.fields, address))
    return rows[0] if rows else None


async def find_rows_by_id(desk: Desk, entity: EntityType, ids: Sequence[str]) -> list[Row]:
    """Give the rows of some ids in their order, as `find_row` does; those in sight."""
    found = await desk.rows(plan_pages_by_id(entity, entity.fields, ids)) if ids else []
    return sorted(found, key=lambda row: ids.index(row["id"]))


async def show_text(
    desk: Desk, entity: EntityType, row: Row, limit_bytes: int = PAGE_BYTES
) -> Block:
    """Give a row as the contents of a resource, in Markdown."""
    item = await _item(desk, entity, row)
    if entity.name == "document":
        text = await _document(desk, item, row, limit_bytes)
    elif entity.name == "project":
        documents, more = await _documents(desk, row)
        text = render_project(item, documents, more)
    else:
        text = render_requirement(item)
    return text_contents(address_of(entity, row), text, TEXT_TYPE)


async def show_data(desk: Desk, entity: EntityType, row: Row) -> Block:
    """Give a row as the contents of a resource, in JSON."""
    data: dict[str, Any] = {"type": entity.name, **await _item(desk, entity, row)}
    if entity.name == "document":
        outline, is_whole = await _outline(desk, row, PAGE_BYTES)
        data["outline"] = [_outlined(one) for one in outline]
        if not is_whole:
            data["more"] = GOES_ON.format(key=data["key"]).strip("*()")
    elif entity.name == "project":
        documents, more = await _documents(desk, row)
        data["outline"] = clean_all(documents)
        if more:
            data["more"] = more
    uri = address_of(entity, row, is_json=True)
    return text_contents(uri, orjson.dumps(data).decode(), JSON_TYPE)


def address_of(entity: EntityType, row: Row, *, is_json: bool = False) -> str:
    """Give the URI of a row of `find_row`."""
    if entity.name == "project":
        return render_uri(row["organization_slug"], row["key"], is_json=is_json)
    uri = uri_of(row)
    assert uri is not None  # noqa: S101 - rows come with their organizations
    return uri + ".json" if is_json else uri


async def _item(desk: Desk, entity: EntityType, row: Row) -> Item:
    names = await desk.names(entity, [row], entity.fields)
    return render(entity, row, entity.fields, names)


async def _documents(desk: Desk, row: Row) -> tuple[list[Row], str]:
    rows = await desk.rows(plan_documents_of(row["id"]))
    if len(rows) <= LISTED_DOCUMENTS:
        return rows, ""
    more = f"and more: entity_tool list, entity_type document, parent {row['key']}"
    return rows[:LISTED_DOCUMENTS], more


async def _document(desk: Desk, item: Item, row: Row, limit_bytes: int) -> str:
    head = render_head(item["title"], item["key"], row.get("description"))
    outline, _ = await _outline(desk, row, limit_bytes)
    pieces = [head, render_notice(item), *map(render_row, outline)]
    return join_whole(pieces, item["key"], limit_bytes)


async def _outline(desk: Desk, row: Row, limit_bytes: int) -> tuple[list[Row], bool]:
    """Give what stands in a document, up to a little over a limit, and whether that is all."""
    found: list[Row] = []
    position: Sequence[Any] | None = None
    taken_bytes = 0
    while taken_bytes <= limit_bytes:
        rows = await desk.rows(plan_outline(row["id"], ROWS_AT_ONCE, position))
        found += rows[:ROWS_AT_ONCE]
        if len(rows) <= ROWS_AT_ONCE:
            return found, True
        taken_bytes += len(orjson.dumps(rows))
        position = (found[-1]["position"], found[-1]["id"])
    return found, False


def _outlined(row: Row) -> Item:
    return {name: clean_all(row[name]) for name in OUTLINED if row.get(name) not in (None, {}, [])}
