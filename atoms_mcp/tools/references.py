"""Finding the ids of users and entities that filters and data name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.failures import not_found
from atoms_mcp.entities.plan_find import Name, parse_name, plan_find_keys
from atoms_mcp.entities.suggest import with_article
from atoms_mcp.entities.text import one_line
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.choices import choose
from atoms_mcp.tools.desk import Desk, Row
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
    rows = [row for some in _chunks(sorted(keys)) for row in await desk.rows(plan_find_keys(some))]
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
    named = [row for row in rows if row["key"] == name.text]
    return [row for row in named if row["project_id"] == project_id] or named


async def _chosen(
    desk: Desk, entity: EntityType, given: str, same: Sequence[Row], path: str
) -> Row:
    candidates = [{"entity_id": row["id"], "title": one_line(row["title"])} for row in same]
    chosen = await choose(desk, path, entity.plural, given, candidates)
    return next(row for row in same if row["id"] == chosen)


def _wrong_type(entity: EntityType, given: str, row: Row, path: str) -> ToolError:
    return ToolError(
        "invalid_argument",
        f"{path} is {given}, {with_article(row['type'])}; it must be {with_article(entity.name)}.",
        fix=f"give the key of {with_article(entity.name)}: {entity.handle_help}.",
        details={"field": path},
    )


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(keys), KEYS_AT_ONCE):
        yield keys[first : first + KEYS_AT_ONCE]
