"""Our server with some small things beside its own, for clients that somebody else wrote.

`python peer_server.py http` prints its URL, `python peer_server.py stdio` speaks on stdio; the
settings come from the environment, as they do for the commands.
"""

import asyncio
import os
import sys

from atoms_mcp import (
    Change,
    Message,
    Prompt,
    PromptArgument,
    Resource,
    ResourceTemplate,
    TaskUse,
    Tool,
    app,
    logs,
)
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.protocol.content import text_contents
from atoms_mcp.settings import ServerSettings, load

NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ONLY_READS = {"readOnlyHint": True}
DAYS = ("monday", "tuesday", "today")
TODAY = "note://today"
STEPS = 3

SEEN = {"held": 0, "stopped": 0, "touched": 0}


async def introduce(context, _arguments):
    """Ask the user for a name."""
    answer = await context.elicit("name", "What is your name?", NAME)
    return {"action": answer.action, "name": answer.content.get("name")}


async def count(context, _arguments):
    """Count, and tell of each step."""
    for step in range(1, STEPS + 1):
        await context.progress(step, STEPS, f"step {step}")
        await context.log("info", {"step": step}, "counter")
        await asyncio.sleep(0.03)  # what comes too fast is left out
    return {"counted": STEPS}


async def hold(_context, _arguments):
    """Wait until the client does not want that any more."""
    SEEN["held"] += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        SEEN["stopped"] += 1
        raise


async def look(_context, _arguments):
    """Tell what happened here so far."""
    return dict(SEEN)


async def touch(context, _arguments):
    """Change the note of today."""
    SEEN["touched"] += 1
    await context.publish(Change("resource", TODAY))
    return {"touched": SEEN["touched"]}


async def read_today(_context):
    return [text_contents(TODAY, f"touched {SEEN['touched']} times")]


async def read_day(_context, uri, variables):
    return [text_contents(uri, f"the note of {variables['day']}")]


async def complete_day(_context, typed, _others):
    return [day for day in DAYS if day.startswith(typed)]


async def greet(_context, arguments):
    return [Message(f"Greet {arguments['name']}.")]


async def complete_name(_context, typed, others):
    known = ("Ada", "Alan") if others.get("tone") != "loud" else ("ADA", "ALAN")
    return [name for name in known if name.lower().startswith(typed.lower())]


async def prepare(context, arguments):
    """Ask for a name, then be done."""
    return await introduce(context, arguments) | {"steps": STEPS}


def _tool(name, handler, **more):
    return Tool(name, handler.__doc__, handler, NOTHING, annotations=ONLY_READS, **more)


OFFER = Offer(
    tools=(
        _tool("introduce", introduce),
        _tool("count", count),
        _tool("hold", hold),
        _tool("look", look),
        _tool("touch", touch),
        _tool("prepare", prepare, as_task=TaskUse()),
        _tool("hold_on", hold, as_task=TaskUse(is_required=True)),
    ),
    resources=(Resource(TODAY, "today", read_today, mime_type="text/plain"),),
    templates=(ResourceTemplate("note://{day}", "note", read_day, complete={"day": complete_day}),),
    prompts=(
        Prompt(
            "greet",
            "Greet somebody.",
            greet,
            (
                PromptArgument("name", "Whom.", is_required=True, complete=complete_name),
                PromptArgument("tone", "How."),
            ),
        ),
    ),
)


async def main(transport):
    settings = load(ServerSettings, os.environ)
    if transport == "stdio":
        await app.speak_stdio(settings, OFFER)
        return
    logs.configure(settings.log_format, settings.log_level)
    with app.ended_by_signals():
        async with app.serving(settings, OFFER) as url:
            print(url, flush=True)  # noqa: T201 - who started this waits for it
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
