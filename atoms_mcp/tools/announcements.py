"""Telling those who listen what reads differently after a change."""

from collections.abc import Sequence

from atoms_mcp.engine.change import Change
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.plan_page import plan_document_of, plan_holders, plan_requirement_keys
from atoms_mcp.entities.uris import HOLDERS, org_of, render_uri, touched_uris, uri_of
from atoms_mcp.tools.desk import Desk, Row

# Who listens to single requirements of a longer document hears of its own change alone.
MAX_INSIDE = 1000
# What the list of resources names.
LISTED = frozenset({"project", "document"})


async def announce(
    desk: Desk, entity: EntityType, operation: str, rows: Sequence[Row], before: Row | None = None
) -> None:
    """Tell of rows that a write answered; `before` is where the row stood until then."""
    uris = [uri for row in rows for uri in touched_uris(entity.name, operation, row)]
    if before is not None:
        uris += touched_uris("block", operation, before)
    if entity.name == "document" and operation in {"delete", "restore"}:
        for row in rows:
            uris += await _inside(desk, row)
    for uri in dict.fromkeys(uris):
        await desk.context.publish(Change("resource", uri))
    listed = uri_of(rows[0]) if rows and entity.name in LISTED else None
    if listed is not None:
        # Who may read one of them may read all of these.
        await desk.context.publish(Change("resources", listed))


async def find_places_of(desk: Desk, entity: EntityType, rows: Sequence[Row]) -> Sequence[Row]:
    """Give new rows with their places, where their insert did not answer them."""
    holder = HOLDERS[entity.name]
    ids = sorted({row[holder] for row in rows if holder in row and "projects" not in row})
    if not ids:
        return rows
    found = {row["id"]: row for row in await desk.rows(plan_holders(entity, ids))}
    return [{**row, **_place(entity, found.get(row[holder]))} for row in rows]


def _place(entity: EntityType, holder: Row | None) -> Row:
    if holder is None:
        return {}
    if entity.name == "document":
        return {"projects": holder}
    return {"documents": holder, "projects": holder["projects"]}


async def find_place_before(desk: Desk, entity: EntityType, entity_id: str) -> Row | None:
    """Give where something stands before it is moved to another document."""
    rows = await desk.rows(plan_document_of(entity_id, entity.write_to))
    return rows[0] if rows else None


async def _inside(desk: Desk, document: Row) -> list[str]:
    """Give the URIs of what is deleted and restored along with a document."""
    org = org_of(document)
    if org is None:
        return []
    rows = await desk.rows(plan_requirement_keys(document["id"], MAX_INSIDE))
    return [render_uri(org, row["key"], is_json=form) for row in rows for form in (False, True)]
