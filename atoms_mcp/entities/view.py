"""Rows as a reader should see them: catalogue names, cleaned text, no nulls, ids as names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.text import clean, clean_all

Row = Mapping[str, Any]
Item = dict[str, Any]
NO_NAMES: Mapping[str, str] = MappingProxyType({})
# What a revision names although it is nobody's field.
UNSHOWN = frozenset({"organization_id", "project_id", "content_version", "deleted_by"})


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Ids in rows that want a look-up before they are shown."""

    users: frozenset[str]
    items: frozenset[str]


def find_unnamed(entity: EntityType, rows: Iterable[Row], chosen: Iterable[str]) -> Unnamed:
    """Give the ids of users and items that the chosen fields of `rows` hold."""
    ids: dict[str, set[str]] = {"user": set(), "item": set()}
    fields = [entity.fields[name] for name in chosen]
    for row in rows:
        for field in fields:
            if field.kind in ids and row.get(field.column):
                ids[field.kind].add(row[field.column])
    return Unnamed(frozenset(ids["user"]), frozenset(ids["item"]))


def render(
    entity: EntityType, row: Row, chosen: Iterable[str], names: Mapping[str, str] = NO_NAMES
) -> Item:
    """Give one entity; `names` are what ids of users and items stand for.

    What has no value is left out, and so is an empty list or object.
    """
    item: Item = {}
    for name in chosen:
        field = entity.fields[name]
        value = row.get(field.column)
        if value is None or value in ([], {}):
            continue
        if field.kind == "time":
            item[name] = to_seconds(value)
        elif field.kind in {"user", "item"}:
            item[name] = clean(names.get(value, value))
        else:
            item[name] = clean_all(value)
    return item


def as_text(value: object) -> str:
    """Give a value as text: JSON where it is none."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def handle_of(entity: EntityType, row: Row) -> str:
    """Give what names the entity in a sentence and in the next call."""
    return clean(str(row.get(entity.fields[entity.handle].column) or row.get(entity.unique)))


def to_seconds(moment: str) -> str:
    """Give a time, as PostgREST prints it ("2026-11-23T14:05:00.123+00:00"), to the second."""
    head, _, tail = moment.partition(".")
    if tail.endswith("+00:00") or (not tail and head.endswith("+00:00")):
        return f"{head.removesuffix('+00:00')}Z"
    return moment


def render_revision(entity: EntityType, row: Row, names: Mapping[str, str] = NO_NAMES) -> Item:
    """Give one revision; its values after the change are there where its snapshot was read."""
    actor = row.get("actor_email") or names.get(row.get("actor") or "", row.get("actor"))
    changed = changed_names(entity, row["changed_fields"])
    item: Item = {"version": row["version"], "op": row["op"], "at": to_seconds(row["at"])}
    if actor:
        item["by"] = clean(actor)
    if changed and row["op"] == "update":
        item["changed"] = changed
    if row.get("via"):
        item["via"] = clean(row["via"])
    if snapshot := row.get("snapshot"):
        shown = changed if row["op"] == "update" else _known_names(entity)
        item["values"] = render(entity, snapshot, shown, names)
    return item


def _known_names(entity: EntityType) -> list[str]:
    """Give what a caller could have set, or what names the entity."""
    fields = entity.fields.values()
    return [field.name for field in fields if field.write or field.name == entity.handle]


def changed_names(entity: EntityType, columns: Sequence[str]) -> list[str]:
    """Give the names of changed columns as fields, in their order; what is no field stays out."""
    fields = (entity.by_column(column) for column in columns if column not in UNSHOWN)
    return [field.name for field in fields if field is not None]
