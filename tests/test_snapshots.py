"""What the server says of itself, letter by letter, in each revision.

Set UPDATE_SNAPSHOTS=1 to write them anew, and read the difference before it is committed: every
client pays for what is listed.
"""

import os
from pathlib import Path

import orjson
import pytest
from engine_double import ALL, MODERN, Bench, modern, request, told
from offer_double import OFFER

from atoms_mcp import __version__, tools
from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.engine.footing import Footing
from atoms_mcp.entities.catalogue import load_catalogue
from atoms_mcp.identity.caller import ALL_SCOPES, READ_SCOPE

FOLDER = Path(__file__).parent / "snapshots"
LISTS = ("tools/list", "prompts/list", "resources/templates/list")
# What the product offers, and one of each kind with all that can be said of it.
OFFERS = {"atoms": tools.build_offer(load_catalogue(), b"c" * 32), "kinds": OFFER}


class Server(Bench):
    """An engine with an offer and nothing else."""

    def __init__(self, offer):
        super().__init__()
        self.engine = Engine(
            offer,
            Footing(None, self.book, self.sessions, self.seal, self.store),
            instructions=tools.INSTRUCTIONS,
        )

    async def list(self, revision, method, scopes):
        if revision == MODERN:
            message, headers = modern(method)
        else:
            message, headers = request(method), await self.open(revision)
        return await self.send(message, headers=headers, scopes=scopes)


async def describe(offer, revision, scopes):
    """Give all that does not depend on data."""
    server = Server(offer)
    found = {}
    if revision == MODERN:
        found["server/discover"] = await server.list(revision, "server/discover", scopes)
    for method in LISTS:
        found[method] = await server.list(revision, method, scopes)
    return {method: told(reply)["result"] for method, reply in found.items()}


@pytest.mark.requirement("tools-order")
@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize(
    ("rights", "scopes"), [("all", ALL_SCOPES), ("reading", frozenset({READ_SCOPE}))]
)
async def test_what_is_listed_is_what_was_agreed(name, revision, rights, scopes):
    described = await describe(OFFERS[name], revision, scopes)
    again = await describe(OFFERS[name], revision, scopes)
    assert orjson.dumps(described) == orjson.dumps(again)

    path = FOLDER / f"{name}-{revision}-{rights}.json"
    text = orjson.dumps(described, option=orjson.OPT_INDENT_2) + b"\n"
    text = text.replace(__version__.encode(), b"(version)")
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_bytes(text)
    assert path.read_bytes() == text, f"{path.name} is another; UPDATE_SNAPSHOTS=1 writes it"
