"""Finding where a call works: what `parent` names, or the place that the user keeps as default."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import PARENT_LEVELS, EntityType
from atoms_mcp.entities.failures import MAX_CANDIDATES, not_found
from atoms_mcp.entities.faults import shown
from atoms_mcp.entities.plan_find import (
    Name,
    best_matches,
    parse_name,
    plan_find_item,
    plan_find_organization,
    plan_find_project,
    plan_place,
    plan_some_projects,
    project_of,
)
from atoms_mcp.entities.plan_write import plan_get_context
from atoms_mcp.entities.scope import DEFAULT, EVERYTHING, Scope
from atoms_mcp.entities.suggest import either, listed, with_article
from atoms_mcp.entities.values import as_uuid
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.choices import choose
from atoms_mcp.tools.desk import Desk, Row

# The ids of the project and of the organization in which something lies.
Within = tuple[str | None, str | None]


async def find_scope(desk: Desk, call: Call) -> Scope:
    """Give the place that a list, search or creation works in.

    An explicit parent wins. Without one the user's default holds where the type needs a place;
    what needs none is then looked for everywhere.

    Raises:
        ToolError: the parent is unknown, ambiguous, of no use here, or missing.
    """
    levels = call.entity.parents
    is_search = call.operation == "search"
    if is_search and call.entity.is_registered:
        levels = ("organization", *levels)
    needed = call.operation == "create" or call.entity.is_placed
    given = (call.parent or "").strip()
    if given == EVERYTHING and (is_search or not needed):
        return Scope()
    if given and given != DEFAULT:
        return await find_place(desk, given, levels, call.entity)
    if not levels or (not needed and given != DEFAULT):
        return Scope()
    kept = narrowed(await kept_scope(desk), levels)
    if kept is not None:
        return kept
    if is_search and call.entity.is_registered and not given:
        return Scope()
    raise await _missing_parent(desk, call.entity)


async def find_place(
    desk: Desk,
    given: str,
    levels: Sequence[str],
    entity: EntityType | None = None,
    *,
    field: str = "parent",
) -> Scope:
    """Give the place that `given` names, one of `levels`; `field` is the argument that named it.

    Raises:
        ToolError: as `find_scope`.
    """
    if not levels:
        raise ToolError(
            "invalid_argument",
            f"{with_article(entity.name if entity else 'it')} stands in no other place.",
            fix=f"leave {field} out.",
            details={"field": field},
        )
    places = await find_places(desk, given, levels, field=field)
    if not places:
        raise ToolError(
            "not_found",
            f"there is no {either(levels)} {shown(given)} that you can see.",
            fix=f"name one that you can see{await _known_places(desk, levels)}; "
            "workspace_tool list_workspaces shows all.",
            details={"field": field, "entity_id": given},
        )
    (place,) = places
    if place.level not in levels:
        raise ToolError(
            "invalid_argument",
            f"{field} {shown(given)} is {with_article(str(place.level))}, "
            f"and {with_article(either(levels))} is needed.",
            fix=f"name {with_article(either(levels))} as {field}.",
            details={"field": field},
        )
    return place


async def find_places(
    desk: Desk, given: str, levels: Sequence[str], *, field: str = "parent"
) -> list[Scope]:
    """Give the place that `given` names, or none; it may be of another level, if it is an item.

    Raises:
        ToolError: ``ambiguous``.
    """
    places = await _candidates(desk, parse_name(given), levels)
    if len(places) > 1:
        within = [(place.project_id, place.organization_id) for place in places]
        at = await find_preferred(desk, within)
        places = places if at is None else [replace(places[at], is_default=True)]
    if len(places) > 1:
        named = _told_apart(places)
        rows = [{"entity_id": name, "type": place.level} for name, place in named.items()]
        places = [named[await choose(desk, field, "places", given, rows)]]
    return places


def _told_apart(places: Sequence[Scope]) -> dict[str, Scope]:
    """Give places by their labels, or by their ids where two have the same label."""
    labels = [place.label for place in places]
    return {
        str(place.id if labels.count(place.label) > 1 else place.label): place for place in places
    }


async def _candidates(desk: Desk, name: Name, levels: Sequence[str]) -> list[Scope]:
    if name.kind == "uuid":
        return await _by_uuid(desk, name, levels)
    if name.kind == "key":
        return [_item_place(row, name) for row in await find_items(desk, name)]
    outer = [level for level in levels if level in _LOOK_UPS]
    found = await asyncio.gather(*(_LOOK_UPS[level](desk, name) for level in outer))
    places = [place for some in found for place in some]
    # "ACME" is a project's key and "acme" an organization's slug: the exact spelling decides.
    exact = [place for place in places if (place.label or "").rpartition("/")[2] == name.text]
    places = exact if len(exact) == 1 else places
    if not places and "document" in levels:
        places = await _documents_titled(desk, name)
    return places


async def _by_uuid(desk: Desk, name: Name, levels: Sequence[str]) -> list[Scope]:
    """Find what a UUID is; where only one kind of place is possible it needs no look-up."""
    if len(levels) == 1:
        return [_place(levels[0], name.text, name.text)]
    inner = [level for level in levels if level in {"document", "requirement"}]
    if inner:
        rows = await desk.rows(plan_find_item(name, None, None))
        if rows:
            return [_item_place(row, name) for row in rows if row["type"] in PARENT_LEVELS]
    outer = [level for level in levels if level in _LOOK_UPS]
    if len(outer) == 1:
        return [_place(outer[0], name.text, name.text)]
    found = await asyncio.gather(*(_LOOK_UPS[level](desk, name) for level in outer))
    return [place for some in found for place in some]


def _place(level: str, place_id: str, label: str) -> Scope:
    ids = {f"{level}_id": place_id}
    return Scope(
        level=level,
        label=label,
        organization_id=ids.get("organization_id"),
        project_id=ids.get("project_id"),
        document_id=ids.get("document_id"),
        requirement_id=ids.get("requirement_id"),
    )


async def _organizations(desk: Desk, name: Name) -> list[Scope]:
    if name.within:
        return []
    rows = await desk.rows(plan_find_organization(name))
    if name.kind != "uuid":
        rows = best_matches(rows, name.text, ("slug", "name"))
    return [_place("organization", row["id"], row["slug"]) for row in rows]


async def _projects(desk: Desk, name: Name) -> list[Scope]:
    rows = await desk.rows(plan_find_project(name))
    if name.kind != "uuid":
        rows = best_matches(rows, name.text, ("key", "slug", "name"))
    return [project_place(row) for row in rows]


_LOOK_UPS = {"organization": _organizations, "project": _projects}


def project_place(row: Row) -> Scope:
    """Give the place of a project's row of the overview."""
    return Scope(
        level="project",
        label=f"{row['organization_slug']}/{row['key']}",
        organization_id=row["organization_id"],
        project_id=row["id"],
    )


def _item_place(row: Row, name: Name) -> Scope:
    label = row["key"] or row["id"]
    is_requirement = row["type"] == "requirement"
    return Scope(
        level=row["type"],
        label=f"{name.within}/{label}" if name.within else label,
        organization_id=row["organization_id"],
        project_id=row["project_id"],
        document_id=row["document_id"] if is_requirement else row["id"],
        requirement_id=row["id"] if is_requirement else None,
    )


async def find_items(
    desk: Desk, name: Name, entity: EntityType | None = None, project_id: str | None = None
) -> list[Row]:
    """Give the items that a key, UUID or title names; a slug in front narrows to its project."""
    if name.within and name.kind == "key":
        inner = Name("plain", project_of(name.text), name.within)
        projects = best_matches(await desk.rows(plan_find_project(inner)), inner.text, ("key",))
        if not projects:
            return []
        project_id = projects[0]["id"]
    rows = await desk.rows(plan_find_item(name, entity, project_id))
    return best_matches(rows, name.text, ("title",)) if name.kind == "plain" else rows


async def _documents_titled(desk: Desk, name: Name) -> list[Scope]:
    """Find a document by its exact title, in the project that the user keeps as default."""
    kept = narrowed(await kept_scope(desk), ("project",))
    if kept is None:
        return []
    rows = await find_items(desk, name, desk.catalogue["document"], kept.project_id)
    return [replace(_item_place(row, name), is_default=True) for row in rows]


async def find_preferred(desk: Desk, within: Sequence[Within]) -> int | None:
    """Among things of one name give which is the one in the default project or organization."""
    kept = await kept_scope(desk)
    wanted = (kept.project_id, kept.organization_id) if kept else (None, None)
    for at, place_id in enumerate(wanted):
        same = [one for one, ids in enumerate(within) if place_id and ids[at] == place_id]
        if len(same) == 1:
            return same[0]
    return None


async def check_place(desk: Desk, scope: Scope) -> None:
    """Refuse a place that was taken at its UUID's word and is not there.

    Raises:
        ToolError: ``not_found``.
    """
    if scope.level and scope.id and as_uuid(scope.label or ""):
        level = scope.level if scope.level in {"organization", "project"} else "item"
        if not await desk.rows(plan_place(level, scope.id)):
            raise not_found(desk.catalogue[scope.level], scope.id)


async def kept_scope(desk: Desk) -> Scope | None:
    """Give the user's default place, as narrow as it is; None where there is none in sight."""
    rows = await desk.rows(plan_get_context(desk.user_id))
    return read_context(rows[0]) if rows else None


def read_context(row: Row) -> Scope | None:
    """Read a row of user_context with its places; those out of sight or deleted do not count."""
    organization, project = _seen(row, "organizations"), _seen(row, "projects")
    document = _seen(row, "documents")
    if not organization:
        return None
    scope = Scope(
        level="organization",
        label=organization["slug"],
        organization_id=row["organization_id"],
        is_default=True,
    )
    if project:
        label = f"{organization['slug']}/{project['key']}"
        scope = replace(scope, level="project", label=label, project_id=row["project_id"])
    if project and document:
        label = f"{organization['slug']}/{document['key']}"
        scope = replace(scope, level="document", label=label, document_id=row["document_id"])
    return scope


def _seen(row: Row, table: str) -> Row | None:
    place: Row | None = row.get(table)
    return place if place and not place.get("deleted_at") else None


def narrowed(scope: Scope | None, levels: Iterable[str]) -> Scope | None:
    """Give the narrowest place of `levels` that `scope` is or lies in."""
    if scope is None or scope.level is None:
        return None
    wanted = set(levels)
    if scope.level in wanted:
        return scope
    slug, _, key = (scope.label or "").partition("/")
    if scope.level == "document" and "project" in wanted:
        label = f"{slug}/{project_of(key)}"
        return replace(scope, level="project", label=label, document_id=None)
    if "organization" in wanted:
        return Scope("organization", slug, scope.organization_id, is_default=True)
    return None


async def _missing_parent(desk: Desk, entity: EntityType) -> ToolError:
    known = await _known_places(desk, entity.parents)
    levels = either(entity.parents)
    return ToolError(
        "invalid_argument",
        f"parent is missing: {entity.plural} live in {with_article(levels)}, "
        "and you keep no default.",
        fix=f"give parent{known}, or set a default with workspace_tool set_context.",
        details={"field": "parent"},
    )


async def _known_places(desk: Desk, levels: Sequence[str]) -> str:
    """Name a few places that would do, for a fix."""
    if "project" not in levels and "organization" not in levels:
        return " (a key like VEH-DOC-1; list the documents of a project)"
    rows = await desk.rows(plan_some_projects())
    labels = [f"{row['organization_slug']}/{row['key']}" for row in rows]
    if "project" not in levels:
        labels = list(dict.fromkeys(row["organization_slug"] for row in rows))
    return f" (like {listed(labels[:MAX_CANDIDATES])})" if labels else ""
