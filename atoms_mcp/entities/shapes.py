"""JSON Schemas made of the catalogue: what the tools take, and what one type takes.

The tools' schemas are flat at the root (no oneOf, anyOf or allOf: several model APIs refuse them)
and small, because every listing pays for them. The exact schema of one type is asked for by
``workspace_tool describe``.

Source: JSON Schema 2020-12; MCP 2026-07-28, tools.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from atoms_mcp.entities import workspace_arguments
from atoms_mcp.entities.arguments import ALWAYS, TAKES
from atoms_mcp.entities.call import COMMON_INCLUDES, MAX_BATCH, includes
from atoms_mcp.entities.catalogue import OPERATIONS, Catalogue, EntityType, Field, Filter

Schema = dict[str, Any]
TYPES: Mapping[str, Any] = MappingProxyType(
    {
        "id": "string",
        "text": "string",
        "long": "string",
        "choice": "string",
        "integer": "integer",
        "object": "object",
        "time": "string",
        "user": "string",
        "item": "string",
    }
)
# A `type` of several names is understood by fewer clients than alternatives inside a property.
ONE_OR_MORE = MappingProxyType(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)
FILTER_WORDS = MappingProxyType(
    {
        "any": "text, or a list of texts",
        "overlap": "text, or a list of texts: any of them",
        "same": "the exact text, in any case",
        "after": "a date or time",
        "before": "a date or time",
        "user": 'e-mail, UUID or "me"',
        "item": "key or UUID",
        "deleted": "true: deleted ones alone",
    }
)
OUTPUT: Schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def entity_input(catalogue: Catalogue, operations: Collection[str] = OPERATIONS) -> Schema:
    """Give the input schema of entity_tool, with what these operations take."""
    properties = {
        "operation": {"type": "string", "enum": list(operations)},
        "entity_type": {"type": "string", "enum": list(catalogue.types)},
        **_naming(),
        **_giving(catalogue),
        **_choosing(catalogue),
        **_guarding(),
    }
    taken = ALWAYS.union(*(TAKES[operation] for operation in operations))
    used = {name: schema for name, schema in properties.items() if name in taken}
    return _closed(used, ["operation", "entity_type"])


def _text(description: str, limit: int | None = None) -> Schema:
    text: Schema = {"type": "string", "minLength": 1}
    return text | ({"maxLength": limit} if limit else {}) | {"description": description}


def _naming() -> Schema:
    return {
        "entity_id": _text(
            "Which one: key (VEH-REQ-12, VEH), organization slug, UUID, e-mail or "
            '"me" for people; or the exact title within parent. From list, search or create.',
            400,
        ),
        "ids": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 400},
            "minItems": 1,
            "maxItems": 50,
            "description": "read: several keys or UUIDs at once.",
        },
        "parent": _text(
            "Where: organization slug, project key (VEH or acme/VEH), document key "
            "(VEH-DOC-1), requirement key for its children. Default: your set_context place. "
            '"*" searches everywhere.',
            400,
        ),
    }


def _giving(catalogue: Catalogue) -> Schema:
    return {
        "data": {
            "type": "object",
            "additionalProperties": False,
            "properties": _data(catalogue),
            "description": "Fields to create or update; null clears a field.",
        },
        "items": {
            "type": "array",
            "items": {"type": "object"},
            "minItems": 1,
            "maxItems": MAX_BATCH,
            "description": "create: up to 1000 at once, each like data; all are stored or none, "
            "over 100 in steps of 100: then give client_token.",
        },
    }


def _choosing(catalogue: Catalogue) -> Schema:
    return {
        "filters": {
            "type": "object",
            "additionalProperties": False,
            "properties": _filters(catalogue),
            "description": "All must hold; a list means any of.",
        },
        "query": _text('search: words, "exact words", or, -not; a key finds its item.', 1000),
        "fields": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Only these fields (see workspace_tool describe).",
        },
        "format": {
            "type": "string",
            "enum": ["concise", "full"],
            "description": "Default: concise in lists, full in read.",
        },
        "include": {
            "type": "array",
            "items": {"type": "string", "enum": _includes(catalogue)},
            "description": "list: total. read: counts, history, or what lives in it.",
        },
        "sort": {"type": "string", "enum": _sorts(catalogue)},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "cursor": _text("page.next_cursor of the answer before, same arguments."),
    }


def _guarding() -> Schema:
    return {
        "expected_version": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2147483647,
            "description": "version you read; refused with conflict if it changed since. Advised.",
        },
        "client_token": _text(
            "create: your own unique text; a retry with it creates nothing twice.", 200
        ),
        "dry_run": {
            "type": "boolean",
            "description": "Check a write and say what it would do; write nothing.",
        },
        "confirm": _text(
            "Deleting an organization or project: its slug or key, once more; a "
            "client that can ask its user is asked instead."
        ),
    }


def _closed(properties: Schema, required: Iterable[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _data(catalogue: Catalogue) -> Schema:
    """Give the union of writable fields, each with the types that take it."""
    names = dict.fromkeys(
        field.name
        for entity in catalogue.types.values()
        for field in entity.fields.values()
        if field.write
    )
    return {name: _united(list(catalogue.fields_named(name))) for name in names}


def _united(fields: list[tuple[EntityType, Field]]) -> Schema:
    """Give one schema for a field of one name in several types."""
    schema = _typed(fields[0][1], is_nullable=any(field.is_nullable for _, field in fields))
    values = dict.fromkeys(value for _, field in fields for value in field.values)
    if values and fields[0][1].kind == "choice":
        schema["enum"] = list(values)
    takers = ", ".join(entity.name for entity, _ in fields)
    words = fields[0][1].help if len({field.help for _, field in fields}) == 1 else ""
    schema["description"] = f"{takers}. {words}".strip()
    return schema


def _typed(field: Field, *, is_nullable: bool) -> Schema:
    if field.kind == "texts":
        return {"type": "array", "items": {"type": "string"}}
    kind = TYPES[field.kind]
    return {"anyOf": [{"type": kind}, {"type": "null"}]} if is_nullable else {"type": kind}


def _filters(catalogue: Catalogue) -> Schema:
    found: Schema = {}
    for entity in catalogue.types.values():
        for item in entity.filters.values():
            if item.match == "deleted":
                found[item.name] = {"type": "boolean"}
            elif item.match in {"after", "before"}:
                found[item.name] = {"type": "string", "format": "date-time"}
            else:
                found[item.name] = dict(ONE_OR_MORE)
    for name in ("created_by", "updated_by"):
        found[name]["description"] = 'e-mail, UUID or "me"'
    found["deleted"]["description"] = "true: deleted ones alone"
    return found


def _includes(catalogue: Catalogue) -> list[str]:
    common = dict.fromkeys(name for names in COMMON_INCLUDES.values() for name in names)
    own = (name for entity in catalogue.types.values() for name in entity.includes)
    return list(dict.fromkeys((*common, *own)))


def _sorts(catalogue: Catalogue) -> list[str]:
    names = dict.fromkeys(name for entity in catalogue.types.values() for name in entity.sorts)
    return [f"{sign}{name}" for name in names for sign in ("", "-")]


def workspace_input(
    catalogue: Catalogue, operations: Collection[str] = workspace_arguments.OPERATIONS
) -> Schema:
    """Give the input schema of workspace_tool, with these operations."""
    properties: Schema = {
        "operation": {"type": "string", "enum": list(operations)},
        "entity_id": _text(
            "set_context: the place to work in by default: organization slug, "
            "project key (VEH or acme/VEH), document key or UUID. describe: the place your rights "
            "are told for.",
            400,
        ),
        "entity_type": {
            "type": "string",
            "enum": list(catalogue.types),
            "description": "describe: the type. set_context: what kind of place entity_id is, "
            "if it could be several.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "cursor": _text("list_workspaces: page.next_cursor of the answer before."),
    }
    return _closed(properties, ["operation"])


def type_schema(entity: EntityType) -> Schema:
    """Give the exact schema of `data` for one type; what is required is so at creation alone."""
    fields = [field for field in entity.fields.values() if field.write]
    required = [field.name for field in fields if field.is_required]
    return _closed({field.name: _exact(field) for field in fields}, required)


def _exact(field: Field) -> Schema:
    schema = _typed(field, is_nullable=field.is_nullable)
    if field.kind == "texts":
        if field.values:
            schema["items"] = {"type": "string", "enum": list(field.values)}
    elif field.values:
        schema["enum"] = list(field.values)
    elif field.kind in {"text", "long"}:
        schema |= {"minLength": field.least} if field.least else {}
        schema |= {"maxLength": field.most} if field.most else {}
    elif field.kind == "integer" and field.most:
        schema |= {"minimum": field.least, "maximum": field.most}
    return schema | {"description": field.help}


def describe_type(entity: EntityType) -> dict[str, Any]:
    """Tell all that can be asked of one type."""
    fields = entity.fields.values()
    described: dict[str, Any] = {
        "about": entity.about,
        "entity_id": entity.handle_help,
        "operations": list(entity.operations),
        "instead": dict(entity.instead),
        "parent": list(entity.parents),
        "data": type_schema(entity) if entity.write_to else {},
        "at_creation_only": [field.name for field in fields if field.write == "create"],
        "by_update_only": [field.name for field in fields if field.write == "update"],
        "read_only": [field.name for field in fields if not field.write],
        "filters": {name: _taken(item) for name, item in entity.filters.items()},
        "sort": {"fields": list(entity.sorts), "default": entity.default_sort},
        "include": {name: list(includes(entity, name)) for name in ("list", "read")},
    }
    if entity.inside_sort != entity.default_sort:
        described["sort"]["default_in_a_document"] = entity.inside_sort
    return {name: value for name, value in described.items() if value}


def _taken(item: Filter) -> list[str] | str:
    """Say what a filter takes."""
    return list(item.values) or FILTER_WORDS[item.match]
