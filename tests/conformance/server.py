"""Our server with the suite's fixtures beside its own tools, resources and prompts.

It is what `atoms-mcp serve` starts, settings from the environment. With OPEN_TOKEN set, requests
that bring no token are taken for ones with that token: the suite asks most servers without.
"""

import asyncio
import os

import fixture_inputs
import fixture_places
import fixture_tasks
import fixture_tools

from atoms_mcp import logs
from atoms_mcp.app import ended_by_signals, serving
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.settings import ServerSettings, load
from atoms_mcp.web import boundary

OFFER = Offer(
    tools=(*fixture_tools.TOOLS, *fixture_inputs.TOOLS, *fixture_tasks.TOOLS),
    resources=fixture_places.RESOURCES,
    templates=fixture_places.TEMPLATES,
    prompts=(*fixture_places.PROMPTS, *fixture_inputs.PROMPTS),
    changing=("tools", "prompts"),
)


def open_the_door(token):
    """Let requests without a token be those of the token's user."""
    find = boundary.get_bearer
    boundary.get_bearer = lambda headers: find(headers) or token


async def main():
    if token := os.environ.get("OPEN_TOKEN"):
        open_the_door(token)
    settings = load(ServerSettings, os.environ)
    logs.configure(settings.log_format, settings.log_level)
    with ended_by_signals():
        async with serving(settings, OFFER) as url:
            print(url, flush=True)  # noqa: T201 - who started this waits for it
            await asyncio.Event().wait()


asyncio.run(main())
