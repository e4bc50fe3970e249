"""Resources, prompts and tools that speak and ask: one of each kind, as small as can be."""

import asyncio

from engine_double import NOTHING

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Message, Prompt, PromptArgument
from atoms_mcp.engine.offer.resource import NoSuchResource, Page, Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Content, Tool
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol import content

ICONS = ({"src": "https://x.test/i.png", "mimeType": "image/png"},)
SURE = {
    "type": "object",
    "properties": {"sure": {"type": "boolean"}},
    "required": ["sure"],
}
READS = {"readOnlyHint": True}


async def read_static(_context):
    return [content.text_contents("test://static", "hello")]


async def read_item(context, uri, variables):
    if variables["key"] == "gone":
        raise NoSuchResource
    if variables["key"] == "empty":
        return []
    if variables["key"] == "bad":
        raise ToolError("invalid_argument", "That key is bad.", fix="Give another.")
    if variables["key"] == "ask":
        await context.elicit("sure", "Sure?", SURE)
    said = f"{variables['org']}/{variables['key']} for {context.caller.user_id}"
    return [content.text_contents(uri, said)]


async def list_items(context, cursor):
    start = int(cursor or 0)
    items = [
        {
            "uri": f"test://{context.caller.user_id}/{number}",
            "name": str(number),
            "title": f"No. {number}",
            "annotations": {"priority": 0.5, "lastModified": "2026-01-01T00:00:00Z"},
        }
        for number in range(start, start + 2)
    ]
    return Page(items, str(start + 2) if start < 4 else None)


async def complete(context, value, others):
    found = [f"{context.caller.user_id}-{value}{number}" for number in range(150)]
    return found[: int(others.get("count", "2"))]


async def render(context, arguments):
    if arguments["topic"] == "ask":
        answer = await context.elicit("sure", "Sure?", SURE)
        return [Message(f"sure: {answer.content['sure']}")]
    sound = content.audio(b"RIFF", "audio/wav")
    link = content.link("test://static", "static", title="The static one")
    return [Message(f"About {arguments['topic']}"), Message(sound, "assistant"), Message(link)]


async def speak(context, arguments):
    for done in arguments.get("steps", [1, 2, 2, 3]):
        await context.progress(done, 3, f"step {done}")
    await context.log("debug", "details")
    await context.log("warning", {"found": 3}, "speaker")
    return {"ok": True}


async def confirm(context, _arguments):
    answer = await context.elicit("sure", "Sure?", SURE, authorises=True)
    return {"action": answer.action, "content": dict(answer.content)}


async def steps(context, _arguments):
    first = await context.elicit("first", "First?", SURE)
    second = await context.elicit("second", "Second?", SURE)
    return {"sure": [first.content["sure"], second.content["sure"]]}


async def both(context, _arguments):
    answers = await context.ask(
        {
            "where": InputRequest.roots(),
            "capital": InputRequest.sample(
                [{"role": "user", "content": content.text("Capital?")}], 100
            ),
        }
    )
    return {"roots": answers["where"]["roots"], "said": answers["capital"]["content"]}


async def visit(context, _arguments):
    answer = await context.ask({"page": InputRequest.link("Pay there.", "https://pay.test/1")})
    return {"action": answer["page"]["action"]}


async def blocks(_context, arguments):
    structured = {"kept": True} if arguments.get("structured") else None
    shown = [
        content.text("hi"),
        content.audio(b"RIFF", "audio/wav"),
        content.link("test://static", "static", title="The static one"),
    ]
    return Content(shown, structured, is_error=bool(arguments.get("fails")))


def patient():
    """Give a tool that ends by itself when it is cancelled, and what it was seen to do."""
    entered = asyncio.Event()
    seen = []

    async def work(context, _arguments):
        entered.set()
        while not context.is_cancelled:
            await asyncio.sleep(0)
            await context.progress(len(seen) + 1)
        seen.append("stopped")
        return {"done": 1}

    tool = Tool("patient", "P.", work, NOTHING, annotations=READS, stops_itself=True)
    return tool, entered, seen


def _tool(name, handler, **more):
    return Tool(name, f"To {name}.", handler, {"type": "object"}, **{"annotations": READS, **more})


OFFER = Offer(
    tools=(
        _tool("speak", speak),
        _tool("confirm", confirm),
        _tool("steps", steps),
        _tool("both", both),
        _tool("visit", visit),
        _tool("blocks", blocks, icons=ICONS),
        _tool("erase", blocks, annotations={}),
        _tool("mixed", blocks, annotations={}, read_only=_tool("mixed", blocks)),
    ),
    resources=(
        Resource(
            "test://static",
            "static",
            read_static,
            title="The static one",
            description="Always the same.",
            mime_type="text/plain",
            icons=ICONS,
            ttl_ms=60_000,
            is_public=True,
        ),
    ),
    templates=(
        ResourceTemplate(
            "test://{org}/{key}",
            "item",
            read_item,
            title="An item",
            list=list_items,
            complete={"key": complete},
        ),
    ),
    prompts=(
        Prompt(
            "explain",
            "Explains a topic.",
            render,
            (
                PromptArgument(
                    "topic", "What about.", "Topic", is_required=True, complete=complete
                ),
                PromptArgument("count"),
            ),
            title="Explain",
            icons=ICONS,
        ),
    ),
)
