"""Names for entities and what they resolve to: keys, paths, UUIDs, exact titles.

A name is looked up exactly (but for case), never by likeness: what is near is a suggestion in an
error, and several hits are an error that lists them.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.postgrest import (
    Condition,
    any_of,
    equal,
    is_null,
    one_of,
    pairs,
    same_text,
)
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.uris import IN_PROJECT
from atoms_mcp.entities.values import as_uuid

ITEM_KEY = re.compile(r"([A-Z][A-Z0-9]{1,9})-([A-Z]{2,5})-([1-9][0-9]{0,11})")
MAX_NAME_CHARS = 300
# Names are compared again after the look-up, which may find a few rows too many.
LOOKED_AT = 25
# So many rows come back for many names at once, at most.
MAX_FOUND = 500

ORGANIZATION_COLUMNS = "id,slug,name,deleted_at"
PROJECT_COLUMNS = "id,key,name,organization_id,organization_slug,deleted_at"
ITEM_COLUMNS = "id,type,key,title,project_id,organization_id,document_id,deleted_at"


@dataclass(frozen=True, slots=True)
class Name:
    """How somebody names an entity.

    `kind` ``key`` is an item's key like VEH-REQ-12, ``plain`` anything else. `within` is the
    organization's slug where it was written in front ("acme/VEH").
    """

    kind: Literal["uuid", "key", "plain"]
    text: str
    within: str | None = None


def parse_name(given: str) -> Name:
    """Read a name; keys are read in any case."""
    text = given.strip()
    if as_uuid(text):
        return Name("uuid", str(uuid.UUID(text)))
    within, slash, rest = text.partition("/")
    # A title may contain a slash: only what looks like a path is read as one.
    if slash and re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", within) and rest.strip():
        inner = rest.strip()
        if ITEM_KEY.fullmatch(inner.upper()):
            return Name("key", inner.upper(), within.lower())
        if "/" not in inner:
            return Name("plain", inner, within.lower())
    if ITEM_KEY.fullmatch(text.upper()):
        return Name("key", text.upper())
    return Name("plain", text)


def project_of(key: str) -> str:
    """Give the project's key inside an item's key."""
    return key.partition("-")[0]


def plan_find_organization(name: Name) -> RestRequest:
    """Plan the look-up of an organization by UUID, slug or exact title."""
    if name.kind == "uuid":
        match = equal("id", name.text).pair()
    else:
        match = any_of(
            (equal("slug", name.text.lower()).branch(), same_text("name", name.text).branch())
        )
    return _look_up("organizations", ORGANIZATION_COLUMNS, (match,))


def plan_find_project(name: Name) -> RestRequest:
    """Plan the look-up of a project by UUID, key, slug or exact title."""
    if name.kind == "uuid":
        return _look_up("project_overview", PROJECT_COLUMNS, (equal("id", name.text).pair(),))
    branches = [
        equal("key", name.text.upper()).branch(),
        equal("slug", name.text.lower()).branch(),
        same_text("name", name.text).branch(),
    ]
    match = [any_of(branches)]
    if name.within:
        match.append(equal("organization_slug", name.within).pair())
    return _look_up("project_overview", PROJECT_COLUMNS, tuple(match))


def plan_find_item(name: Name, entity: EntityType | None, project_id: str | None) -> RestRequest:
    """Plan the look-up of an item by UUID or key, or by exact title within a project.

    A key is unique within an organization only; a title may occur many times.
    """
    conditions: list[Condition] = []
    if project_id:
        conditions.append(equal("project_id", project_id))
    if name.kind == "uuid":
        conditions.append(equal("id", name.text))
    elif name.kind == "key":
        conditions.append(equal("key", name.text))
    else:
        conditions += [same_text("title", name.text), is_null("deleted_at")]
        if entity is not None:
            conditions.append(equal("type", entity.name))
    return _look_up("items", ITEM_COLUMNS, pairs(conditions))


def plan_find_keys(keys: Sequence[str]) -> RestRequest:
    """Plan the look-up of many items by their keys at once, with their organizations."""
    return _find_many("items", f"{ITEM_COLUMNS},{IN_PROJECT}", "key", keys)


def plan_find_handles(entity: EntityType, names: Sequence[str]) -> RestRequest:
    """Plan the look-up of many projects by key, organizations by slug, or people by e-mail."""
    if entity.name == "project":
        return _find_many(
            "project_overview", PROJECT_COLUMNS, "key", [one.upper() for one in names]
        )
    column = entity.fields[entity.handle].column
    lowered = [one.lower() for one in names]
    return _find_many(entity.read_from, f"{entity.unique},{column}", column, lowered)


def _find_many(table: str, select: str, column: str, names: Sequence[str]) -> RestRequest:
    query = (("select", select), one_of(column, names).pair(), ("limit", str(MAX_FOUND)))
    return RestRequest("GET", table, query)


def plan_find_user(text: str) -> RestRequest:
    """Plan the look-up of a user by e-mail or exact name."""
    match = any_of((same_text("email", text).branch(), same_text("display_name", text).branch()))
    return _look_up("profiles", "id,email,display_name", (match,))


def plan_find_members(text: str, level: str, place_id: str) -> RestRequest:
    """Plan the look-up of a member of an organization or project by e-mail or UUID."""
    user = as_uuid(text)
    match = equal("user_id", user) if user else same_text("email", text)
    conditions = [equal("scope", level), equal(f"{level}_id", place_id), match]
    return _look_up("member_overview", "user_id,email", pairs(conditions))


def plan_some_projects() -> RestRequest:
    """Plan the look at a few projects of the user's, to name them in an error."""
    query = (
        ("select", "key,organization_slug"),
        is_null("deleted_at").pair(),
        ("order", "updated_at.desc,id.asc"),
        ("limit", "5"),
    )
    return RestRequest("GET", "project_overview", query)


def plan_place(level: str, place_id: str) -> RestRequest:
    """Plan the look-up of a place by its id, for its names and the places above it."""
    condition = (equal("id", place_id).pair(),)
    if level == "organization":
        return _look_up("organizations", ORGANIZATION_COLUMNS, condition)
    if level == "project":
        return _look_up("project_overview", PROJECT_COLUMNS, condition)
    return _look_up("items", ITEM_COLUMNS, condition)


def _look_up(table: str, select: str, filters: tuple[tuple[str, str], ...]) -> RestRequest:
    query = (("select", select), *filters, ("limit", str(LOOKED_AT)))
    return RestRequest("GET", table, query)


def best_matches(rows: Sequence[Mapping[str, Any]], text: str, ranked: Sequence[str]) -> list[Any]:
    """Give the rows that `text` names exactly but for case.

    The first of the `ranked` columns that matches decides: a key wins over a slug, and a slug
    over a title. Living rows win over deleted ones.
    """
    wanted = text.casefold()
    for column in ranked:
        same = [row for row in rows if str(row.get(column) or "").casefold() == wanted]
        living = [row for row in same if not row.get("deleted_at")]
        if same:
            return living or same
    return []
