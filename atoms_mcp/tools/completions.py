"""Completion of names that a user types, from what that user can see."""

import asyncio
from collections.abc import Mapping, Sequence

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.resource import Completer
from atoms_mcp.entities.plan_page import plan_items_like, plan_orgs_like, plan_projects_like
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.uris import org_of
from atoms_mcp.tools.desk import Row

# One more than a client is told of, so that it learns that there are more.
MAX_VALUES = 101
MAX_TYPED_CHARS = 200


async def complete_org(context: Context, typed: str, _others: Mapping[str, str]) -> Sequence[str]:
    """Complete the slug of an organization, by its beginning or by a part of the name."""
    if len(typed) > MAX_TYPED_CHARS:
        return ()
    rows = await _rows(context, plan_orgs_like(typed, MAX_VALUES))
    return _ordered([row["slug"] for row in rows], typed)


async def complete_key(context: Context, typed: str, others: Mapping[str, str]) -> Sequence[str]:
    """Complete the key of a project, document or requirement within the organization given."""
    if len(typed) > MAX_TYPED_CHARS:
        return ()
    org = others.get("org") or None
    projects, items = await asyncio.gather(
        _rows(context, plan_projects_like(typed, org, MAX_VALUES)),
        _rows(context, plan_items_like(typed, ("document", "requirement"), org, MAX_VALUES)),
    )
    return _ordered([row["key"] for row in (*projects, *items)], typed)


def complete_item(entity_type: str) -> Completer:
    """Give what completes the key of a document or requirement, wherever it is.

    A key that several organizations have is told with the organization in front, and so are all
    once somebody has typed one ("acme/").
    """

    async def complete(context: Context, typed: str, _others: Mapping[str, str]) -> Sequence[str]:
        if len(typed) > MAX_TYPED_CHARS:
            return ()
        org, slash, rest = typed.partition("/")
        within = org.lower() if slash else None
        request = plan_items_like(rest if slash else typed, (entity_type,), within, MAX_VALUES)
        rows = await _rows(context, request)
        keys = [row["key"] for row in rows]
        values = [
            f"{org_of(row)}/{row['key']}" if slash or keys.count(row["key"]) > 1 else row["key"]
            for row in rows
        ]
        return _ordered(values, typed)

    return complete


def complete_from(values: Sequence[str]) -> Completer:
    """Give what completes one of a few words."""

    async def complete(_context: Context, typed: str, _others: Mapping[str, str]) -> Sequence[str]:
        return [value for value in values if value.startswith(typed.lower())]

    return complete


async def _rows(context: Context, request: RestRequest) -> list[Row]:
    return list((await context.send(request)).data or ())


def _ordered(values: Sequence[str], typed: str) -> list[str]:
    """Put first what begins with what was typed; the rest was found by its title."""
    wanted = typed.casefold()
    unique = dict.fromkeys(values)
    return sorted(unique, key=lambda value: not value.casefold().startswith(wanted))[:MAX_VALUES]
