"""What the work on one call has at hand: who asks, the way to the data, the catalogue, cursors."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atoms_mcp.engine.context import Context
from atoms_mcp.entities.catalogue import Catalogue, EntityType
from atoms_mcp.entities.failures import too_long
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.entities.plan_read import plan_keys, plan_people
from atoms_mcp.entities.postgrest import MAX_QUERY_BYTES, query_bytes
from atoms_mcp.entities.rest import RestAnswer, RestRequest
from atoms_mcp.entities.view import Unnamed, find_unnamed

Row = dict[str, Any]
# So many UUIDs fit into one query.
IDS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Desk:
    """One call's means. `now` gives Unix seconds; `is_changing` says that it changes something."""

    context: Context
    catalogue: Catalogue
    cursors: Cursors
    now: Callable[[], float]
    is_changing: bool = False

    @property
    def user_id(self) -> str:
        """The caller's id."""
        return self.context.caller.user_id

    async def send(self, request: RestRequest) -> RestAnswer:
        """Send one REST call as the caller.

        Raises:
            ToolError: ``limit_exceeded``; no gateway would take so long a query.
        """
        if query_bytes(request.query) > MAX_QUERY_BYTES:
            raise too_long()
        return await self.context.send(request)

    async def rows(self, request: RestRequest) -> list[Row]:
        """Send a call that answers rows, and give them."""
        answer = await self.send(request)
        return list(answer.data or ())

    async def names(
        self, entity: EntityType, rows: Iterable[Row], chosen: Iterable[str]
    ) -> Mapping[str, str]:
        """Give what ids of users and items in the chosen fields stand for: e-mails and keys."""
        return await self.named(find_unnamed(entity, rows, chosen))

    async def named(self, unnamed: Unnamed) -> Mapping[str, str]:
        """Look ids up, users and items at the same time; who is out of sight stays an id."""
        # Not everybody has an e-mail address.
        names = {self.user_id: self.context.caller.email or self.user_id}
        users, items = sorted(unnamed.users - names.keys()), sorted(unnamed.items)
        requests = [plan_people(some) for some in chunks(users, IDS_AT_ONCE)]
        requests += [plan_keys(some) for some in chunks(items, IDS_AT_ONCE)]
        for found in await asyncio.gather(*map(self.rows, requests)):
            for row in found:
                name = row.get("email") or row.get("key")
                if name:
                    names[row["id"]] = name
        return names


def chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Give names a few at a time, `size` at most."""
    for first in range(0, len(names), size):
        yield names[first : first + size]


def answer(operation: str, entity: EntityType, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - members of an answer are JSON
    """Give an answer in the shape that all operations share; what is empty is left out."""
    given = {name: value for name, value in members.items() if value not in (None, (), [], {})}
    # An empty list of items is an answer, and so is a page without more.
    if members.get("items") == []:
        given["items"] = []
    ordered = {"ok": True, "op": operation, "type": entity.name}
    for name in ("scope", "entity_id", "item", "items", "page"):
        if name in given:
            ordered[name] = given.pop(name)
    return ordered | given
