"""Finding the ids of users and entities that filters and data name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.failures import not_found
from atoms_mcp.entities.plan_find import (
    MAX_FOUND,
    Name,
    best_matches,
    parse_name,
    plan_find_handles,
    plan_find_keys,
)
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.suggest import with_article
from atoms_mcp.entities.text import one_line
from atoms_mcp.entities.uris import org_of
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.choices import choose
from atoms_mcp.tools.desk import Desk, Row, chunks
from atoms_mcp.tools.places import find_preferred
from atoms_mcp.tools.targets import find_user_id

# So many keys fit into one query.
KEYS_AT_ONCE = 200


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
    rows = await _find_all(desk, plan_find_keys, sorted(keys))
    found: dict[str, Row] = {}
    for one, name in names.items():
        if name.kind == "uuid":
            found[one] = {"id": name.text}
            continue
        same = _same_rows(entity, name, rows, path, project_id)
        if not same:
            raise not_found(entity, one, field=path)
        row = same[0] if len(same) == 1 else await _chosen(desk, entity, one, same, path)
        if row["type"] != entity.name:
            raise _wrong_type(entity, one, row, path)
        found[one] = row
    return found


def _same_rows(
    entity: EntityType, name: Name, rows: Sequence[Row], path: str, project_id: str | None
) -> list[Row]:
    """Give the rows of a key, those in the project alone where there are any."""
    if name.kind != "key":
        raise ToolError(
            "invalid_argument",
            f"{path} must be a key or UUID of {with_article(entity.name)}.",
            fix=f"give its key: {entity.handle_help}.",
            details={"field": path},
        )
    named = [row for row in rows if row["key"] == name.text and _lies_in(row, name.within)]
    return [row for row in named if row["project_id"] == project_id] or named


def _lies_in(row: Row, slug: str | None) -> bool:
    return slug is None or slug == _slug_of(row)


def _slug_of(row: Row) -> str | None:
    slug: str | None = row.get("organization_slug") or org_of(row)
    return slug


async def _chosen(
    desk: Desk, entity: EntityType, given: str, same: Sequence[Row], path: str
) -> Row:
    """Give the one that is meant, of those of one name in several organizations."""
    labelled = {_label(row): row for row in same}
    candidates = [
        {"entity_id": label, "title": one_line(row.get("title") or row.get("name") or "")}
        for label, row in labelled.items()
    ]
    return labelled[await choose(desk, path, entity.plural, given, candidates)]


def _label(row: Row) -> str:
    slug = _slug_of(row)
    return f"{slug}/{row['key']}" if slug and row.get("key") else row["id"]


def _wrong_type(entity: EntityType, given: str, row: Row, path: str) -> ToolError:
    return ToolError(
        "invalid_argument",
        f"{path} is {given}, {with_article(row['type'])}; it must be {with_article(entity.name)}.",
        fix=f"give the key of {with_article(entity.name)}: {entity.handle_help}.",
        details={"field": path},
    )


async def _find_all(
    desk: Desk, plan: Callable[[Sequence[str]], RestRequest], names: Sequence[str]
) -> list[Row]:
    """Look many names up; as many rows as come back at most may not be all of them."""
    found: list[Row] = []
    for some in chunks(names, KEYS_AT_ONCE):
        rows = await desk.rows(plan(some))
        if len(rows) >= MAX_FOUND and len(some) > 1:
            middle = len(some) // 2
            rows = await _find_all(desk, plan, some[:middle])
            rows += await _find_all(desk, plan, some[middle:])
        found += rows
    return found


async def find_ids(desk: Desk, entity: EntityType, given: Iterable[str]) -> Mapping[str, str]:
    """Give the ids of what `given` names by key, slug, e-mail or UUID; those out of sight are left.

    A UUID is taken as it is. Of one key in several organizations the one in the default place is
    meant, as where one entity is named.

    Raises:
        ToolError: ``ambiguous``.
    """
    names = {one: parse_name(one) for one in given}
    rows = await _find_named(desk, entity, list(names.values()))
    found: dict[str, str] = {}
    for one, name in names.items():
        if name.kind == "uuid":
            found[one] = name.text
            continue
        same = _named(entity, name, rows)
        if len(same) > 1:
            within = [(row.get("project_id"), row.get("organization_id")) for row in same]
            at = await find_preferred(desk, within)
            same = [await _chosen(desk, entity, one, same, "ids") if at is None else same[at]]
        if same:
            found[one] = same[0]["id"]
    return found


async def _find_named(desk: Desk, entity: EntityType, names: Sequence[Name]) -> list[Row]:
    if entity.is_registered:
        keys = sorted({name.text for name in names if name.kind == "key"})
        rows = await _find_all(desk, plan_find_keys, keys)
        return [row for row in rows if row["type"] == entity.name]
    handles = sorted({name.text for name in names if name.kind == "plain"})
    return await _find_all(desk, partial(plan_find_handles, entity), handles)


def _named(entity: EntityType, name: Name, rows: Sequence[Row]) -> list[Row]:
    """Give the rows that a name names; among projects the living ones, if there are any."""
    column = entity.fields[entity.handle].column
    named = [row for row in rows if _lies_in(row, name.within)]
    if not entity.is_registered:
        return best_matches(named, name.text, (column,))
    return [row for row in named if row["key"] == name.text]
