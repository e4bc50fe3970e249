"""Resources: ``atoms://acme/VEH-REQ-12`` in Markdown, and with ``.json`` as data."""

import asyncio
import time
from collections.abc import Callable, Mapping

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.resource import NoSuchResource, Page, ResourceTemplate
from atoms_mcp.entities.catalogue import Catalogue
from atoms_mcp.entities.markdown import render_head
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.entities.plan_page import (
    plan_organization,
    plan_recent_documents,
    plan_recent_projects,
)
from atoms_mcp.entities.text import one_line
from atoms_mcp.entities.uris import (
    JSON_TEMPLATE,
    JSON_TYPE,
    TEXT_TEMPLATE,
    TEXT_TYPE,
    parse_uri,
    parse_whole,
    uri_of,
)
from atoms_mcp.entities.view import to_seconds
from atoms_mcp.protocol.content import Block, text_contents
from atoms_mcp.tools.completions import complete_key, complete_org
from atoms_mcp.tools.desk import Desk, Row
from atoms_mcp.tools.pages import find_row, show_data, show_text

PAGE_ROWS = 50
LISTED_PROJECTS = 20
DESCRIPTION = (
    "A project (atoms://acme/VEH), a document with its requirements' keys inline "
    "(atoms://acme/VEH-DOC-1) or a requirement (atoms://acme/VEH-REQ-12)"
)


def build_templates(
    catalogue: Catalogue, cursors: Cursors, now: Callable[[], float] = time.time
) -> tuple[ResourceTemplate, ...]:
    """Build the templates: the one in Markdown lists what there is, for both."""

    async def read(context: Context, uri: str, _variables: Mapping[str, str]) -> list[Block]:
        return [await read_resource(Desk(context, catalogue, cursors, now), uri)]

    async def list_page(context: Context, cursor: str | None) -> Page:
        return await list_resources(Desk(context, catalogue, cursors, now), cursor)

    completers = {"org": complete_org, "key": complete_key}
    return (
        # The stricter form comes first: a key would take ".json" as part of it.
        ResourceTemplate(
            uri_template=JSON_TEMPLATE,
            name="item-data",
            title="Item of the workspace, as data",
            description=f"{DESCRIPTION}, with all its fields as JSON.",
            mime_type=JSON_TYPE,
            read=read,
            complete=completers,
        ),
        ResourceTemplate(
            uri_template=TEXT_TEMPLATE,
            name="item",
            title="Item of the workspace",
            description=f"{DESCRIPTION}, as Markdown.",
            mime_type=TEXT_TYPE,
            read=read,
            list=list_page,
            complete=completers,
        ),
    )


async def read_resource(desk: Desk, uri: str) -> Block:
    """Give what a URI names.

    Raises:
        NoSuchResource: it names nothing, or nothing in sight: the two look the same.
    """
    org = parse_whole(uri)
    if org is not None:
        return await _read_organization(desk, org, uri)
    address = parse_uri(uri)
    row = None if address is None else await find_row(desk, address)
    if address is None or row is None:
        raise NoSuchResource(f"there is no resource {one_line(uri)} that you can see")
    show = show_data if address.is_json else show_text
    return await show(desk, desk.catalogue[address.type], row)


async def _read_organization(desk: Desk, org: str, uri: str) -> Block:
    """Give the name of an organization: that it can be read says that one belongs to it."""
    rows = await desk.rows(plan_organization(org))
    if not rows:
        raise NoSuchResource(f"there is no organization {org} that you can see")
    (row,) = rows
    text = render_head(row["name"], row["slug"], row["description"])
    return text_contents(uri, text, TEXT_TYPE)


async def list_resources(desk: Desk, cursor: str | None) -> Page:
    """Give one page of the documents in sight, those that changed last first.

    The first page begins with the projects that changed last.

    Raises:
        ToolError: ``invalid_cursor``.
    """
    bound_to = [desk.user_id, "resources"]
    position = desk.cursors.open(cursor, bound_to) if cursor else None
    requests = [plan_recent_documents(PAGE_ROWS, position)]
    if position is None:
        requests.append(plan_recent_projects(LISTED_PROJECTS))
    rows, *projects = await asyncio.gather(*map(desk.rows, requests))
    shown = rows[:PAGE_ROWS]
    following = None
    if len(rows) > PAGE_ROWS:
        following = desk.cursors.seal([shown[-1]["updated_at"], shown[-1]["id"]], bound_to)
    listed = [row for some in projects for row in some] + shown
    return Page([_listed(row) for row in listed], following)


def _listed(row: Row) -> dict[str, object]:
    listed: dict[str, object] = {
        "uri": uri_of(row),
        "name": row["key"],
        "title": one_line(row["name"], 200),
    }
    if row.get("description"):
        listed["description"] = one_line(row["description"], 200)
    changed = {"lastModified": to_seconds(row["updated_at"])}
    return listed | {"mimeType": TEXT_TYPE, "annotations": changed}
