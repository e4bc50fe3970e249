"""Creating entities: one or a batch, and the same rows again for the same token.

Up to 100 are stored all or none; more in steps, see `batches`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from atoms_mcp.engine.offer.tool import Content
from atoms_mcp.entities.call import STEP_ROWS, Call
from atoms_mcp.entities.catalogue import EntityType, Field
from atoms_mcp.entities.failures import MAX_CANDIDATES, forbidden
from atoms_mcp.entities.plan_read import plan_ids, plan_living
from atoms_mcp.entities.plan_write import (
    plan_creation_call,
    plan_insert,
    stored_row,
    token_id,
)
from atoms_mcp.entities.scope import Scope
from atoms_mcp.entities.steps import name_all
from atoms_mcp.entities.suggest import listed, with_article
from atoms_mcp.entities.text import one_line
from atoms_mcp.entities.uris import HOLDERS, TEXT_TYPE, uri_of
from atoms_mcp.entities.values import as_uuid
from atoms_mcp.entities.view import NO_NAMES, Item, handle_of, render
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol import content
from atoms_mcp.tools.afterwards import afterwards
from atoms_mcp.tools.announcements import announce, find_places_of
from atoms_mcp.tools.batches import PartlyStored, store_in_steps
from atoms_mcp.tools.desk import Desk, Row, answer
from atoms_mcp.tools.places import check_place, find_scope
from atoms_mcp.tools.references import find_referred
from atoms_mcp.tools.refusals import Attempt, ask_access, explain_forbidden, send_change

DOCUMENT = "document_id"
# So many are named of what an earlier call stored with other values.
MAX_DIFFERING = 20
MAX_LINKS = 10
References = Mapping[str, Mapping[str, Row]]


@dataclass(frozen=True, slots=True)
class Created:
    """The rows of a creation, in the order asked for.

    `replayed` of them were stored by an earlier call with the same token, `differing` of those
    with other values than this call gave.
    """

    rows: Sequence[Row] = ()
    replayed: int = 0
    differing: Sequence[Row] = ()

    def __add__(self, other: "Created") -> "Created":
        """Give both, this one's first."""
        return Created(
            [*self.rows, *other.rows],
            self.replayed + other.replayed,
            [*self.differing, *other.differing],
        )


async def create_entities(desk: Desk, call: Call) -> dict[str, Any] | Content:
    """Create what the call gives; nothing of a batch is stored unless all of it is."""
    scope = await _scope(desk, call)
    references = await _references(desk, call, scope)
    rows = [await _row(desk, call, scope, references, at) for at in range(len(call.rows))]
    attempt = Attempt(
        entity=call.entity,
        operation="create",
        handle=scope.label or "",
        organization_id=scope.organization_id,
        project_id=scope.project_id or _project_of(references),
        rows=call.rows,
    )
    if call.is_dry_run:
        return await _would_create(desk, call, scope, attempt)
    if call.entity.create_by:
        created = await _create_by_call(desk, call, scope, attempt)
    else:
        created = await _store(desk, call, rows, attempt)
    return _linked(await _answer(desk, call, scope, created), created.rows)


async def _scope(desk: Desk, call: Call) -> Scope:
    """Give where to create; rows that name their documents need no other place."""
    needs_document = call.entity.lives_in == "document"
    if needs_document and not call.parent and all("document" in row for row in call.rows):
        return Scope()
    return await find_scope(desk, call)


async def _references(desk: Desk, call: Call, scope: Scope) -> References:
    """Find what the rows name by key, one look-up for each field."""
    found: dict[str, Mapping[str, Row]] = {}
    for field in call.entity.fields.values():
        given = [row[field.name] for row in call.rows if row.get(field.name) is not None]
        if field.kind == "item" and field.refers and given:
            entity = desk.catalogue[field.refers]
            path = f"data.{field.name}"
            found[field.name] = await find_referred(desk, entity, given, path, scope.project_id)
    return found


def _project_of(references: References) -> str | None:
    rows = (row for named in references.values() for row in named.values())
    return next((row["project_id"] for row in rows if row.get("project_id")), None)


async def _row(
    desk: Desk, call: Call, scope: Scope, references: References, at: int
) -> dict[str, Any]:
    """Give one row by column, with its place and, for a token, its id."""
    entity, data = call.entity, call.rows[at]
    ids = {name: references[name][data[name]]["id"] for name in references if data.get(name)}
    row = stored_row(entity, data, ids)
    if entity.lives_in == "document":
        if scope.level == "requirement":
            row.setdefault("parent_id", scope.requirement_id)
        row.setdefault(DOCUMENT, scope.document_id or _document_of_parent(data, references))
        if row[DOCUMENT] is None:
            raise await _missing_document(desk, call, scope)
    elif entity.lives_in == "project":
        row["project_id"] = scope.project_id
    if call.client_token is not None:
        place = row.get(DOCUMENT) or row.get("project_id")
        row["id"] = token_id(desk.user_id, entity.name, place, call.client_token, at)
    return row


def _document_of_parent(data: Mapping[str, Any], references: References) -> str | None:
    if data.get("parent") is None:
        return None
    document_id: str | None = references["parent"][data["parent"]].get(DOCUMENT)
    return document_id


async def _missing_document(desk: Desk, call: Call, scope: Scope) -> ToolError:
    entity = desk.catalogue["document"]
    conditions = scope.conditions(entity)
    rows = await desk.rows(plan_living(entity, conditions, MAX_CANDIDATES)) if conditions else []
    if not rows:
        # A UUID out of sight was taken for a project's.
        await check_place(desk, scope)
    known = "; ".join(f"{row['key']} ({one_line(row['name'])})" for row in rows)
    return ToolError(
        "invalid_argument",
        f"{with_article(call.entity.name)} lives in a document, and none is named.",
        fix=f"give a document as parent{f': {known}' if known else ', or create one first'}.",
        details={"field": "parent"},
    )


async def _store(desk: Desk, call: Call, rows: Sequence[Row], attempt: Attempt) -> Created:
    """Insert rows, many of them in steps."""
    if len(rows) <= STEP_ROWS:
        return await _insert(desk, call, rows, attempt)
    created = Created()

    async def store(step: slice) -> Sequence[Row]:
        nonlocal created
        given = replace(attempt, rows=attempt.rows[step])
        stored = await _insert(desk, call, rows[step], given)
        created += stored
        return stored.rows

    await store_in_steps(desk, call, store)
    return created


async def _insert(desk: Desk, call: Call, rows: Sequence[Row], attempt: Attempt) -> Created:
    """Insert rows; with a token those that an earlier call stored are read instead."""
    entity, chosen = call.entity, _shown(call)
    inserted = await send_change(desk, plan_insert(entity, rows, chosen), attempt)
    created = await find_places_of(desk, entity, inserted)
    await announce(desk, entity, "create", created)
    if call.client_token is None or len(created) == len(rows):
        return Created(created)
    ids = [row["id"] for row in rows]
    missing = [one for one in ids if one not in {row["id"] for row in created}]
    wanted = dict(zip(ids, rows, strict=True))
    sent = dict.fromkeys(name for row in attempt.rows for name in row)
    nothing: list[Row] | None = None
    reading = desk.rows(plan_ids(entity, [*chosen, *sent], missing))
    earlier = await afterwards(desk, reading, nothing)
    if earlier is None:
        # They are there, or the insert would have stored them: they are shown as they were sent.
        earlier = [wanted[one] for one in missing]
    if len(earlier) < len(missing):
        raise _unseen(entity, created)
    stored = {row["id"]: row for row in (*created, *earlier)}
    differing = [row for row in earlier if _differs(row, wanted[row["id"]])]
    return Created([stored[one] for one in ids], len(earlier), differing)


def _unseen(entity: EntityType, created: Sequence[Row]) -> ToolError:
    names = [handle_of(entity, row) for row in created[:MAX_DIFFERING]]
    also = f"; stored now are {listed(names)}" if names else ""
    return PartlyStored(
        "conflict",
        f"this client_token was used before, for something that you cannot see any more{also}.",
        fix="repeat the call with a new client_token"
        + (", without the items that are stored." if names else "."),
        details={"field": "client_token"},
    )


def _differs(stored: Row, sent: Row) -> bool:
    """Tell whether a row of an earlier call holds other values than were sent now."""
    return any(name in stored and stored[name] != value for name, value in sent.items())


async def _create_by_call(desk: Desk, call: Call, scope: Scope, attempt: Attempt) -> Created:
    """Create by the database's function, which makes the caller the owner."""
    entity, (data,) = call.entity, call.rows
    entity_id = None
    if call.client_token is not None:
        place = scope.organization_id
        entity_id = token_id(desk.user_id, entity.name, place, call.client_token, 0)
        earlier = await desk.rows(plan_ids(entity, [*_shown(call), *data], [entity_id]))
        if earlier:
            sent = stored_row(entity, data, {})
            differing = [row for row in earlier if _differs(row, sent)]
            return Created(await _placed(desk, entity, scope, earlier), 1, differing)
    request = plan_creation_call(entity, data, scope, entity_id)
    rows = await _placed(desk, entity, scope, await send_change(desk, request, attempt))
    await announce(desk, entity, "create", rows)
    return Created(rows)


async def _placed(
    desk: Desk, entity: EntityType, scope: Scope, rows: Sequence[Row]
) -> Sequence[Row]:
    """Give rows with their organization, which the database's function does not answer."""
    if scope.organization_id is None:
        return rows
    if scope.label and not as_uuid(scope.label):
        return [{**row, "organizations": {"slug": scope.label}} for row in rows]
    holder = {HOLDERS[entity.name]: scope.organization_id}
    return await find_places_of(desk, entity, [{**row, **holder} for row in rows])


def _shown(call: Call) -> list[str]:
    """Give the fields that the answer shows: the brief ones that a table itself has, and its id."""
    fields: list[Field] = list(call.entity.fields.values())
    return [field.name for field in fields if field.is_brief and not field.is_overview]


async def _answer(desk: Desk, call: Call, scope: Scope, created: Created) -> dict[str, Any]:
    if len(created.rows) > STEP_ROWS:
        shown = name_all(call.entity, [handle_of(call.entity, row) for row in created.rows])
    else:
        chosen = _shown(call)
        naming = desk.names(call.entity, created.rows, chosen)
        names = await afterwards(desk, naming, NO_NAMES)
        items: list[Item] = [render(call.entity, row, chosen, names) for row in created.rows]
        shown = {"items": items} if call.is_batch else {"item": items[0]}
    return answer(
        "create",
        call.entity,
        scope=scope.label,
        replayed=created.replayed > 0 or None,
        warnings=[*call.warnings, *_replay_warnings(call, created)],
        **shown,
    )


def _linked(answered: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any] | Content:
    """Add links to the new things, so that a client can show or read them."""
    links = [
        content.link(uri, row["key"], title=one_line(row["name"], 200), mime_type=TEXT_TYPE)
        for row in rows[:MAX_LINKS]
        if (uri := uri_of(row))
    ]
    if not links:
        return answered
    return Content([content.text(orjson.dumps(answered).decode()), *links], answered)


def _replay_warnings(call: Call, created: Created) -> Iterator[str]:
    if created.replayed:
        new = len(created.rows) - created.replayed
        yield (
            f"this client_token was used before: {created.replayed} were there already, "
            f"{new} created now"
        )
    if created.differing:
        some = created.differing[:MAX_DIFFERING]
        names = ", ".join(handle_of(call.entity, row) for row in some)
        names += " and others" if len(created.differing) > len(some) else ""
        yield f"what is stored differs from what you sent now: {names}; update it if you must"


async def _would_create(desk: Desk, call: Call, scope: Scope, attempt: Attempt) -> dict[str, Any]:
    """Tell what a creation would do, after every check that needs no writing."""
    access = await ask_access(desk, attempt, "create")
    if access and not access.get("allowed"):
        raise await explain_forbidden(desk, attempt)
    if access and any(row.get("status") == "approved" for row in call.rows):
        approval = await ask_access(desk, attempt, "approve")
        if not approval.get("allowed"):
            raise forbidden(f"approve {call.entity.plural} in {scope.label}", approval)
    count = len(call.rows)
    what = call.entity.name if count == 1 else f"{count} {call.entity.plural}"
    where = f" in {scope.label}" if scope.label else ""
    titles = [str(row["title"]) for row in call.rows[:MAX_CANDIDATES] if "title" in row]
    listed = ": " + "; ".join(titles) + (" ..." if count > len(titles) else "") if titles else ""
    return answer(
        "create",
        call.entity,
        scope=scope.label,
        dry_run=True,
        would=f"create {what}{where}{listed}",
        rights={name: access[name] for name in ("your_role", "needed_role") if access.get(name)},
        warnings=call.warnings,
    )
