"""Changing one entity: update, delete, restore. What matches nothing is never a success."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.plan_read import plan_state
from atoms_mcp.entities.plan_write import plan_delete, plan_restore, plan_update, stored_row
from atoms_mcp.entities.view import NO_NAMES, Item, handle_of, render
from atoms_mcp.tools.afterwards import afterwards
from atoms_mcp.tools.announcements import (
    announce,
    announce_rename,
    find_inside,
    find_place_before,
)
from atoms_mcp.tools.confirmations import check_confirmed
from atoms_mcp.tools.desk import Desk, Row, answer
from atoms_mcp.tools.references import find_referred
from atoms_mcp.tools.refusals import (
    Attempt,
    ask_access,
    explain_forbidden,
    explain_no_match,
    send_change,
)
from atoms_mcp.tools.targets import Target, find_target


async def update_entity(desk: Desk, call: Call) -> dict[str, Any]:
    """Change fields of one entity."""
    assert call.data is not None  # noqa: S101 - the arguments were checked for it
    target = await find_target(desk, call)
    ids = await _references(desk, call, target)
    attempt = _attempt(call, target, [call.data])
    if call.is_dry_run:
        return await _would_change(desk, call, target, attempt, ids)
    row = stored_row(call.entity, call.data, ids)
    shown = _shown(call)
    request = plan_update(call.entity, target.id, row, shown, call.expected_version)
    is_moving = "document" in call.data
    before = await find_place_before(desk, call.entity, target.id) if is_moving else None
    is_renaming = call.entity.name == "organization" and "slug" in call.data
    inside = await find_inside(desk, call.entity, target.id) if is_renaming else ()
    changed = await send_change(desk, request, attempt)
    if not changed:
        raise await explain_no_match(desk, attempt)
    await announce(desk, call.entity, call.operation, changed, before)
    if inside:
        await announce_rename(desk, changed[0]["slug"], inside)
    warnings = []
    if call.expected_version is not None and changed[0].get("version") == call.expected_version:
        warnings.append("the values were like that already; nothing changed")
    return await _answer(desk, call, target, changed[0], shown, warnings)


async def delete_entity(desk: Desk, call: Call) -> dict[str, Any]:
    """Delete one entity; restore brings it back."""
    target = await find_target(desk, call)
    attempt = _attempt(call, target)
    if call.is_dry_run:
        return await _would_change(desk, call, target, attempt, {})
    await check_confirmed(desk, call, target, attempt)
    shown = _shown(call)
    is_project = call.entity.name == "project"
    inside = await find_inside(desk, call.entity, target.id) if is_project else ()
    changed = await send_change(desk, plan_delete(call, target.id, shown), attempt)
    if not changed:
        raise await explain_no_match(desk, attempt)
    await announce(desk, call.entity, call.operation, changed, inside=inside)
    return await _answer(desk, call, target, changed[0], shown, [])


async def restore_entity(desk: Desk, call: Call) -> dict[str, Any]:
    """Bring one deleted entity back, with what was deleted along with it."""
    target = await find_target(desk, call)
    attempt = _attempt(call, target)
    if call.is_dry_run:
        return await _would_change(desk, call, target, attempt, {})
    shown = _shown(call)
    changed = await send_change(desk, plan_restore(call, target.id, shown), attempt)
    if not changed:
        raise await explain_no_match(desk, attempt)
    await announce(desk, call.entity, call.operation, changed)
    return await _answer(desk, call, target, changed[0], shown, [])


def _attempt(call: Call, target: Target, rows: Sequence[Mapping[str, Any]] = ()) -> Attempt:
    return Attempt(
        entity=call.entity,
        operation=call.operation,
        handle=target.handle,
        entity_id=target.id,
        organization_id=target.organization_id,
        project_id=target.project_id,
        expected_version=call.expected_version,
        rows=rows,
    )


async def _references(desk: Desk, call: Call, target: Target) -> dict[str, str | None]:
    """Give the ids of the entities that the data names by key, by field."""
    found: dict[str, str | None] = {}
    for name, value in (call.data or {}).items():
        field = call.entity.fields[name]
        if field.kind == "item" and field.refers and value is not None:
            entity = desk.catalogue[field.refers]
            rows = await find_referred(desk, entity, [value], f"data.{name}", target.project_id)
            found[name] = rows[value]["id"]
    return found


def _shown(call: Call) -> list[str]:
    """Give the fields that the answer shows: the brief ones, and changed ones that are short."""
    return [
        field.name
        for field in call.entity.fields.values()
        if not field.is_overview
        and (
            (field.is_brief and field.kind != "long")
            or (field.name in (call.data or {}) and field.kind not in {"long", "object"})
        )
    ]


async def _answer(
    desk: Desk, call: Call, target: Target, row: Row, shown: Sequence[str], warnings: list[str]
) -> dict[str, Any]:
    names = await afterwards(desk, desk.names(call.entity, [row], shown), NO_NAMES)
    item: Item = render(call.entity, row, shown, names)
    return answer(
        call.operation,
        call.entity,
        scope=target.default,
        item=item,
        warnings=[*call.warnings, *warnings],
    )


async def _would_change(
    desk: Desk,
    call: Call,
    target: Target,
    attempt: Attempt,
    ids: Mapping[str, str | None],
) -> dict[str, Any]:
    """Tell what a change would do, after every check that needs no writing."""
    entity = call.entity
    fields = list(dict.fromkeys((*_shown(call), *(call.data or {}))))
    rows = await desk.rows(plan_state(entity, target.id, fields))
    row = rows[0] if rows else None
    if row is None or _is_unmet(call, row):
        raise await explain_no_match(desk, attempt)
    attempt = replace(attempt, handle=handle_of(entity, row))
    access = await ask_access(desk, attempt, call.operation) if entity.name != "profile" else {}
    is_approving = (call.data or {}).get("status") == "approved"
    if is_approving and access.get("allowed") and row.get("status") != "approved":
        access = await ask_access(desk, attempt, "approve")
    if access and not access.get("allowed"):
        raise await explain_forbidden(desk, attempt)
    changes = await _changes(desk, call, row, ids)
    named = ", ".join(changes) if changes else "nothing"
    would = f"update {named} of {entity.name} " if call.data is not None else f"{call.operation} "
    return answer(
        call.operation,
        entity,
        scope=target.default,
        dry_run=True,
        would=f"{would}{attempt.handle}",
        changes=changes,
        current_version=row.get("version"),
        rights={name: access[name] for name in ("your_role", "needed_role") if access.get(name)},
        warnings=call.warnings,
    )


def _is_unmet(call: Call, row: Row) -> bool:
    """Tell whether the real change would match nothing."""
    is_deleted = row.get("deleted_at") is not None
    if is_deleted != (call.operation == "restore"):
        return True
    return call.expected_version is not None and call.expected_version != row.get("version")


async def _changes(
    desk: Desk, call: Call, row: Row, ids: Mapping[str, str | None]
) -> dict[str, dict[str, Any]]:
    """Give what would change: the value now and the value then, by field."""
    data = call.data or {}
    after = stored_row(call.entity, data, ids)
    columns = {name: call.entity.fields[name].column for name in data}
    differing = [name for name, column in columns.items() if row.get(column) != after[column]]
    names = await desk.names(call.entity, [row, after], differing)
    now = render(call.entity, row, differing, names)
    then = render(call.entity, after, differing, names)
    return {
        name: {
            moment: values[name]
            for moment, values in (("from", now), ("to", then))
            if name in values
        }
        for name in differing
    }
