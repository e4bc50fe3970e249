"""Telling causes apart: why the database refused, and why a change matched no row."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.failures import (
    Refusal,
    ago,
    alive_conflict,
    bad_reference,
    deleted_conflict,
    duplicate,
    forbidden,
    invalid,
    not_found,
    read_refusal,
    twice_in_batch,
    version_conflict,
)
from atoms_mcp.entities.plan_find import plan_place
from atoms_mcp.entities.plan_read import plan_changes_since, plan_state
from atoms_mcp.entities.postgrest import MAX_QUERY_BYTES, equal, is_null, one_of, pairs, query_bytes
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.suggest import listed
from atoms_mcp.entities.view import changed_names, handle_of, render, to_seconds
from atoms_mcp.errors import ToolError
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.tools.desk import Desk, Row


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change that was tried.

    `rows` are what was to be stored, by field; `handle` names what was to be changed, or where
    something was to be created.
    """

    entity: EntityType
    operation: str
    handle: str
    entity_id: str | None = None
    organization_id: str | None = None
    project_id: str | None = None
    expected_version: int | None = None
    rows: Sequence[Mapping[str, Any]] = ()

    @property
    def words(self) -> str:
        """What was tried, to follow "you may not"."""
        if self.operation == "create":
            where = f" in {self.handle}" if self.handle else ""
            return f"create {self.entity.plural}{where}"
        return f"{self.operation} {self.entity.name} {self.handle}"


async def send_change(desk: Desk, request: RestRequest, attempt: Attempt) -> list[Row]:
    """Send a change and give the rows that it answers.

    Raises:
        ToolError: the database refused, for a reason that the caller can mend.
        SupabaseError: it could not be asked, or refused for a reason that nobody can mend here.
    """
    try:
        answer = await desk.send(request)
    except SupabaseError as exc:
        if exc.kind != "refused":
            raise
        refusal = read_refusal(attempt.entity, exc.code, exc.message, exc.details, exc.hint)
        if refusal.kind == "unknown":
            raise
        raise await explain(desk, refusal, attempt) from exc
    data = answer.data
    return [data] if isinstance(data, dict) else list(data or ())


async def explain(desk: Desk, refusal: Refusal, attempt: Attempt) -> ToolError:
    """Give the error for a refusal."""
    if refusal.kind == "forbidden":
        return await explain_forbidden(desk, attempt)
    if refusal.kind == "hidden":
        return _hidden(desk, attempt)
    if refusal.kind == "duplicate":
        return await _explain_duplicate(desk, refusal, attempt)
    if refusal.kind == "reference":
        return bad_reference(refusal)
    if refusal.kind == "deleted":
        text, fix = refusal.text or "it is deleted", refusal.fix or "restore it first"
        return ToolError("conflict", f"{text}.", fix=fix)
    return invalid(refusal)


def _hidden(desk: Desk, attempt: Attempt) -> ToolError:
    place = attempt.entity.lives_in
    if attempt.operation == "create" and place:
        return not_found(desk.catalogue[place], attempt.handle)
    return not_found(attempt.entity, attempt.handle)


async def explain_forbidden(desk: Desk, attempt: Attempt) -> ToolError:
    """Give the error for what the caller may not do; what is out of sight is not found."""
    attempt = await _placed(desk, attempt)
    access = await ask_access(desk, attempt, attempt.operation)
    words = attempt.words
    if access.get("allowed") and any(row.get("status") == "approved" for row in attempt.rows):
        # What the plain operation allows, the state "approved" may not.
        access = await ask_access(desk, attempt, "approve")
        words = f"approve {attempt.entity.name} {attempt.handle}"
    if access.get("your_role") is None and access.get("scope") != "user":
        return _hidden(desk, attempt)
    return forbidden(words, access)


async def ask_access(desk: Desk, attempt: Attempt, operation: str) -> dict[str, Any]:
    """Ask the database who may do `operation` here; nothing where it does not know."""
    attempt = await _placed(desk, attempt)
    body = {
        "p_type": attempt.entity.name,
        "p_operation": operation,
        "p_project": attempt.project_id,
        "p_organization": attempt.organization_id,
    }
    given = {name: value for name, value in body.items() if value is not None}
    try:
        answer = await desk.send(RestRequest("POST", "rpc/explain_access", body=given))
    except SupabaseError as exc:
        if exc.kind != "refused":
            raise
        return {}
    return answer.data if isinstance(answer.data, dict) else {}


async def _placed(desk: Desk, attempt: Attempt) -> Attempt:
    """Find the project or organization of an attempt that knew its entity by UUID alone."""
    if attempt.project_id or attempt.organization_id or attempt.entity_id is None:
        return attempt
    level = attempt.entity.name if attempt.entity.create_by else "item"
    rows = (
        []
        if attempt.entity.name == "profile"
        else await desk.rows(plan_place(level, attempt.entity_id))
    )
    if not rows:
        return attempt
    row = rows[0]
    return replace(
        attempt,
        organization_id=row.get("organization_id", row["id"]),
        project_id=row["id"] if level == "project" else row.get("project_id"),
    )


async def explain_no_match(desk: Desk, attempt: Attempt) -> ToolError:
    """Give the reason why a change of one row matched none: it is never taken for success."""
    entity = attempt.entity
    assert attempt.entity_id is not None  # noqa: S101 - only a change of one entity matches none
    fields = dict.fromkeys(name for row in attempt.rows for name in row)
    rows = await desk.rows(plan_state(entity, attempt.entity_id, fields))
    if not rows:
        return not_found(entity, attempt.handle)
    row = rows[0]
    handle = handle_of(entity, row)
    deleted_at = row.get("deleted_at")
    if deleted_at and attempt.operation != "restore":
        return deleted_conflict(entity, handle, attempt.operation, to_seconds(deleted_at))
    if not deleted_at and attempt.operation == "restore":
        return alive_conflict(handle, row.get("version"))
    sent, current = attempt.expected_version, row.get("version")
    if sent is not None and current is not None and sent != current:
        return await _explain_version(desk, attempt, row)
    return await explain_forbidden(desk, replace(attempt, handle=handle))


async def _explain_version(desk: Desk, attempt: Attempt, row: Row) -> ToolError:
    entity, sent = attempt.entity, attempt.expected_version
    assert sent is not None  # noqa: S101 - asked for only where a version was sent
    revisions = await desk.rows(plan_changes_since(row[entity.unique], sent))
    columns = dict.fromkeys(name for one in revisions for name in one["changed_fields"])
    changed = changed_names(entity, list(columns))
    details: dict[str, Any] = {"changed_fields": changed} if changed else {}
    wanted = [name for one in attempt.rows for name in one]
    if current := render(entity, row, dict.fromkeys(wanted)):
        details["current"] = current
    return version_conflict(
        handle_of(entity, row), sent, row["version"], _told(desk, revisions, changed), details
    )


def _told(desk: Desk, revisions: Sequence[Row], changed: Sequence[str]) -> str:
    """Tell what happened since, and who did it last."""
    if not revisions:
        return ""
    last = revisions[0]
    what = f"{listed(changed)} changed" if changed else f"{last['op']}d"
    then_s = dt.datetime.fromisoformat(last["at"]).timestamp()
    who = f" by {last['actor_email']}" if last.get("actor_email") else ""
    return f"{what}{who} ({ago(then_s, desk.now())})"


async def _explain_duplicate(desk: Desk, refusal: Refusal, attempt: Attempt) -> ToolError:
    """Give the error for a taken value, with the entity that has it where the caller sees it."""
    entity, name = attempt.entity, refusal.field
    values = [row[name] for row in attempt.rows if row.get(name)] if name else []
    twice = next((value for value in values if values.count(value) > 1), None)
    if name is None or not values:
        return duplicate(entity, name, None, None)
    if twice is not None:
        return twice_in_batch(name, twice)
    holder = await _holder(desk, attempt, entity.fields[name].column, values)
    if holder is None:
        return duplicate(entity, name, values[0] if len(values) == 1 else None, None)
    return duplicate(entity, name, *holder)


async def _holder(
    desk: Desk, attempt: Attempt, column: str, values: Sequence[Any]
) -> tuple[object, str] | None:
    """Give the value that is taken and the entity that has it, if the caller sees it."""
    attempt = await _placed(desk, attempt)
    entity = attempt.entity
    conditions = [one_of(column, values), is_null("deleted_at")]
    if attempt.project_id and entity.is_registered:
        conditions.append(equal("project_id", attempt.project_id))
    elif attempt.organization_id and entity.parents:
        conditions.append(equal("organization_id", attempt.organization_id))
    columns = dict.fromkeys((column, entity.fields[entity.handle].column, entity.unique))
    query = (("select", ",".join(columns)), *pairs(conditions), ("limit", "1"))
    if query_bytes(query) > MAX_QUERY_BYTES:
        return None
    rows = await desk.rows(RestRequest("GET", entity.write_to, query))
    return (rows[0][column], handle_of(entity, rows[0])) if rows else None
