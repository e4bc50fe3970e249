"""The arguments of entity_tool on their way in: older spellings, names, and what each call needs.

`accept_entity` runs before the arguments are checked against the tool's schema, because it can say
more than a schema: which field was meant, what this type allows, what else is missing. It looks at
names; types of values are the schema's, values of fields are `call.parse_call`'s to judge.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from atoms_mcp.entities.catalogue import OPERATIONS, Catalogue, EntityType, Field
from atoms_mcp.entities.compat import RELATIONS, modernize
from atoms_mcp.entities.faults import Fault, not_allowed, raise_for, unknown
from atoms_mcp.entities.suggest import listed, nearest
from atoms_mcp.entities.values import NUL, as_list
from atoms_mcp.errors import ToolError

ARGUMENTS = (
    "operation",
    "entity_type",
    "entity_id",
    "ids",
    "parent",
    "data",
    "items",
    "filters",
    "query",
    "fields",
    "format",
    "include",
    "sort",
    "limit",
    "cursor",
    "expected_version",
    "client_token",
    "dry_run",
    "confirm",
)
ALWAYS = frozenset({"operation", "entity_type", "parent"})
TAKES = MappingProxyType(
    {
        "list": frozenset({"filters", "fields", "format", "include", "sort", "limit", "cursor"}),
        "search": frozenset({"query", "filters", "fields", "format", "limit", "cursor"}),
        "read": frozenset({"entity_id", "ids", "fields", "format", "include", "cursor"}),
        "history": frozenset({"entity_id", "format", "limit", "cursor"}),
        "create": frozenset({"data", "items", "client_token", "dry_run"}),
        "update": frozenset({"entity_id", "data", "expected_version", "dry_run"}),
        "delete": frozenset({"entity_id", "expected_version", "dry_run", "confirm"}),
        "restore": frozenset({"entity_id", "expected_version", "dry_run"}),
    }
)
# How an answer looks: where that means nothing, saying it does no harm.
HARMLESS = frozenset({"fields", "format", "include", "sort", "limit"})
NEEDS = MappingProxyType(
    {
        "search": ("query",),
        "read": ("entity_id",),
        "history": ("entity_id",),
        "create": ("data",),
        "update": ("entity_id", "data"),
        "delete": ("entity_id",),
        "restore": ("entity_id",),
    }
)
MISSPLACED = MappingProxyType(
    {
        ("list", "entity_id"): "use operation read for one entity",
        ("list", "data"): "use filters to choose rows",
        ("read", "filters"): "use operation list to choose by filters",
        ("read", "query"): "use operation search",
        ("update", "items"): "update one entity at a time",
        ("update", "ids"): "update one entity at a time",
        ("delete", "ids"): "delete one entity at a time",
        ("update", "filters"): "name one entity by entity_id; list it first if you must",
        ("delete", "filters"): "name one entity by entity_id; list it first if you must",
        ("create", "entity_id"): "the key is given out by the server; leave entity_id out",
    }
)
# What other tools call our arguments, where likeness would suggest another one or none.
MEANT = MappingProxyType(
    {
        "id": "entity_id",
        "key": "entity_id",
        "type": "entity_type",
        "op": "operation",
        "organization": "parent",
        "project": "parent",
        "document": "parent",
        "q": "query",
        "text": "query",
        "where": "filters",
        "values": "data",
        "order": "sort",
        "page": "cursor",
        "after": "cursor",
        "version": "expected_version",
    }
)
SEE = " workspace_tool describe tells all about a type."


def accept_entity(catalogue: Catalogue, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments in listed names, checked by name.

    Raises:
        ToolError: ``invalid_argument`` that names what is unknown, misplaced or missing.
    """
    entity = _find_type(catalogue, arguments)
    modern = modernize(arguments)
    operation = _find_operation(entity, modern)
    _rename_fields(entity, modern)
    _expand_relations(entity, modern)
    faults = [
        *_unknown_arguments(entity, modern),
        *_misplaced(operation, modern),
        *_data_faults(entity, operation, modern),
        *_filter_faults(entity, modern),
        *_missing(operation, modern),
    ]
    about_fields = faults and faults[0].field.startswith(("data", "items", "filters"))
    raise_for(faults, see=SEE if about_fields else "")
    return modern


def _find_type(catalogue: Catalogue, arguments: Mapping[str, Any]) -> EntityType:
    name = arguments.get("entity_type")
    if isinstance(name, str) and name in catalogue.types:
        return catalogue[name]
    allowed = tuple(catalogue.types)
    if name is None:
        fault = Fault("entity_type is missing", "entity_type", allowed)
    else:
        fault = not_allowed("entity_type", name, allowed)
    raise_for([fault])
    raise AssertionError  # pragma: no cover - the line above raises


def _find_operation(entity: EntityType, modern: Mapping[str, Any]) -> str:
    """Check that the type has the operation; a type that lacks it says what to do instead."""
    operation = modern.get("operation")
    if operation is None:
        raise_for([Fault("operation is missing", "operation", entity.operations)])
    if operation not in OPERATIONS:
        raise_for([not_allowed("operation", operation, OPERATIONS)])
    if operation not in entity.operations:
        offered = listed(entity.operations)
        raise ToolError(
            "invalid_argument",
            f"{entity.name} has no operation {operation}; it has {offered}.",
            fix=f"{entity.instead[str(operation)]}.",
            details={"field": "operation", "allowed": list(entity.operations)},
        )
    return str(operation)


def _rename_fields(entity: EntityType, modern: dict[str, Any]) -> None:
    """Turn other spellings of fields ("name") into the listed ones ("title")."""
    aliases = entity.aliases()
    for argument in ("data", "filters"):
        if isinstance(modern.get(argument), dict):
            modern[argument] = _renamed(modern[argument], aliases, argument)
    if isinstance(modern.get("items"), list):
        modern["items"] = [
            _renamed(item, aliases, f"items[{at}]") if isinstance(item, dict) else item
            for at, item in enumerate(modern["items"])
        ]
    if isinstance(modern.get("fields"), list):
        modern["fields"] = [_spelled(name, aliases) for name in modern["fields"]]
    if isinstance(modern.get("sort"), str):
        sort = modern["sort"]
        column = sort.removeprefix("-")
        modern["sort"] = sort.removesuffix(column) + _spelled(column, aliases)


def _spelled(name: Any, aliases: Mapping[str, str]) -> Any:  # noqa: ANN401 - not checked yet
    return aliases.get(name, name) if isinstance(name, str) else name


def _renamed(given: Mapping[str, Any], aliases: Mapping[str, str], path: str) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for name, value in given.items():
        canonical = aliases.get(name, name)
        if renamed.get(canonical, value) != value:
            message = f"{path}.{canonical} is given twice, with different values"
            raise_for([Fault(message, f"{path}.{canonical}", fix=f"give {canonical} alone")])
        renamed[canonical] = value
    return renamed


def _expand_relations(entity: EntityType, modern: dict[str, Any]) -> None:
    """Turn the older include_relations into what a read of this type can bring along."""
    if modern.get("include") == [RELATIONS]:
        modern["include"] = list(entity.includes) if modern["operation"] == "read" else []
    if isinstance(parent_type := modern.get("parent_type"), str) and parent_type in entity.parents:
        del modern["parent_type"]


def _unknown_arguments(entity: EntityType, modern: Mapping[str, Any]) -> Iterator[Fault]:
    for name, value in modern.items():
        if name == "parent_type":
            yield not_allowed(name, value, entity.parents)
        elif name in MEANT:
            meant = MEANT[name]
            message = f"unknown argument {name}. Did you mean {meant}?"
            yield Fault(message, name, meant=meant, fix=f"use {meant}")
        elif name not in ARGUMENTS:
            yield unknown("argument", name, name, ARGUMENTS)
        elif any(NUL in one for one in as_list(value) if isinstance(one, str)):
            yield Fault(f"{name} contains a NUL character", name)


def _misplaced(operation: str, modern: Mapping[str, Any]) -> Iterator[Fault]:
    taken = ALWAYS | TAKES[operation] | HARMLESS
    for name in modern:
        if name in ARGUMENTS and name not in taken:
            fix = MISSPLACED.get((operation, name), f"leave {name} out")
            yield Fault(f"{operation} takes no {name}", name, fix=fix)
    if modern.get("data") and "items" in modern:
        yield Fault("data and items cannot go together", "data", fix="put every entity into items")


def _data_faults(entity: EntityType, operation: str, modern: Mapping[str, Any]) -> Iterator[Fault]:
    if operation not in {"create", "update"}:
        return
    rows: list[tuple[str, Any]] = [("data", modern.get("data"))]
    items = modern.get("items")
    if isinstance(items, list):
        rows += [(f"items[{at}]", item) for at, item in enumerate(items)]
    for path, row in rows:
        if isinstance(row, dict):
            yield from _row_faults(entity, operation, path, row)


def _row_faults(
    entity: EntityType, operation: str, path: str, row: Mapping[str, Any]
) -> Iterator[Fault]:
    writable = {field.name: field for field in entity.writable(operation)}
    for name in row:
        if name not in writable:
            yield _unwritable(entity, f"{path}.{name}", name, writable)
    if operation == "create":
        for field in writable.values():
            if field.is_required and row.get(field.name) is None:
                yield Fault(f"{path}.{field.name} is missing", f"{path}.{field.name}", field.values)


def _unwritable(entity: EntityType, path: str, name: str, writable: Mapping[str, Field]) -> Fault:
    """Say why a field cannot be given here."""
    field = entity.fields.get(name)
    if field is None:
        return _unknown_field(path.rpartition(".")[0], name, writable)
    if field.write == "create":
        return Fault(f"{path} is set at creation and stays", path, fix=f"leave {name} out")
    if field.write == "update":
        fix = f"create it first, then update {name}"
        return Fault(f"{path} cannot be given at creation", path, fix=fix)
    return Fault(f"{path} is set by the server", path, fix=f"leave {name} out")


def _unknown_field(path: str, name: str, writable: Mapping[str, Field]) -> Fault:
    """Make the fault of an unknown field; where one was probably meant, with its allowed values."""
    near = nearest(name, writable)
    if near is None:
        return unknown("field", f"{path}.{name}", name, writable)
    values = writable[near].values
    allowed = f" Allowed: {listed(values)}." if values else ""
    message = f"unknown field {path}.{name}. Did you mean {path}.{near}?{allowed}"
    return Fault(message, f"{path}.{name}", values, f"{path}.{near}", f"use {path}.{near}")


def _filter_faults(entity: EntityType, modern: Mapping[str, Any]) -> Iterator[Fault]:
    filters = modern.get("filters")
    if isinstance(filters, dict):
        for name in filters:
            if name not in entity.filters:
                yield unknown(f"{entity.name} filter", f"filters.{name}", name, entity.filters)


def _missing(operation: str, modern: Mapping[str, Any]) -> Iterator[Fault]:
    for name in NEEDS.get(operation, ()):
        if name in modern or _is_given_otherwise(operation, name, modern):
            continue
        other = {"create": " (or items)", "read": " (or ids)"}.get(operation, "")
        yield Fault(f"{name}{other} is missing", name, fix=f"give {name}")


def _is_given_otherwise(operation: str, name: str, modern: Iterable[str]) -> bool:
    return (operation, name) in {("create", "data"), ("read", "entity_id")} and (
        {"create": "items", "read": "ids"}[operation] in modern
    )
