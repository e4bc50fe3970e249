"""One call of entity_tool, read: typed, with values judged, references still by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from atoms_mcp.entities.catalogue import Catalogue, EntityType
from atoms_mcp.entities.faults import Fault, not_allowed, raise_for, unknown
from atoms_mcp.entities.values import filter_faults, moment, stored, value_faults

DEFAULT_LIMIT = 20
MAX_BATCH = 1000
# A batch of no more is stored all or none; a greater one in steps of so many.
STEP_ROWS = 100
COMMON_INCLUDES = {"list": ("total", "counts"), "read": ("counts", "history")}


@dataclass(frozen=True, slots=True)
class Sort:
    """An order by one field; the entity's unique column always breaks ties."""

    name: str
    column: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked. `fields` None means: as `format` says. `rows` are the entities to create."""

    entity: EntityType
    operation: str
    entity_id: str | None = None
    ids: tuple[str, ...] = ()
    parent: str | None = None
    data: Mapping[str, Any] | None = None
    rows: tuple[Mapping[str, Any], ...] = ()
    is_batch: bool = False
    filters: Mapping[str, Any] | None = None
    query: str = ""
    fields: tuple[str, ...] | None = None
    format: str = "concise"
    include: frozenset[str] = frozenset()
    sort: Sort | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    expected_version: int | None = None
    client_token: str | None = None
    is_dry_run: bool = False
    confirm: str | None = None
    warnings: tuple[str, ...] = ()

    def chosen(self) -> tuple[str, ...]:
        """Give the names of the fields that the answer shows, the one that names it included."""
        if self.fields is not None:
            return tuple(dict.fromkeys((self.entity.handle, *self.fields)))
        fields = self.entity.fields.values()
        return tuple(field.name for field in fields if self.format == "full" or field.is_brief)


def parse_call(catalogue: Catalogue, arguments: Mapping[str, Any]) -> Call:
    """Read arguments that passed `arguments.accept_entity` and the tool's schema.

    Raises:
        ToolError: ``invalid_argument`` that names every value that cannot be.
    """
    entity = catalogue[arguments["entity_type"]]
    operation: str = arguments["operation"]
    raise_for(list(_faults(entity, operation, arguments)))
    rows = arguments.get("items") or ([arguments["data"]] if "data" in arguments else [])
    return Call(
        entity=entity,
        operation=operation,
        entity_id=arguments.get("entity_id"),
        ids=tuple(dict.fromkeys(arguments.get("ids", ()))),
        parent=arguments.get("parent"),
        data=_stored(entity, arguments["data"]) if operation == "update" else None,
        rows=tuple(_stored(entity, row) for row in rows) if operation == "create" else (),
        is_batch="items" in arguments,
        filters=_filters(entity, arguments.get("filters", {})),
        query=arguments.get("query", "").strip(),
        fields=tuple(arguments["fields"]) if "fields" in arguments else None,
        format=arguments.get("format", "full" if operation == "read" else "concise"),
        include=frozenset(arguments.get("include", ())),
        sort=_sort(entity, arguments["sort"]) if "sort" in arguments else None,
        limit=arguments.get("limit", DEFAULT_LIMIT),
        cursor=arguments.get("cursor"),
        expected_version=arguments.get("expected_version"),
        client_token=arguments.get("client_token"),
        is_dry_run=arguments.get("dry_run", False),
        confirm=arguments.get("confirm"),
        warnings=tuple(_warnings(operation, arguments)),
    )


def default_sort(entity: EntityType, *, is_inside: bool) -> Sort:
    """Give the order of a list without `sort`; inside a document that is the reading order."""
    return _sort(entity, entity.inside_sort if is_inside else entity.default_sort)


def _sort(entity: EntityType, name: str) -> Sort:
    column = name.removeprefix("-")
    return Sort(name, entity.sorts[column], name.startswith("-"))


def _stored(entity: EntityType, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored(entity.fields[name], value) for name, value in row.items()}


def _filters(entity: EntityType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Bring filter values into one form: a tuple of texts, a moment, or a bool."""
    read: dict[str, Any] = {}
    for name, value in given.items():
        match = entity.filters[name].match
        if match == "deleted":
            read[name] = value
        elif match in {"after", "before"}:
            read[name] = moment(value)
        else:
            read[name] = tuple(value) if isinstance(value, list) else (value,)
    return read


def _faults(entity: EntityType, operation: str, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _data_faults(entity, operation, arguments)
    for name, value in arguments.get("filters", {}).items():
        yield from filter_faults(entity.filters[name], f"filters.{name}", value)
    for name in set(arguments.get("fields", ())) - set(entity.fields):
        yield unknown(f"{entity.name} field", f"fields.{name}", name, entity.fields)
    if operation == "list" and "sort" in arguments:
        yield from _sort_faults(entity, arguments["sort"])
    if operation in COMMON_INCLUDES:
        allowed = includes(entity, operation)
        asked = arguments.get("include", ())
        yield from (not_allowed("include", name, allowed) for name in asked if name not in allowed)
    if operation == "search" and not arguments["query"].strip():
        yield Fault("query is empty", "query", fix="give words to look for, or use operation list")
    if "ids" in arguments and entity.unique != "id":
        yield Fault(f"{entity.plural} are read one at a time", "ids", fix="give entity_id")


def _data_faults(
    entity: EntityType, operation: str, arguments: Mapping[str, Any]
) -> Iterator[Fault]:
    for path, row in _rows(arguments):
        for name, value in row.items():
            yield from value_faults(entity.fields[name], f"{path}.{name}", value)
    if operation == "update" and not arguments["data"]:
        names = tuple(field.name for field in entity.writable("update"))
        yield Fault("data is empty", "data", names)
    if "items" in arguments and not entity.is_batch:
        fix = f"create each {entity.name} by data in a call of its own"
        yield Fault(f"{entity.plural} are created one at a time", "items", fix=fix)


def _rows(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "items" in arguments:
        for at, row in enumerate(arguments["items"]):
            yield f"items[{at}]", row
    elif "data" in arguments:
        yield "data", arguments["data"]


def _sort_faults(entity: EntityType, sort: str) -> Iterator[Fault]:
    if sort.removeprefix("-") not in entity.sorts:
        allowed = tuple(f"{sign}{name}" for name in entity.sorts for sign in ("", "-"))
        yield not_allowed("sort", sort, allowed)


def includes(entity: EntityType, operation: str) -> tuple[str, ...]:
    """Give what `include` may name in a list or read of this type."""
    if operation == "list":
        return COMMON_INCLUDES["list"] if entity.holds else ("total",)
    counted = ("counts",) if entity.includes else ()
    history = ("history",) if "history" in entity.operations else ()
    return (*entity.includes, *counted, *history)


def _warnings(operation: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Name what was given but means nothing here, so that nothing is passed over in silence."""
    shows = {"list", "search", "read"}
    for name, where in (
        ("fields", shows),
        ("include", {"list", "read"}),
        ("sort", {"list"}),
        ("limit", {"list", "search", "history"}),
        ("format", {*shows, "history"}),
    ):
        if arguments.get(name) and operation not in where:
            yield f"{name} means nothing for {operation} and was not used"
