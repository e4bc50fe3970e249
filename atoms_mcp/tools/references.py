"""Finding the ids of users and entities that filters and data name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.failures import ambiguous, not_found
from atoms_mcp.entities.plan_find import Name, parse_name, plan_find_keys
from atoms_mcp.entities.suggest import with_article
from atoms_mcp.entities.text import one_line
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.desk import Desk, Row
from atoms_mcp.tools.targets import find_user_id


async def find_filter_ids(desk: Desk, call: Call) -> Mapping[str, tuple[str, ...]]:
    """Give the ids that the filters by user or entity stand for, by the filter's name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in (call.filters or {}).items():
        item = call.entity.filters[name]
        if item.match == "user":
            found[name] = tuple([await find_user_id(desk, one) for one in value])
        elif item.match == "item" and item.refers:
            rows = await find_referred(desk, desk.catalogue[item.refers], value, f"filters.{name}")
            found[name] = tuple(row["id"] for row in rows.values())
    return found


async def find_referred(
    desk: Desk, entity: EntityType, given: Iterable[str], path: str, project_id: str | None = None
) -> Mapping[str, Row]:
    """Give the registry's rows of the entities that `given` names, by the name as it was given.

    A UUID is taken as it is, as a row of an id alone. `path` names the argument for errors; of
    one key in several organizations the one in `project_id` is meant.

    Raises:
        ToolError: ``not_found``, ``ambiguous``, or ``invalid_argument`` for another type.
    """
    names = {one: parse_name(one) for one in dict.fromkeys(given)}
    keys = {name.text for name in names.values() if name.kind == "key"}
    rows = await desk.rows(plan_find_keys(sorted(keys))) if keys else []
    found: dict[str, Row] = {}
    for one, name in names.items():
        if name.kind == "uuid":
            found[one] = {"id": name.text}
        else:
            found[one] = _row_of(entity, one, name, rows, path, project_id)
    return found


def _row_of(
    entity: EntityType,
    given: str,
    name: Name,
    rows: Sequence[Row],
    path: str,
    project_id: str | None,
) -> Row:
    if name.kind != "key":
        raise ToolError(
            "invalid_argument",
            f"{path} must be a key or UUID of {with_article(entity.name)}.",
            fix=f"give its key: {entity.handle_help}.",
            details={"field": path},
        )
    named = [row for row in rows if row["key"] == name.text]
    same = [row for row in named if row["project_id"] == project_id] or named
    if not same:
        raise not_found(entity, given, field=path)
    if len(same) > 1:
        candidates: list[dict[str, Any]] = [
            {"entity_id": row["id"], "title": one_line(row["title"])} for row in same
        ]
        raise ambiguous(entity.plural, given, candidates)
    (row,) = same
    if row["type"] != entity.name:
        raise ToolError(
            "invalid_argument",
            f"{path} is {given}, {with_article(row['type'])}; "
            f"it must be {with_article(entity.name)}.",
            fix=f"give the key of {with_article(entity.name)}: {entity.handle_help}.",
            details={"field": path},
        )
    return row
