"""Telling those who listen what reads differently after a change.

All of it is done as well as it can be: what cannot be told is logged, and the change stays one.
"""

from collections.abc import Iterable, Sequence

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.plan_page import (
    plan_document_of,
    plan_holders,
    plan_item_places,
    plan_project_places,
    plan_requirement_keys,
)
from atoms_mcp.entities.uris import (
    HOLDERS,
    org_of,
    render_uri,
    render_whole,
    touched_uris,
    uri_of,
    with_org,
)
from atoms_mcp.tools.afterwards import afterwards
from atoms_mcp.tools.desk import Desk, Row

# Who listens to single requirements of a longer document hears of its own change alone.
MAX_INSIDE = 1000
# What the list of resources names.
LISTED = frozenset({"project", "document"})


async def announce(
    desk: Desk,
    entity: EntityType,
    operation: str,
    rows: Sequence[Row],
    before: Row | None = None,
    inside: Sequence[str] = (),
) -> None:
    """Tell of rows that a write answered.

    `before` is where the row stood until then, `inside` are the URIs of what went with it.
    """
    await afterwards(desk, _announce(desk, entity, operation, rows, before, inside), None)


async def _announce(
    desk: Desk,
    entity: EntityType,
    operation: str,
    rows: Sequence[Row],
    before: Row | None,
    inside: Sequence[str],
) -> None:
    uris = [uri for row in rows for uri in touched_uris(entity.name, operation, row)]
    if before is not None:
        uris += touched_uris("block", operation, before)
    if operation in {"delete", "restore"}:
        for row in rows:
            uris += await _inside(desk, entity, operation, row)
    uris += inside
    seen_by = _seen_by(entity, operation, rows)
    await _publish(desk, uris, seen_by)
    listed = uri_of(rows[0]) if rows and entity.name in LISTED else None
    if listed is not None:
        # Who may read one of them may read all of these.
        await desk.context.publish(Change("resources", listed, seen_by))


async def _publish(desk: Desk, uris: Iterable[str], seen_by: str) -> None:
    for uri in dict.fromkeys(uris):
        await desk.context.publish(Change("resource", uri, seen_by))


def _seen_by(entity: EntityType, operation: str, rows: Sequence[Row]) -> str:
    """Give what has to be readable instead, where nobody who could read it can any more.

    A deleted document stays readable; a deleted project does not. Who listens for it could read
    it when that began, and is told while in its organization.
    """
    org = org_of(rows[0]) if rows and entity.name == "project" else None
    return render_whole(org) if org and operation == "delete" else ""


async def announce_rename(desk: Desk, org: str, inside: Sequence[str]) -> None:
    """Tell that what had the URIs `inside` has others, since its organization is called `org`."""
    await afterwards(desk, _announce_rename(desk, org, inside), None)


async def _announce_rename(desk: Desk, org: str, inside: Sequence[str]) -> None:
    moved = {uri: with_org(uri, org) for uri in inside}
    if all(old == new for old, new in moved.items()):
        return
    for old, new in moved.items():
        await desk.context.publish(Change("resource", old, seen_by=new))
    await desk.context.publish(Change("resources", seen_by=render_whole(org)))


async def find_places_of(desk: Desk, entity: EntityType, rows: Sequence[Row]) -> Sequence[Row]:
    """Give new rows with their places, where their insert did not answer them; as they are else."""
    return await afterwards(desk, _find_places_of(desk, entity, rows), rows)


async def _find_places_of(desk: Desk, entity: EntityType, rows: Sequence[Row]) -> Sequence[Row]:
    holder = HOLDERS[entity.name]
    ids = sorted({row[holder] for row in rows if holder in row and org_of(row) is None})
    if not ids:
        return rows
    found = {row["id"]: row for row in await desk.rows(plan_holders(entity, ids))}
    return [{**row, **_place(entity, found.get(row[holder]))} for row in rows]


def _place(entity: EntityType, holder: Row | None) -> Row:
    if holder is None:
        return {}
    if entity.name == "project":
        return {"organizations": holder}
    if entity.name == "document":
        return {"projects": holder}
    return {"documents": holder, "projects": holder["projects"]}


async def find_place_before(desk: Desk, entity: EntityType, entity_id: str) -> Row | None:
    """Give where something stands before it is moved to another document, if that can be told."""
    rows = await afterwards(desk, desk.rows(plan_document_of(entity_id, entity.write_to)), [])
    return rows[0] if rows else None


async def find_inside(desk: Desk, entity: EntityType, entity_id: str) -> list[str]:
    """Give the URIs of what is in a project or organization, if that can be told.

    Of what is about to go it has to be asked before: nobody can read it then.
    """
    requests = [plan_item_places(entity.name, entity_id, MAX_INSIDE)]
    if entity.name == "organization":
        requests.append(plan_project_places(entity_id, MAX_INSIDE))
    found = [row for one in requests for row in await afterwards(desk, desk.rows(one), [])]
    uris = [uri for row in found if (uri := uri_of(row))]
    return [spelled for uri in uris for spelled in (uri, f"{uri}.json")]


async def _inside(desk: Desk, entity: EntityType, operation: str, row: Row) -> list[str]:
    """Give the URIs of what is deleted or restored along with a row and can be read now."""
    org = org_of(row)
    if entity.name == "project" and operation == "restore":
        return await find_inside(desk, entity, row["id"])
    if entity.name != "document" or org is None:
        return []
    rows = await desk.rows(plan_requirement_keys(row["id"], MAX_INSIDE))
    return [render_uri(org, row["key"], is_json=form) for row in rows for form in (False, True)]
