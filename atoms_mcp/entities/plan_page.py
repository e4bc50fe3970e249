"""Reading whole pages by address or id, and the look-ups that complete their names."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.plan_read import columns
from atoms_mcp.entities.postgrest import (
    Pair,
    after,
    any_of,
    contains_text,
    equal,
    is_null,
    one_of,
    pairs,
    starts_with,
)
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.uris import IN_PROJECT, Address

# A row out of the project asked for is none at all.
STRICTLY_IN_PROJECT = "projects!inner(key,organizations!inner(slug))"
ORG_OF_PROJECT = "projects.organizations.slug"
LISTED_DOCUMENTS = 200
# Where projects and documents stand, and what names that place.
HOLDING = MappingProxyType(
    {
        "project": ("organizations", "id,slug"),
        "document": ("projects", "id,key,organizations(slug)"),
    }
)


def plan_page(entity: EntityType, fields: Iterable[str], address: Address) -> RestRequest:
    """Plan the reading of a project, document or requirement by its address, deleted or not."""
    if entity.name == "project":
        where: tuple[Pair, ...] = (
            equal("key", address.key).pair(),
            equal("organization_slug", address.org).pair(),
        )
    else:
        where = (
            equal("key", address.key).pair(),
            equal("projects.key", address.project).pair(),
            (ORG_OF_PROJECT, f"eq.{address.org}"),
        )
    return _page(entity, fields, where)


def plan_pages_by_id(entity: EntityType, fields: Iterable[str], ids: Iterable[str]) -> RestRequest:
    """Plan the same for several of one type, by their ids."""
    return _page(entity, fields, (one_of("id", ids).pair(),))


def _page(entity: EntityType, fields: Iterable[str], where: tuple[Pair, ...]) -> RestRequest:
    select = columns(entity, fields, "version", "deleted_at")
    if entity.name != "project":
        select += f",{STRICTLY_IN_PROJECT}"
    return RestRequest("GET", entity.read_from, (("select", select), *where))


def plan_documents_of(project_id: str) -> RestRequest:
    """Plan the documents of a project, by title."""
    query = (
        ("select", "key,name,status"),
        equal("project_id", project_id).pair(),
        is_null("deleted_at").pair(),
        ("order", "name.asc,id.asc"),
        ("limit", str(LISTED_DOCUMENTS + 1)),
    )
    return RestRequest("GET", "documents", query)


def plan_children(requirement_id: str, limit: int) -> RestRequest:
    """Plan the requirements right below another one, in reading order."""
    query = (
        ("select", "id,key"),
        equal("parent_id", requirement_id).pair(),
        is_null("deleted_at").pair(),
        ("order", "position.asc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "requirements", query)


def plan_requirement_keys(document_id: str, limit: int) -> RestRequest:
    """Plan the keys of all that stood in a document, deleted or not."""
    query = (
        ("select", "key"),
        equal("document_id", document_id).pair(),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "requirements", query)


def plan_document_of(requirement_id: str, table: str) -> RestRequest:
    """Plan in which document something stands, with its place."""
    query = (
        ("select", f"documents(key),{IN_PROJECT}"),
        equal("id", requirement_id).pair(),
    )
    return RestRequest("GET", table, query)


def plan_holders(entity: EntityType, ids: Iterable[str]) -> RestRequest:
    """Plan the places in which new rows of a type stand: documents, or what those stand in."""
    table, select = HOLDING.get(entity.name, ("documents", f"id,key,{IN_PROJECT}"))
    query = (("select", select), one_of("id", ids).pair())
    return RestRequest("GET", table, query)


def plan_item_places(level: str, place_id: str, limit: int) -> RestRequest:
    """Plan the keys of what is in a project or organization (`level`), those changed last first."""
    query = (
        ("select", f"key,{IN_PROJECT}"),
        equal(f"{level}_id", place_id).pair(),
        one_of("type", ("document", "requirement")).pair(),
        ("order", "updated_at.desc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "items", query)


def plan_project_places(organization_id: str, limit: int) -> RestRequest:
    """Plan the keys of an organization's projects."""
    query = (
        ("select", "key,organizations(slug)"),
        equal("organization_id", organization_id).pair(),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "projects", query)


def plan_organization(slug: str) -> RestRequest:
    """Plan the reading of an organization's name, unless it is deleted."""
    query = (
        ("select", "name,slug,description"),
        equal("slug", slug).pair(),
        is_null("deleted_at").pair(),
    )
    return RestRequest("GET", "organizations", query)


def plan_recent_projects(limit: int) -> RestRequest:
    """Plan the projects in sight that changed last."""
    query = (
        ("select", "id,key,name,description,updated_at,organizations!inner(slug)"),
        is_null("deleted_at").pair(),
        ("order", "updated_at.desc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "projects", query)


def plan_recent_documents(limit: int, position: Sequence[Any] | None) -> RestRequest:
    """Plan a page of all documents in sight, those that changed last first.

    `position` is (moment of the change, id) of the last one seen.
    """
    query: list[Pair] = [
        ("select", f"id,key,name,description,updated_at,{STRICTLY_IN_PROJECT}"),
        is_null("deleted_at").pair(),
    ]
    if position is not None:
        moment, last = position
        query += after([("updated_at", True, moment), ("id", False, last)])
    query += [("order", "updated_at.desc,id.asc"), ("limit", str(limit + 1))]
    return RestRequest("GET", "documents", tuple(query))


def plan_orgs_like(typed: str, limit: int) -> RestRequest:
    """Plan the organizations whose slug begins, or whose name has, what was typed."""
    query = (
        ("select", "slug"),
        is_null("deleted_at").pair(),
        *_like("slug", "name", typed),
        ("order", "slug.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "organizations", query)


def plan_projects_like(typed: str, org: str | None, limit: int) -> RestRequest:
    """Plan the projects whose key begins, or whose name has, what was typed."""
    query = (
        ("select", "key,organizations!inner(slug)"),
        is_null("deleted_at").pair(),
        *_like("key", "name", typed),
        *((("organizations.slug", f"eq.{org}"),) if org else ()),
        ("order", "updated_at.desc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "projects", query)


def plan_items_like(typed: str, types: Iterable[str], org: str | None, limit: int) -> RestRequest:
    """Plan the items whose key begins, or whose title has, what was typed, the newest first."""
    query = (
        ("select", f"key,{STRICTLY_IN_PROJECT}"),
        *pairs([one_of("type", types), is_null("deleted_at")]),
        *_like("key", "title", typed),
        *(((ORG_OF_PROJECT, f"eq.{org}"),) if org else ()),
        ("order", "updated_at.desc,id.asc"),
        ("limit", str(limit)),
    )
    return RestRequest("GET", "items", query)


def _like(handle: str, title: str, typed: str) -> tuple[Pair, ...]:
    if not typed:
        return ()
    return (any_of((starts_with(handle, typed).branch(), contains_text(title, typed).branch())),)
