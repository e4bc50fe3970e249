"""Finding the one entity that `entity_id` names, by key, UUID or exact title, never by likeness."""

from dataclasses import dataclass

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.failures import not_found, wrong_type
from atoms_mcp.entities.plan_find import (
    Name,
    best_matches,
    parse_name,
    plan_find_members,
    plan_find_user,
    plan_place,
)
from atoms_mcp.entities.scope import DEFAULT, Scope
from atoms_mcp.entities.suggest import either, with_article
from atoms_mcp.entities.text import one_line
from atoms_mcp.entities.values import as_uuid
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.choices import MAX_CHOICES, choose
from atoms_mcp.tools.desk import Desk, Row
from atoms_mcp.tools.places import (
    find_items,
    find_place,
    find_places,
    find_preferred,
    kept_scope,
    narrowed,
)

ME = "me"


@dataclass(frozen=True, slots=True)
class Target:
    """The entity meant. `handle` names it in sentences; the ids of its places where known.

    `default` is the label of the default place where that decided which entity is meant.
    """

    id: str
    handle: str
    organization_id: str | None = None
    project_id: str | None = None
    default: str | None = None


async def find_target(desk: Desk, call: Call) -> Target:
    """Find the entity that the call is about; a UUID is taken as it is, without a look-up.

    Raises:
        ToolError: ``not_found``, ``ambiguous``, or ``invalid_argument``.
    """
    entity, given = call.entity, (call.entity_id or "").strip()
    if entity.name == "profile":
        return await _find_user(desk, entity, given)
    if entity.name == "member":
        return await _find_member(desk, call, given)
    if given == DEFAULT:
        return await _kept_target(desk, entity)
    if entity.is_registered:
        return await _find_item(desk, call, given)
    return await _find_tenant(desk, entity, given)


async def find_user_id(desk: Desk, given: str) -> str:
    """Give the id of the user that `given` names: me, an e-mail, a UUID or an exact name.

    Raises:
        ToolError: ``not_found`` or ``ambiguous``.
    """
    return (await _find_user(desk, desk.catalogue["profile"], given.strip())).id


async def _find_user(desk: Desk, entity: EntityType, given: str) -> Target:
    if given.casefold() in {ME, DEFAULT}:
        return Target(desk.user_id, desk.context.caller.email or desk.user_id)
    if user_id := as_uuid(given):
        return Target(user_id, given)
    rows = await desk.rows(plan_find_user(given))
    rows = best_matches(rows, given, ("email", "display_name"))
    return await _only(
        desk, entity, given, [Target(row["id"], row["email"] or row["id"]) for row in rows]
    )


async def _find_member(desk: Desk, call: Call, given: str) -> Target:
    if given.casefold() == ME:
        given = desk.user_id
    if call.parent and call.parent != DEFAULT:
        place = await find_place(desk, call.parent, call.entity.parents)
    else:
        place = await _default_place(desk, call.entity)
    assert place.level is not None  # noqa: S101 - a place that was found has one
    assert place.id is not None  # noqa: S101 - and an id
    rows = await desk.rows(plan_find_members(given, place.level, place.id))
    targets = [
        Target(
            row["user_id"],
            row["email"] or row["user_id"],
            place.organization_id,
            place.project_id,
            place.label,
        )
        for row in rows
        if as_uuid(given) or (row["email"] or "").casefold() == given.casefold()
    ]
    if not targets:
        raise not_found(call.entity, given, where=place.label)
    return await _only(desk, call.entity, given, targets)


async def _default_place(desk: Desk, entity: EntityType) -> Scope:
    kept = narrowed(await kept_scope(desk), entity.parents)
    if kept is None:
        raise ToolError(
            "invalid_argument",
            f"parent is missing: {entity.plural} are of {with_article(either(entity.parents))}.",
            fix='give parent, like "acme" or "acme/VEH".',
            details={"field": "parent"},
        )
    return kept


async def _kept_target(desk: Desk, entity: EntityType) -> Target:
    kept = narrowed(await kept_scope(desk), (entity.name,))
    if kept is None or kept.id is None:
        raise ToolError(
            "not_found",
            f"you keep no default {entity.name}.",
            fix="name one, or set it with workspace_tool set_context.",
            details={"field": "entity_id"},
        )
    label = kept.label or ""
    return Target(kept.id, label, kept.organization_id, kept.project_id, label)


async def _find_tenant(desk: Desk, entity: EntityType, given: str) -> Target:
    places = await find_places(desk, given, (entity.name,), field="entity_id")
    if not places:
        raise not_found(entity, given)
    place = places[0]
    if place.level != entity.name:
        raise wrong_type(entity, given, str(place.level))
    assert place.id is not None  # noqa: S101 - a place that was found has an id
    default = place.label if place.is_default else None
    return Target(place.id, place.label or given, place.organization_id, place.project_id, default)


async def _find_item(desk: Desk, call: Call, given: str) -> Target:
    entity, name = call.entity, parse_name(given)
    if name.kind == "uuid":
        return Target(name.text, name.text)
    scope: Scope | None = None
    if call.parent:
        scope = await find_place(desk, call.parent, entity.parents)
    if name.kind == "plain":
        name = Name("plain", given)
        scope = await _title_scope(desk, call, scope, given)
    rows = await find_items(desk, name, entity, scope.project_id if scope else None)
    if len(rows) > 1 and scope is None:
        within = [(row["project_id"], row["organization_id"]) for row in rows]
        at = await find_preferred(desk, within)
        rows = rows if at is None else [rows[at]]
    if rows and all(row["type"] != entity.name for row in rows):
        raise wrong_type(entity, given, rows[0]["type"])
    default = scope.label if scope and scope.is_default else None
    targets = [_item_target(row, default) for row in rows]
    if not targets:
        raise not_found(entity, given, where=scope.label if scope else None)
    if len(targets) > 1:
        described = await _described(desk, rows, name)
        chosen = await choose(desk, "entity_id", entity.plural, given, described)
        return targets[[one["entity_id"] for one in described].index(chosen)]
    return targets[0]


def _item_target(row: Row, default: str | None) -> Target:
    return Target(
        row["id"], row["key"] or row["id"], row["organization_id"], row["project_id"], default
    )


async def _title_scope(desk: Desk, call: Call, scope: Scope | None, given: str) -> Scope:
    """Give the project in which a title is looked for: titles are no names across projects."""
    entity = call.entity
    if entity.handle == entity.unique:
        raise not_found(entity, given)
    kept = scope or narrowed(await kept_scope(desk), ("project",))
    if kept is None or kept.project_id is None:
        raise ToolError(
            "invalid_argument",
            f"a title names a {entity.name} within a project only, and no project is known.",
            fix=f"give the key ({entity.handle_help}), or parent, like acme/VEH.",
            details={"field": "entity_id"},
        )
    return kept


async def _described(desk: Desk, rows: list[Row], name: Name) -> list[dict[str, str]]:
    """Give candidates that can be told apart, one key in several organizations by their slugs."""
    slugs: dict[str, str] = {}
    if name.kind == "key":
        for organization_id in {row["organization_id"] for row in rows[:MAX_CHOICES]}:
            (found,) = await desk.rows(plan_place("organization", organization_id))
            slugs[organization_id] = f"{found['slug']}/"
    return [
        {
            "entity_id": f"{slugs.get(row['organization_id'], '')}{row['key'] or row['id']}",
            "title": one_line(row["title"]),
        }
        for row in rows
    ]


async def _only(desk: Desk, entity: EntityType, given: str, targets: list[Target]) -> Target:
    if not targets:
        raise not_found(entity, given)
    if len(targets) > 1:
        candidates = [{"entity_id": target.id, "title": target.handle} for target in targets]
        chosen = await choose(desk, "entity_id", entity.plural, given, candidates)
        return next(target for target in targets if target.id == chosen)
    return targets[0]
