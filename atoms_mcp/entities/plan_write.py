"""Changing calls as REST requests: create, update, delete, restore, and the default place.

Every PATCH names one row and may touch no more than that one; what it expects of the row (alive,
at a version) is a filter, so that a change which comes too late matches nothing.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.plan_read import base_columns
from atoms_mcp.entities.postgrest import Condition, equal, is_not_null, is_null, pairs
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.scope import Scope
from atoms_mcp.entities.uris import HOLDERS, PLACES

# Names made of a client_token live in a space of their own.
TOKEN_SPACE = uuid.UUID("6f1f3a52-5d0c-5b6e-9c57-0c1f5a3f7d11")
ONE_ROW = ("return=representation", "handling=strict", "max-affected=1")
# PostgreSQL reads this word as the time of the transaction; the database sets its own in any case.
NOW = "now"
CONTEXT_COLUMNS = (
    "organization_id,project_id,document_id,organizations(slug,name,deleted_at),"
    "projects(key,name,deleted_at),documents(key,name,deleted_at)"
)


def token_id(user_id: str, entity: str, place_id: str | None, client_token: str, index: int) -> str:
    """Give the id that a retry with the same `client_token` gives again (UUID version 5).

    The place belongs to it: the same token elsewhere is another creation, never a replay that
    shows what was made here.
    """
    name = "\n".join((user_id, "entity_tool", entity, place_id or "", str(index), client_token))
    return str(uuid.uuid5(TOKEN_SPACE, name))


def stored_row(
    entity: EntityType, data: Mapping[str, Any], references: Mapping[str, str | None]
) -> dict[str, Any]:
    """Give `data` by column, with references (by field) as the ids that they stand for."""
    return {entity.fields[name].column: references.get(name, value) for name, value in data.items()}


def plan_insert(
    entity: EntityType, rows: Sequence[Mapping[str, Any]], fields: Iterable[str]
) -> RestRequest:
    """Plan the insert of rows (by column) in one transaction.

    A row that has an `id` was made for a client_token: if it is there already, it stays as it is.
    Columns that a row does not give get their defaults. The answer has the order of the rows, so
    of several it says only by id where they stand: nothing else keeps their order.
    """
    names = sorted({name for row in rows for name in row})
    select = _answered(entity, fields)
    if len(rows) > 1:
        select = f"{base_columns(entity, fields)},{HOLDERS[entity.name]}"
    query = [("columns", ",".join(names)), ("select", select)]
    prefer = ["return=representation", "missing=default"]
    if "id" in names:
        query.append(("on_conflict", "id"))
        prefer.append("resolution=ignore-duplicates")
    return RestRequest(
        "POST", entity.write_to, tuple(query), [dict(row) for row in rows], tuple(prefer)
    )


def _answered(entity: EntityType, fields: Iterable[str]) -> str:
    """Give the `select` for what a write answers: the fields, and where the row stands."""
    place = PLACES.get(entity.name)
    return base_columns(entity, fields) + (f",{place}" if place else "")


def plan_creation_call(
    entity: EntityType, data: Mapping[str, Any], scope: Scope, entity_id: str | None
) -> RestRequest:
    """Plan the creation of an entity by its function, which makes the caller its owner."""
    given = {f"p_{entity.fields[name].column}": value for name, value in data.items()}
    if entity.parents:
        given["p_organization"] = scope.organization_id
    if entity_id is not None:
        given["p_id"] = entity_id
    return RestRequest("POST", f"rpc/{entity.create_by}", body=given)


def plan_update(
    entity: EntityType,
    entity_id: str,
    row: Mapping[str, Any],
    fields: Iterable[str],
    expected_version: int | None = None,
) -> RestRequest:
    """Plan the change of one living entity; `row` is by column."""
    conditions = [*_expected(entity, entity_id, expected_version)]
    if "deleted_at" in entity.fields:
        conditions.append(is_null("deleted_at"))
    return _patch(entity, conditions, dict(row), fields)


def plan_delete(call: Call, entity_id: str, fields: Iterable[str]) -> RestRequest:
    """Plan the (always restorable) deletion of one entity."""
    entity = call.entity
    conditions = [*_expected(entity, entity_id, call.expected_version), is_null("deleted_at")]
    return _patch(entity, conditions, {"deleted_at": NOW}, fields)


def plan_restore(call: Call, entity_id: str, fields: Iterable[str]) -> RestRequest:
    """Plan the return of one deleted entity."""
    entity = call.entity
    conditions = [*_expected(entity, entity_id, call.expected_version), is_not_null("deleted_at")]
    return _patch(entity, conditions, {"deleted_at": None}, fields)


def _expected(entity: EntityType, entity_id: str, version: int | None) -> list[Condition]:
    conditions = [equal(entity.unique, entity_id)]
    if version is not None and "version" in entity.fields:
        conditions.append(equal("version", version))
    return conditions


def _patch(
    entity: EntityType,
    conditions: Iterable[Condition],
    body: Mapping[str, Any],
    fields: Iterable[str],
) -> RestRequest:
    query = (("select", _answered(entity, fields)), *pairs(conditions))
    return RestRequest("PATCH", entity.write_to, query, dict(body), ONE_ROW)


def plan_set_context(user_id: str, scope: Scope) -> RestRequest:
    """Plan to keep a place as the user's default."""
    body = {
        "user_id": user_id,
        "organization_id": scope.organization_id,
        "project_id": scope.project_id,
        "document_id": scope.document_id,
    }
    prefer = ("return=representation", "resolution=merge-duplicates")
    query = (("on_conflict", "user_id"), ("select", CONTEXT_COLUMNS))
    return RestRequest("POST", "user_context", query, body, prefer)


def plan_get_context(user_id: str) -> RestRequest:
    """Plan the reading of the user's default place."""
    query = (
        ("select", CONTEXT_COLUMNS),
        equal("user_id", user_id).pair(),
    )
    return RestRequest("GET", "user_context", query)


def plan_clear_context(user_id: str) -> RestRequest:
    """Plan to keep no default place."""
    return RestRequest("DELETE", "user_context", (equal("user_id", user_id).pair(),))
