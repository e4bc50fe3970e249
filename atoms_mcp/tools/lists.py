"""The answers of many rows: list, search and history, page by page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from atoms_mcp.entities.budget import fit
from atoms_mcp.entities.call import Call, Sort, default_sort
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.compat import offset_of
from atoms_mcp.entities.failures import not_found
from atoms_mcp.entities.plan_read import (
    MAX_HITS,
    Page,
    filter_conditions,
    plan_history,
    plan_ids,
    plan_list,
    plan_match,
    plan_rank,
)
from atoms_mcp.entities.scope import Scope
from atoms_mcp.entities.text import one_line
from atoms_mcp.entities.view import Item, find_unnamed, render, render_revision
from atoms_mcp.tools.desk import Desk, Row, answer
from atoms_mcp.tools.places import check_place, find_scope
from atoms_mcp.tools.references import find_filter_ids
from atoms_mcp.tools.targets import find_target

SNIPPET_CHARS = 240


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of one page: what they are shown as, the position of each, and whether more follow.

    `end` is where the next page begins when all of these rows fit into the answer.
    """

    items: Sequence[Item]
    positions: Sequence[Sequence[Any]]
    has_more: bool
    end: Sequence[Any] | None = None
    total: int | None = None
    warnings: Sequence[str] = field(default=())


async def list_entities(desk: Desk, call: Call) -> dict[str, Any]:
    """List the entities of a place, filtered and sorted."""
    scope = await find_scope(desk, call)
    references = await find_filter_ids(desk, call)
    is_inside = scope.level in {"document", "requirement"}
    sort = call.sort or default_sort(call.entity, is_inside=is_inside)
    bound_to = _bound(desk, call, scope, sort.name)
    page = _page(desk, call, sort, bound_to)
    plan = plan_match if call.operation == "search" else plan_list
    found = await desk.send(plan(call, scope, page, references))
    rows: list[Row] = list(found.data or ())
    if not rows and page.position is None:
        await check_place(desk, scope)
    shown = rows[: call.limit]
    positions = [[row[sort.column], row[call.entity.unique]] for row in shown]
    items = await _rendered(desk, call, shown)
    has_more = len(rows) > call.limit
    end = positions[-1] if has_more else None
    return _answer(desk, call, scope, bound_to, Found(items, positions, has_more, end, found.total))


def _page(desk: Desk, call: Call, sort: Sort, bound_to: Sequence[Any]) -> Page:
    offset = offset_of(call.cursor) if call.cursor else None
    position = None
    if call.cursor and offset is None:
        position = desk.cursors.open(call.cursor, bound_to)
    is_counted = "total" in call.include
    return Page(sort, call.limit, position, offset or 0, is_counted=is_counted)


def _bound(desk: Desk, call: Call, scope: Scope, *more: object) -> list[Any]:
    """Give what a cursor of this question is bound to."""
    filters = dict(call.filters or {})
    named = [desk.user_id, call.operation, call.entity.name, scope.level, scope.id]
    return [*named, filters, call.query, *more]


async def _rendered(desk: Desk, call: Call, rows: Sequence[Row]) -> list[Item]:
    chosen = call.chosen()
    names = await desk.names(call.entity, rows, chosen)
    return [render(call.entity, row, chosen, names) for row in rows]


async def search_entities(desk: Desk, call: Call) -> dict[str, Any]:
    """Search items by rank, and the few entities of other types by containment."""
    if not call.entity.is_registered:
        return await list_entities(desk, call)
    scope = await find_scope(desk, call)
    bound_to = _bound(desk, call, scope)
    position = desk.cursors.open(call.cursor, bound_to) if call.cursor else None
    # What the search itself cannot filter by is filtered among the best hits, page by page.
    is_narrow = bool(call.filters) or scope.level in {"document", "requirement"}
    limit = MAX_HITS if is_narrow else min(call.limit + 1, MAX_HITS)
    hits = await desk.rows(plan_rank(call, scope, limit, position))
    found = await _hits(desk, call, scope, hits, limit)
    return _answer(desk, call, scope, bound_to, found)


async def _hits(desk: Desk, call: Call, scope: Scope, hits: Sequence[Row], asked: int) -> Found:
    """Give one page of the hits that meet scope and filters; `asked` is how many hits were."""
    references = await find_filter_ids(desk, call)
    rows = await _hit_rows(desk, call, scope, hits, references)
    kept = [hit for hit in hits if hit["id"] in rows]
    shown = kept[: call.limit]
    items = await _rendered(desk, call, [rows[hit["id"]] for hit in shown])
    has_text = any(call.entity.fields[name].kind == "long" for name in call.chosen())
    for item, hit in zip(items, shown, strict=True):
        if hit.get("snippet") and not has_text:
            item["snippet"] = one_line(hit["snippet"], SNIPPET_CHARS)
    positions = [[hit["rank"], hit["id"]] for hit in shown]
    if len(kept) > call.limit:
        return Found(items, positions, has_more=True, end=positions[-1])
    if len(hits) < asked:
        return Found(items, positions, has_more=False)
    last = hits[-1]
    note = (f"filters were applied to the best {len(hits)} hits; next_cursor goes on below them",)
    end = [last["rank"], last["id"]]
    return Found(items, positions, has_more=True, end=end, warnings=note)


async def _hit_rows(
    desk: Desk,
    call: Call,
    scope: Scope,
    hits: Sequence[Row],
    references: Mapping[str, tuple[str, ...]],
) -> Mapping[str, Row]:
    """Give the full rows of the hits that meet scope and filters, by id."""
    if not hits:
        return {}
    conditions = [*scope.conditions(call.entity), *filter_conditions(call, references)]
    ids = [hit["id"] for hit in hits]
    rows = await desk.rows(plan_ids(call.entity, call.chosen(), ids, *conditions))
    return {row["id"]: row for row in rows}


def _answer(
    desk: Desk, call: Call, scope: Scope, bound_to: Sequence[Any], found: Found
) -> dict[str, Any]:
    """Give the answer of one page, made to fit; what does not fit is the next page's."""
    fitted = fit(found.items, call.entity.handle, how_to_read)
    warnings = [*call.warnings, *found.warnings]
    has_more, end = found.has_more, found.end
    if fitted.left_out:
        has_more, end = True, found.positions[len(fitted.items) - 1]
        warnings.append(
            f"the page ends after {len(fitted.items)} rows to stay readable; next_cursor goes on"
        )
    page: dict[str, Any] = {"returned": len(fitted.items), "has_more": has_more}
    if has_more and end is not None:
        page["next_cursor"] = desk.cursors.seal(end, bound_to)
    if found.total is not None:
        page["total"] = found.total
    return answer(
        call.operation,
        call.entity,
        scope=scope.label,
        items=fitted.items,
        page=page,
        truncated=fitted.truncated,
        warnings=warnings,
    )


def how_to_read(handle: str, name: str) -> str:
    """Say how to get the whole of a field that was cut."""
    return f'operation read, entity_id "{handle}", fields ["{name}"]'


async def show_history(desk: Desk, call: Call) -> dict[str, Any]:
    """Tell what happened to one entity, newest first; in full with the values after a change."""
    entity, target = call.entity, await find_target(desk, call)
    bound_to = [desk.user_id, "history", entity.name, target.id]
    before = desk.cursors.open(call.cursor, bound_to)[0] if call.cursor else None
    is_full = call.format == "full"
    rows = await desk.rows(plan_history(entity, target.id, call.limit, before, is_full=is_full))
    if not rows and before is None:
        raise not_found(entity, target.handle)
    shown = rows[: call.limit]
    items = await revisions(desk, entity, shown)
    how = partial(_how_to_see_revision, desk, target.handle, bound_to, call.format)
    fitted = fit(items, "version", how)
    has_more = len(rows) > len(fitted.items)
    page: dict[str, Any] = {"returned": len(fitted.items), "has_more": has_more}
    if has_more:
        page["next_cursor"] = desk.cursors.seal([fitted.items[-1]["version"]], bound_to)
    return answer(
        call.operation,
        entity,
        scope=target.default,
        entity_id=target.handle,
        items=fitted.items,
        page=page,
        truncated=fitted.truncated,
        warnings=call.warnings,
    )


def _how_to_see_revision(
    desk: Desk, handle: str, bound_to: Sequence[Any], shape: str, version: str, _name: str
) -> str:
    """Say how to get a page that begins and ends with one revision."""
    cursor = desk.cursors.seal([int(version) + 1], bound_to)
    return (
        f'operation history, entity_id "{handle}", format "{shape}", limit 1, cursor "{cursor}" '
        f"shows more of version {version}"
    )


async def revisions(desk: Desk, entity: EntityType, rows: Iterable[Row]) -> list[Item]:
    """Give revisions as a reader should see them."""
    rows = list(rows)
    fields = [name for name, one in entity.fields.items() if one.kind in {"user", "item"}]
    snapshots = [row["snapshot"] for row in rows if row.get("snapshot")]
    names = await desk.named(find_unnamed(entity, snapshots, fields))
    return [render_revision(entity, row, names) for row in rows]
