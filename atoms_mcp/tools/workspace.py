"""workspace_tool: who and where am I, where do I work by default, what does a type take."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.entities.call import DEFAULT_LIMIT
from atoms_mcp.entities.catalogue import WRITES as ENTITY_WRITES
from atoms_mcp.entities.catalogue import Catalogue, EntityType
from atoms_mcp.entities.failures import bad_reference, read_refusal
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.entities.plan_read import plan_ids, plan_organizations, plan_projects_of
from atoms_mcp.entities.plan_write import (
    plan_clear_context,
    plan_get_context,
    plan_set_context,
)
from atoms_mcp.entities.scope import Scope
from atoms_mcp.entities.shapes import OUTPUT, describe_type, workspace_input
from atoms_mcp.entities.view import Item, render
from atoms_mcp.entities.workspace_arguments import OPERATIONS as OPERATION_NAMES
from atoms_mcp.entities.workspace_arguments import PLACES, WRITES, accept_workspace
from atoms_mcp.identity.caller import READ_SCOPE, WRITE_SCOPE
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.tools.desk import Desk, Row
from atoms_mcp.tools.places import find_place, kept_scope, read_context
from atoms_mcp.tools.refusals import Attempt, ask_access

DESCRIPTION = """\
Find your way in the workspace.

get_context: who you are and the place you work in by default.
set_context: keep an organization, project or document (entity_id) as that default; it stands in \
for a missing parent in entity_tool, and answers that used it say so in scope. It is kept for the \
user, not for this connection; arguments of a call always win.
clear_context: keep none.
list_workspaces: your organizations and projects with your role in each. A good first call.
describe: with entity_type, everything about a type: exact schema of its data, enums, filters, \
includes, and your rights at entity_id or the default place; without, the types there are."""

READING = """\
Find your way in the workspace. This login may not change anything.

get_context: who you are and the place you work in by default; it stands in for a missing parent \
in entity_tool, and answers that used it say so in scope.
list_workspaces: your organizations and projects with your role in each. A good first call.
describe: with entity_type, everything about a type: exact schema of its data, enums, filters, \
includes, and your rights at entity_id or the default place; without, the types there are."""

RESOURCES = (
    "atoms://{organization slug}/{key} is a project, document or requirement as Markdown, "
    "with .json at the end as data; clients can subscribe to it"
)
PROMPTS = "write_requirement (EARS), review_document, derive_tests, impact_report"
READS = tuple(operation for operation in OPERATION_NAMES if operation not in WRITES)
MAX_PROJECTS = 200
Arguments = dict[str, Any]
Operation = Callable[[Desk, Arguments], Awaitable[dict[str, Any]]]


def build_workspace_tool(
    catalogue: Catalogue, cursors: Cursors, now: Callable[[], float] = time.time
) -> Tool:
    """Build the tool."""

    async def handle(context: Context, arguments: Arguments) -> dict[str, Any]:
        desk = Desk(context, catalogue, cursors, now)
        operation: str = arguments["operation"]
        return {"ok": True, "op": operation} | await OPERATIONS[operation](desk, arguments)

    tool = Tool(
        name="workspace_tool",
        title="Your workspaces",
        description=DESCRIPTION,
        input_schema=workspace_input(catalogue),
        output_schema=OUTPUT,
        annotations={
            "readOnlyHint": False,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": False,
        },
        scope=needed_scope,
        handler=handle,
        accept=partial(accept_workspace, catalogue),
        keeps_output_schema=True,
    )
    reading = replace(
        tool,
        description=READING,
        input_schema=workspace_input(catalogue, READS),
        annotations={**tool.annotations, "readOnlyHint": True},
    )
    return replace(tool, read_only=reading)


def needed_scope(arguments: Mapping[str, Any]) -> str:
    """Name the scope that a call needs."""
    return WRITE_SCOPE if arguments["operation"] in WRITES else READ_SCOPE


async def get_context(desk: Desk, _arguments: Arguments) -> dict[str, Any]:
    """Tell who calls and where they work by default."""
    profile, kept = await asyncio.gather(
        desk.rows(plan_ids(desk.catalogue["profile"], ["email", "display_name"], [desk.user_id])),
        desk.rows(plan_get_context(desk.user_id)),
    )
    user = {"email": desk.context.caller.email, "id": desk.user_id}
    if profile:
        user |= render(desk.catalogue["profile"], profile[0], ["email", "display_name"])
    scope = read_context(kept[0]) if kept else None
    if scope is None:
        return {"user": user, "hint": "no default place is kept; set one with set_context"}
    return {"user": user, **await _told(desk, scope, kept[0])}


async def _told(desk: Desk, scope: Scope, row: Row) -> dict[str, Any]:
    """Tell a default place: each level with its name and the caller's role."""
    levels = [("organization", scope.organization_id), ("project", scope.project_id)]
    wanted = [(level, place_id) for level, place_id in levels if place_id]
    found = await asyncio.gather(*(_place(desk, level, str(one)) for level, one in wanted))
    context: dict[str, Any] = {level: item for (level, _), item in zip(wanted, found, strict=True)}
    if scope.document_id:
        document = desk.catalogue["document"]
        context["document"] = render(document, row["documents"], ["key", "title"])
    return {"scope": scope.label, "context": context}


async def _place(desk: Desk, level: str, place_id: str) -> Item:
    entity = desk.catalogue[level]
    fields = [entity.handle, "title", "role"]
    rows = await desk.rows(plan_ids(entity, fields, [place_id]))
    return render(entity, rows[0], fields) if rows else {}


async def set_context(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """Keep a place as the default."""
    levels = (arguments["entity_type"],) if "entity_type" in arguments else PLACES
    place = await find_place(desk, arguments["entity_id"], levels, field="entity_id")
    entity = desk.catalogue[str(place.level)]
    try:
        answer = await desk.send(plan_set_context(desk.user_id, place))
    except SupabaseError as exc:
        refusal = read_refusal(entity, exc.code, exc.message, exc.details, exc.hint)
        if exc.kind != "refused" or refusal.kind != "reference":
            raise
        raise bad_reference(refusal) from exc
    row = answer.data[0]
    scope = read_context(row)
    return await _told(desk, scope, row) if scope else {"hint": "the place is deleted; restore it"}


async def clear_context(desk: Desk, _arguments: Arguments) -> dict[str, Any]:
    """Keep no default any more."""
    await desk.send(plan_clear_context(desk.user_id))
    return {"hint": "no default place is kept now"}


async def list_workspaces(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """List the caller's organizations, each with its projects."""
    limit = arguments.get("limit", DEFAULT_LIMIT)
    bound_to = [desk.user_id, "list_workspaces"]
    cursor = arguments.get("cursor")
    position = desk.cursors.open(cursor, bound_to) if cursor else None
    entity = desk.catalogue["organization"]
    rows = await desk.rows(plan_organizations(entity, limit, position))
    shown = rows[:limit]
    projects = await _projects_of(desk, [row["id"] for row in shown])
    items = [_workspace(entity, row, projects.get(row["id"], ())) for row in shown]
    page: dict[str, Any] = {"returned": len(shown), "has_more": len(rows) > limit}
    if page["has_more"]:
        last = shown[-1]
        page["next_cursor"] = desk.cursors.seal([last["name"], last["id"]], bound_to)
    return {"items": items, "page": page}


async def _projects_of(desk: Desk, organization_ids: Sequence[str]) -> dict[str, list[Item]]:
    if not organization_ids:
        return {}
    entity = desk.catalogue["project"]
    fields = ["key", "title", "role"]
    found: dict[str, list[Item]] = {}
    for row in await desk.rows(plan_projects_of(entity, fields, organization_ids, MAX_PROJECTS)):
        found.setdefault(row["organization_id"], []).append(render(entity, row, fields))
    return found


def _workspace(entity: EntityType, row: Row, projects: Sequence[Item]) -> Item:
    item = render(entity, row, ["slug", "title", "role", "members"])
    held = int(row.get("project_count") or 0)
    if projects:
        item["projects"] = list(projects)
    if held > len(projects):
        item["more_projects"] = held - len(projects)
    return item


async def describe(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """Tell what a type takes and what the caller may do with it, or which types there are."""
    name = arguments.get("entity_type")
    if name is None:
        types = desk.catalogue.types.values()
        about = [
            {"type": one.name, "about": one.about, "operations": list(one.operations)}
            for one in types
        ]
        return {"types": about, "resources": RESOURCES, "prompts": PROMPTS}
    entity = desk.catalogue[name]
    place = None
    if "entity_id" in arguments:
        place = await find_place(desk, arguments["entity_id"], PLACES, field="entity_id")
    else:
        place = await kept_scope(desk)
    rights = await _rights(desk, entity, place)
    scope = {"scope": place.label} if place and place.label else {}
    return {"type": name, **scope, **describe_type(entity), "rights": rights}


async def _rights(desk: Desk, entity: EntityType, place: Scope | None) -> dict[str, Any]:
    """Give for each operation the role that it needs, and whether the caller has it at a place."""
    place = place or Scope()
    attempt = Attempt(
        entity,
        "read",
        "",
        organization_id=place.organization_id,
        project_id=place.project_id,
    )
    offered = [one for one in ("read", *sorted(ENTITY_WRITES)) if one in entity.operations]
    answers = await asyncio.gather(*(ask_access(desk, attempt, one) for one in offered))
    rights: dict[str, Any] = {}
    for operation, access in zip(offered, answers, strict=True):
        right = {"needed_role": access.get("needed_role"), "your_role": access.get("your_role")}
        if place.level:
            right["allowed"] = access.get("allowed")
        rights[operation] = {name: value for name, value in right.items() if value is not None}
    return rights


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "get_context": get_context,
        "set_context": set_context,
        "clear_context": clear_context,
        "list_workspaces": list_workspaces,
        "describe": describe,
    }
)
