"""The answers about named entities: one with all its text, or several at once."""

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from atoms_mcp.entities.budget import BUDGET_BYTES, fit, part, size
from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType, Include
from atoms_mcp.entities.failures import not_found
from atoms_mcp.entities.markdown import join_part, render_head, render_row
from atoms_mcp.entities.paging import invalid_cursor
from atoms_mcp.entities.plan_read import (
    plan_held,
    plan_history,
    plan_ids,
    plan_outline,
    plan_read,
)
from atoms_mcp.entities.scope import Scope
from atoms_mcp.entities.view import Item, as_text, handle_of, render, to_seconds
from atoms_mcp.tools.desk import Desk, Row, answer
from atoms_mcp.tools.lists import how_to_read, revisions
from atoms_mcp.tools.references import find_ids
from atoms_mcp.tools.targets import Target, find_target

OUTLINE_ROWS = 150
INCLUDED_ROWS = 20
INCLUDED_BYTES = 8_000
INCLUDED_REVISIONS = 5


async def read_entities(desk: Desk, call: Call) -> dict[str, Any]:
    """Read one entity by `entity_id`, or several by `ids`."""
    if call.ids:
        return await _read_many(desk, call)
    target = await find_target(desk, call)
    if call.entity.name == "document" and call.fields is None and call.format == "full":
        return await _read_document(desk, call, target)
    if call.fields is not None and len(call.fields) == 1:
        return await _read_field(desk, call, target, call.fields[0])
    if call.cursor:
        raise invalid_cursor()
    chosen = call.chosen()
    row, included = await asyncio.gather(
        _row(desk, call, target, chosen), _included(desk, call, target)
    )
    names = await desk.names(call.entity, [row], chosen)
    item = render(call.entity, row, chosen, names)
    fitted = fit([item], call.entity.handle, how_to_read, more_bytes=size(included))
    return _answer(call, target, row, fitted.items[0], truncated=fitted.truncated, **included)


async def _row(desk: Desk, call: Call, target: Target, chosen: Sequence[str]) -> Row:
    entity = call.entity
    if entity.name == "member":
        level = "project" if target.project_id else "organization"
        place = Scope(level, None, target.organization_id, target.project_id)
        request = plan_ids(entity, chosen, [target.id], *place.conditions(entity))
    else:
        request = plan_read(entity, chosen, target.id)
    rows = await desk.rows(request)
    if not rows:
        raise not_found(entity, target.handle)
    return rows[0]


def _answer(
    call: Call,
    target: Target,
    row: Row,
    item: Item,
    **more: Any,  # noqa: ANN401 - members of an answer are JSON
) -> dict[str, Any]:
    warnings = list(call.warnings)
    if row.get("deleted_at"):
        since = to_seconds(row["deleted_at"])
        warnings.append(f"deleted since {since}; operation restore brings it back")
    return answer(
        call.operation, call.entity, scope=target.default, item=item, warnings=warnings, **more
    )


async def _included(desk: Desk, call: Call, target: Target) -> dict[str, Any]:
    """Read what `include` asks for beside the entity itself."""
    includes = [one for name, one in call.entity.includes.items() if name in call.include]
    found = await asyncio.gather(
        *(_held(desk, include, target.id) for include in includes),
        _counts(desk, call, target),
        _history(desk, call, target),
    )
    *held, counts, history = found
    included = {include.name: one for include, one in zip(includes, held, strict=True)}
    given = {"included": included, "counts": counts, "history": history}
    return {name: value for name, value in given.items() if value}


async def _held(desk: Desk, include: Include, holder_id: str) -> dict[str, Any]:
    entity = desk.catalogue[include.type]
    found = await desk.send(plan_held(entity, include.by, holder_id, INCLUDED_ROWS))
    rows: list[Row] = list(found.data or ())
    fields = [field.name for field in entity.fields.values() if field.is_brief]
    items = [render(entity, row, fields) for row in rows]
    fitted = fit(items, entity.handle, how_to_read, more_bytes=BUDGET_BYTES - INCLUDED_BYTES)
    total = found.total if found.total is not None else len(rows)
    held: dict[str, Any] = {"total": total, "items": fitted.items}
    if total > len(fitted.items):
        held["get"] = f"operation list, entity_type {entity.name}, parent as this entity"
    return held | ({"truncated": fitted.truncated} if fitted.truncated else {})


async def _counts(desk: Desk, call: Call, target: Target) -> dict[str, int]:
    """Count what lives in the entity, where its own row does not say so already."""
    if "counts" not in call.include or call.entity.holds:
        return {}
    includes = list(call.entity.includes.values())
    found = await asyncio.gather(
        *(desk.send(plan_held(desk.catalogue[one.type], one.by, target.id, 1)) for one in includes)
    )
    return {one.name: some.total or 0 for one, some in zip(includes, found, strict=True)}


async def _history(desk: Desk, call: Call, target: Target) -> list[Item]:
    if "history" not in call.include:
        return []
    rows = await desk.rows(plan_history(call.entity, target.id, INCLUDED_REVISIONS - 1))
    return await revisions(desk, call.entity, rows)


async def _read_field(desk: Desk, call: Call, target: Target, name: str) -> dict[str, Any]:
    """Read one field, in parts when its text is longer than one answer."""
    entity, chosen = call.entity, (*call.chosen(), *_version_of(call.entity))
    row = await _row(desk, call, target, chosen)
    bound_to = [desk.user_id, "field", entity.name, target.id, name, row.get("version")]
    offset = desk.cursors.open(call.cursor, bound_to)[0] if call.cursor else 0
    names = await desk.names(entity, [row], chosen)
    item = render(entity, row, call.chosen(), names)
    text = as_text(item.get(name))
    shown, next_offset = part(text, offset)
    if not offset and next_offset is None:
        return _answer(call, target, row, item)
    item[name] = shown
    page: dict[str, Any] = {"chars": len(text), "has_more": next_offset is not None}
    if next_offset is not None:
        page["next_cursor"] = desk.cursors.seal([next_offset], bound_to)
    return _answer(call, target, row, item, page=page)


def _version_of(entity: EntityType) -> tuple[str, ...]:
    return ("version",) if "version" in entity.fields else ()


async def _read_document(desk: Desk, call: Call, target: Target) -> dict[str, Any]:
    """Read a document as one Markdown text, in parts when it is long."""
    chosen = [name for name in call.chosen() if name != "description"]
    bound_to = [desk.user_id, "text", target.id]
    place = Place(*desk.cursors.open(call.cursor, bound_to)) if call.cursor else Place()
    row, outline, included = await asyncio.gather(
        _row(desk, call, target, [*chosen, "description"]),
        desk.rows(plan_outline(target.id, OUTLINE_ROWS, place.after)),
        _included(desk, call, target),
    )
    pieces = [render_row(one) for one in outline[:OUTLINE_ROWS]]
    if place.is_before_head:
        head = render_head(row["name"], handle_of(call.entity, row), row.get("description"))
        pieces.insert(0, head)
    part = join_part(pieces, place.skip)
    page: dict[str, Any] = {"has_more": False}
    following = _following(place, outline, part.next_at)
    if following is not None:
        cursor = desk.cursors.seal(dataclasses.astuple(following), bound_to)
        page = {"has_more": True, "next_cursor": cursor}
    if call.cursor:
        chosen = [call.entity.handle, "title", "version"]
    names = await desk.names(call.entity, [row], chosen)
    item = render(call.entity, row, chosen, names) | {"markdown": part.text}
    return _answer(call, target, row, item, page=page, **included)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document a part begins: after a row of its outline, or before all of them.

    `skip` are the characters of what comes next that were shown before.
    """

    position: int | None = None
    id: str | None = None
    skip: int = 0
    is_before_head: bool = True

    @property
    def after(self) -> tuple[int, str] | None:
        """The row before, as a position of the outline."""
        if self.position is None or self.id is None:
            return None
        return self.position, self.id


def _following(
    place: Place, outline: Sequence[Row], next_at: tuple[int, int] | None
) -> Place | None:
    """Give where the next part begins, or None after the last one."""
    if next_at is None:
        if len(outline) <= OUTLINE_ROWS:
            return None
        last = outline[OUTLINE_ROWS - 1]
        return Place(last["position"], last["id"], 0, is_before_head=False)
    at, skip = next_at
    if place.is_before_head:
        if at == 0:
            return Place(skip=skip)
        at -= 1
    if at == 0:
        return Place(place.position, place.id, skip, is_before_head=False)
    return Place(outline[at - 1]["position"], outline[at - 1]["id"], skip, is_before_head=False)


async def _read_many(desk: Desk, call: Call) -> dict[str, Any]:
    """Read several entities at once; those that are not there are named."""
    entity, chosen = call.entity, call.chosen()
    ids = await find_ids(desk, entity, call.ids)
    rows = await desk.rows(plan_ids(entity, chosen, set(ids.values()))) if ids else []
    found = {row[entity.unique]: row for row in rows}
    missing = [one for one in call.ids if one not in ids or ids[one] not in found]
    if len(missing) == len(call.ids):
        raise not_found(entity, ", ".join(missing))
    ordered = {ids[one]: found[ids[one]] for one in call.ids if one not in missing}
    names = await desk.names(entity, ordered.values(), chosen)
    items = [render(entity, row, chosen, names) for row in ordered.values()]
    fitted = fit(items, entity.handle, how_to_read)
    warnings = list(call.warnings)
    if fitted.left_out:
        left = [handle_of(entity, row) for row in list(ordered.values())[len(fitted.items) :]]
        warnings.append(f"too much for one answer; read these by another call: {', '.join(left)}")
    return answer(
        call.operation,
        entity,
        items=fitted.items,
        not_found=missing,
        truncated=fitted.truncated,
        warnings=warnings,
    )
