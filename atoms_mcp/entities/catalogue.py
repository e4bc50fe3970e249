"""The entity types as data: which there are, their fields, operations, filters and words.

`load_catalogue` reads ``atoms.toml`` beside this file and refuses one that contradicts itself.
Nothing here says who may do what: that is the database's alone.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from atoms_mcp.errors import ConfigError

OPERATIONS = ("list", "read", "search", "history", "create", "update", "delete", "restore")
WRITES = frozenset({"create", "update", "delete", "restore"})
# What can hold entities, from the widest place to the narrowest.
PARENT_LEVELS = ("organization", "project", "document", "requirement")

Kind = Literal["id", "text", "long", "choice", "texts", "integer", "object", "time", "user", "item"]
KINDS = frozenset(Kind.__args__)  # type: ignore[attr-defined] # a Literal has its members there
Match = Literal["any", "overlap", "same", "after", "before", "user", "item", "deleted"]
MATCHES = frozenset(Match.__args__)  # type: ignore[attr-defined] # as above


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type, as callers name it; `column` is where it is stored.

    `least` and `most` bound the characters of a text (of each one, for `texts`), the value of an
    integer, and the bytes of an object's JSON. `values` are the allowed ones where they are closed.
    `write` says where it may be given. `is_overview` marks what only the type's view computes.
    """

    name: str
    kind: Kind
    column: str
    help: str
    values: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    write: Literal["", "create", "update", "both"] = ""
    is_required: bool = False
    is_brief: bool = False
    is_overview: bool = False
    is_nullable: bool = False
    refers: str | None = None
    also: tuple[str, ...] = ()

    def is_writable(self, operation: str) -> bool:
        """Tell whether `operation` (create or update) may set it."""
        return self.write in {operation, "both"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a type; `values` are the allowed ones where they are a closed set."""

    name: str
    match: Match
    column: str
    values: tuple[str, ...] = ()
    refers: str | None = None


@dataclass(frozen=True, slots=True)
class Include:
    """What a read can bring along: the entities of `type` whose column `by` names this one."""

    name: str
    type: str
    by: str


@dataclass(frozen=True, slots=True)
class EntityType:
    """One type. `read_from` is a table or view, `write_to` the table that takes changes, if any."""

    name: str
    plural: str
    about: str
    read_from: str
    write_to: str
    handle: str
    handle_help: str
    operations: tuple[str, ...]
    parents: tuple[str, ...]
    fields: Mapping[str, Field]
    filters: Mapping[str, Filter]
    sorts: Mapping[str, str]
    default_sort: str
    inside_sort: str
    includes: Mapping[str, Include]
    instead: Mapping[str, str]
    constraints: Mapping[str, str]
    search_in: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    unique: str = "id"
    lives_in: str | None = None
    create_by: str | None = None
    is_registered: bool = False
    is_batch: bool = False
    is_delete_confirmed: bool = False
    is_delete_asked: bool = False

    def writable(self, operation: str) -> tuple[Field, ...]:
        """Give the fields that `operation` (create or update) may set."""
        return tuple(field for field in self.fields.values() if field.is_writable(operation))

    def aliases(self) -> dict[str, str]:
        """Give other spellings of field names and what they stand for."""
        return {other: field.name for field in self.fields.values() for other in field.also}

    @property
    def is_placed(self) -> bool:
        """Whether its rows are of one place only, so that a list has to say which."""
        return bool(self.parents) and not self.create_by

    def by_column(self, column: str) -> Field | None:
        """Give the field that is stored in `column`, or None."""
        return next((field for field in self.fields.values() if field.column == column), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All types by name, in the order in which they are listed."""

    types: Mapping[str, EntityType]

    def __getitem__(self, name: str) -> EntityType:
        """Give the type called `name`, which must be known."""
        return self.types[name]

    def fields_named(self, name: str) -> Iterator[tuple[EntityType, Field]]:
        """Give every (type, field) where the field has this name and can be written."""
        for entity in self.types.values():
            field = entity.fields.get(name)
            if field is not None and field.write:
                yield entity, field


def load_catalogue() -> Catalogue:
    """Read the built-in catalogue."""
    text = resources.files(__package__).joinpath("atoms.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from TOML.

    Raises:
        ConfigError: with every contradiction found in it.
    """
    tables = tomllib.loads(text)
    shared = tables.pop("shared", {})
    types = {name: _entity_type(name, table, shared) for name, table in tables.items()}
    faults = [fault for entity in types.values() for fault in _faults(entity, types)]
    if faults:
        raise ConfigError(faults)
    return Catalogue(MappingProxyType(types))


def _entity_type(name: str, table: Mapping[str, Any], shared: Mapping[str, Any]) -> EntityType:
    fields = {key: _field(key, shared.get(key, {}) | spec) for key, spec in table["fields"].items()}
    sorts = dict(table["sorts"])
    default_sort = sorts.pop("default")
    inside_sort = sorts.pop("inside", default_sort)
    return EntityType(
        name=name,
        plural=table["plural"],
        about=table["about"],
        read_from=table["read_from"],
        write_to=table.get("write_to", ""),
        handle=table["handle"],
        handle_help=table["handle_help"],
        operations=tuple(table["operations"]),
        parents=tuple(table["parents"]),
        fields=MappingProxyType(fields),
        filters=MappingProxyType(
            {key: _filter(key, spec, fields) for key, spec in table["filters"].items()}
        ),
        sorts=MappingProxyType(sorts),
        default_sort=default_sort,
        inside_sort=inside_sort,
        includes=MappingProxyType(
            {key: Include(key, **spec) for key, spec in table.get("includes", {}).items()}
        ),
        instead=MappingProxyType(table.get("instead", {})),
        search_in=tuple(table.get("search_in", ())),
        holds=tuple(table.get("holds", ())),
        unique=table.get("unique", "id"),
        constraints=MappingProxyType(table.get("constraints", {})),
        lives_in=table.get("lives_in"),
        create_by=table.get("create_by"),
        is_registered=table.get("registered", False),
        is_batch=table.get("batch", False),
        is_delete_confirmed=table.get("confirm_delete", False),
        is_delete_asked=table.get("ask_delete", False),
    )


def _field(name: str, spec: Mapping[str, Any]) -> Field:
    return Field(
        name=name,
        kind=spec["kind"],
        column=spec.get("column", name),
        help=spec.get("help", ""),
        values=tuple(spec.get("values", ())),
        least=spec.get("min", 0),
        most=spec.get("max"),
        write=spec.get("write", ""),
        is_required=spec.get("required", False),
        is_brief=spec.get("brief", False),
        is_overview=spec.get("overview", False),
        is_nullable=spec.get("nullable", False),
        refers=spec.get("refers"),
        also=tuple(spec.get("also", ())),
    )


def _filter(name: str, spec: Mapping[str, Any], fields: Mapping[str, Field]) -> Filter:
    field = fields.get(name)
    default = field.column if field else ("deleted_at" if spec["match"] == "deleted" else name)
    return Filter(
        name=name,
        match=spec["match"],
        column=spec.get("column", default),
        values=field.values if field else (),
        refers=spec.get("refers"),
    )


def _faults(entity: EntityType, types: Mapping[str, EntityType]) -> Iterator[str]:
    """Name what the tables of one type say against each other."""
    for field in entity.fields.values():
        yield from _field_faults(f"{entity.name}.fields.{field.name}", field, types)
    yield from _column_faults(entity)
    yield from _place_faults(entity, types)
    yield from _operation_faults(entity)


def _field_faults(path: str, field: Field, types: Mapping[str, EntityType]) -> Iterator[str]:
    if field.kind not in KINDS:
        yield f"{path}: unknown kind {field.kind}"
    if field.kind == "choice" and not field.values:
        yield f"{path}: a choice needs values"
    if field.kind == "item" and field.refers not in types:
        yield f"{path}: refers must name a type"


def _column_faults(entity: EntityType) -> Iterator[str]:
    """Name filters and sorts that stand on no field."""
    known = {field.column for field in entity.fields.values()}
    for item in entity.filters.values():
        if item.match not in MATCHES:
            yield f"{entity.name}.filters.{item.name}: unknown match {item.match}"
        if item.column not in known:
            yield f"{entity.name}.filters.{item.name}: no field has the column {item.column}"
    for name, column in entity.sorts.items():
        if column not in known:
            yield f"{entity.name}.sorts.{name}: no field has the column {column}"
    for sort in (entity.default_sort, entity.inside_sort):
        if sort.removeprefix("-") not in entity.sorts:
            yield f"{entity.name}.sorts: {sort} is not one of them"


def _place_faults(entity: EntityType, types: Mapping[str, EntityType]) -> Iterator[str]:
    for parent in entity.parents:
        if parent not in PARENT_LEVELS or parent not in types:
            yield f"{entity.name}.parents: {parent} cannot hold anything"
    if entity.lives_in is not None and entity.lives_in not in entity.parents:
        yield f"{entity.name}.lives_in: {entity.lives_in} is not one of parents"
    for include in entity.includes.values():
        if include.type not in types:
            yield f"{entity.name}.includes.{include.name}: {include.type} is not a type"


def _operation_faults(entity: EntityType) -> Iterator[str]:
    for operation in OPERATIONS:
        if (operation in entity.operations) == (operation in entity.instead):
            yield f"{entity.name}: {operation} must be offered, or be one of instead, not both"
    if WRITES & set(entity.operations) and not entity.write_to:
        yield f"{entity.name}: changes need write_to"
    if entity.handle not in entity.fields:
        yield f"{entity.name}: handle {entity.handle} is not a field"
