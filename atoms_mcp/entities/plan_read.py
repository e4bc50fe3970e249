"""Reading calls as REST requests: list, search, read, history, and the look-ups beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from atoms_mcp.entities.call import Call, Sort
from atoms_mcp.entities.catalogue import EntityType, Filter
from atoms_mcp.entities.postgrest import (
    Condition,
    Pair,
    after,
    any_of,
    compare,
    contains_text,
    equal,
    is_not_null,
    is_null,
    one_of,
    overlaps,
    pairs,
    same_text,
)
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.scope import Scope

MAX_HITS = 100
OUTLINE_COLUMNS = (
    "id,source,key,kind,heading_level,title,body,content,rationale,status,priority,position"
)
HISTORY_COLUMNS = "version,op,actor,actor_email,at,changed_fields,via"


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of an order: at most `limit`, after `position` (sort value, unique value)."""

    sort: Sort
    limit: int
    position: Sequence[Any] | None = None
    offset: int = 0
    is_counted: bool = False


NO_REFERENCES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def columns(entity: EntityType, fields: Iterable[str], *more: str) -> str:
    """Give the `select` for these fields, with what a view and a cursor need besides."""
    wanted = [entity.fields[name].column for name in fields]
    kept = (entity.fields[entity.handle].column, entity.unique, *more)
    return ",".join(dict.fromkeys((*wanted, *kept)))


def base_columns(entity: EntityType, fields: Iterable[str]) -> str:
    """Give the `select` for what a write answers: nothing that only the overview computes."""
    names = [name for name in fields if not entity.fields[name].is_overview]
    return columns(entity, names, *(("version",) if "version" in entity.fields else ()))


def filter_conditions(
    call: Call, references: Mapping[str, tuple[str, ...]] = NO_REFERENCES
) -> list[Condition]:
    """Give the conditions of `call.filters`; deleted rows are left out unless they are asked for.

    `references` are the ids that filters by user or entity stand for, by filter.
    """
    filters = call.filters or {}
    conditions = [
        _condition(call.entity.filters[name], references.get(name, value))
        for name, value in filters.items()
    ]
    if "deleted" not in filters:
        conditions += alive(call.entity)
    return conditions


def alive(entity: EntityType) -> list[Condition]:
    """Give the condition that a row is not deleted, where the type knows deletion."""
    return [is_null("deleted_at")] if "deleted_at" in entity.fields else []


def _condition(item: Filter, value: Any) -> Condition:  # noqa: ANN401 - as `Call.filters` holds it
    match item.match:
        case "deleted":
            return is_not_null(item.column) if value else is_null(item.column)
        case "after":
            return compare(item.column, "gt", value)
        case "before":
            return compare(item.column, "lt", value)
        case "overlap":
            return overlaps(item.column, value)
        case "same":
            # Exact but for case; several spellings cannot be asked for at once.
            return same_text(item.column, value[0])
        case _:
            return equal(item.column, value[0]) if len(value) == 1 else one_of(item.column, value)


def plan_list(
    call: Call, scope: Scope, page: Page, references: Mapping[str, tuple[str, ...]]
) -> RestRequest:
    """Plan one page of a list; one row more than asked for tells whether there is another page."""
    conditions = [*scope.conditions(call.entity), *filter_conditions(call, references)]
    return _page_of(call.entity, call.chosen(), page, pairs(conditions))


def plan_match(
    call: Call, scope: Scope, page: Page, references: Mapping[str, tuple[str, ...]]
) -> RestRequest:
    """Plan the search of a type outside the registry: its few texts contain the query."""
    entity = call.entity
    conditions = [*scope.conditions(entity), *filter_conditions(call, references)]
    anywhere = any_of(contains_text(column, call.query).branch() for column in entity.search_in)
    return _page_of(entity, call.chosen(), page, (*pairs(conditions), anywhere))


def _page_of(
    entity: EntityType, fields: Iterable[str], page: Page, filters: tuple[Pair, ...]
) -> RestRequest:
    sort, unique = page.sort, entity.unique
    field = entity.by_column(sort.column)
    has_nulls = field is not None and field.is_nullable
    query: list[Pair] = [("select", columns(entity, fields, sort.column)), *filters]
    if page.position is not None:
        value, last = page.position
        keys = [(sort.column, sort.is_descending, value), (unique, False, last)]
        query += after(keys, has_nulls=has_nulls)
    direction = ("desc" if sort.is_descending else "asc") + (".nullslast" if has_nulls else "")
    query += [("order", f"{sort.column}.{direction},{unique}.asc"), ("limit", str(page.limit + 1))]
    if page.offset:
        query.append(("offset", str(page.offset)))
    prefer = ("count=exact",) if page.is_counted else ()
    return RestRequest("GET", entity.read_from, tuple(query), prefer=prefer)


def plan_rank(call: Call, scope: Scope, limit: int, position: Sequence[Any] | None) -> RestRequest:
    """Plan the ranked search of items; `limit` is 100 at most.

    `position` is (rank, id) of the last one seen.
    """
    rank, last = position or (None, None)
    body = {
        "p_query": call.query,
        "p_types": [call.entity.name],
        "p_project": scope.project_id,
        "p_organization": scope.organization_id if not scope.project_id else None,
        "p_limit": limit,
        "p_after_rank": rank,
        "p_after_id": last,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return RestRequest("POST", "rpc/search_items", body=given)


def plan_ids(
    entity: EntityType, fields: Iterable[str], ids: Iterable[str], *filters: Condition
) -> RestRequest:
    """Plan the reading of entities by their ids; `filters` leave some out."""
    conditions = [one_of(entity.unique, ids), *filters]
    query = (("select", columns(entity, fields)), *pairs(conditions))
    return RestRequest("GET", entity.read_from, query)


def plan_read(entity: EntityType, fields: Iterable[str], entity_id: str) -> RestRequest:
    """Plan the reading of one entity, deleted or not."""
    more = ("version", "deleted_at") if "version" in entity.fields else ()
    query = (
        ("select", columns(entity, fields, *more)),
        equal(entity.unique, entity_id).pair(),
    )
    return RestRequest("GET", entity.read_from, query)


def plan_state(entity: EntityType, entity_id: str, fields: Iterable[str] = ()) -> RestRequest:
    """Plan the look at the table itself that tells why a change matched nothing."""
    select = base_columns(entity, fields)
    more = ",deleted_at" if "deleted_at" in entity.fields else ""
    query = (("select", select + more), equal(entity.unique, entity_id).pair())
    return RestRequest("GET", entity.write_to, query)


def plan_history(
    entity: EntityType,
    entity_id: str,
    limit: int,
    before: int | None = None,
    *,
    is_full: bool = False,
) -> RestRequest:
    """Plan a page of an entity's revisions, newest first, `before` a version."""
    conditions = [equal("item_id", entity_id), equal("type", entity.name)]
    if before is not None:
        conditions.append(compare("version", "lt", before))
    select = f"{HISTORY_COLUMNS},snapshot" if is_full else HISTORY_COLUMNS
    query = (
        ("select", select),
        *pairs(conditions),
        ("order", "version.desc"),
        ("limit", str(limit + 1)),
    )
    return RestRequest("GET", "item_history", query)


def plan_changes_since(entity_id: str, version: int) -> RestRequest:
    """Plan the reading of what changed after `version`, newest first."""
    query = (
        ("select", HISTORY_COLUMNS),
        *pairs([equal("item_id", entity_id), compare("version", "gt", version)]),
        ("order", "version.desc"),
        ("limit", "20"),
    )
    return RestRequest("GET", "item_history", query)


def plan_outline(
    document_id: str, limit: int, position: Sequence[Any] | None = None
) -> RestRequest:
    """Plan a piece of a document's blocks and requirements in reading order."""
    query: list[Pair] = [
        ("select", OUTLINE_COLUMNS),
        equal("document_id", document_id).pair(),
    ]
    if position is not None:
        value, last = position
        query += after([("position", False, value), ("id", False, last)])
    query += [("order", "position.asc,id.asc"), ("limit", str(limit + 1))]
    return RestRequest("GET", "document_outline", tuple(query))


def plan_people(user_ids: Iterable[str]) -> RestRequest:
    """Plan the look-up of users' e-mail addresses."""
    query = (("select", "id,email"), one_of("id", user_ids).pair())
    return RestRequest("GET", "profiles", query)


def plan_keys(ids: Iterable[str]) -> RestRequest:
    """Plan the look-up of items' keys."""
    query = (("select", "id,key"), one_of("id", ids).pair())
    return RestRequest("GET", "items", query)


def plan_living(entity: EntityType, conditions: Iterable[Condition], limit: int) -> RestRequest:
    """Plan the look at a few living entities, newest first, to name them in an error."""
    query = (
        ("select", f"{entity.fields[entity.handle].column},name"),
        *pairs([*conditions, *alive(entity)]),
        ("order", "updated_at.desc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", entity.read_from, query)


def plan_held(entity: EntityType, by: str, holder_id: str, limit: int) -> RestRequest:
    """Plan the first entities that live in another one, with their number."""
    sort = entity.sorts[entity.inside_sort.removeprefix("-")]
    direction = "desc" if entity.inside_sort.startswith("-") else "asc"
    fields = [field.name for field in entity.fields.values() if field.is_brief]
    conditions = [equal(by, holder_id), *alive(entity)]
    if entity.name == "member":
        conditions.append(equal("scope", by.removesuffix("_id")))
    query = (
        ("select", columns(entity, fields)),
        *pairs(conditions),
        ("order", f"{sort}.{direction},{entity.unique}.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", entity.read_from, query, prefer=("count=exact",))


def plan_organizations(
    entity: EntityType, limit: int, position: Sequence[Any] | None
) -> RestRequest:
    """Plan a page of the user's organizations by title, with what is counted in them."""
    page = Page(Sort("title", "name", is_descending=False), limit, position)
    fields = ["slug", "title", "role", "projects", "members"]
    return _page_of(entity, fields, page, pairs(alive(entity)))


def plan_projects_of(
    entity: EntityType, fields: Iterable[str], organization_ids: Iterable[str], limit: int
) -> RestRequest:
    """Plan the projects of several organizations by title."""
    query = (
        ("select", columns(entity, fields, "organization_id")),
        *pairs([one_of("organization_id", organization_ids), *alive(entity)]),
        ("order", "name.asc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", entity.read_from, query)
