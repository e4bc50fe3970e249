"""What a user of the 1.x line of the official client would write; prints what came of it.

`python old_client.py http URL TOKEN`, or `python old_client.py stdio PYTHON SERVER`. It runs in an
environment of its own, which has that line of the client.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import httpx
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

BOUND_S = 10
PAUSE_S = 0.01
TRIES = 1000
TODAY = "note://today"


@asynccontextmanager
async def connect(transport, first, second):
    if transport == "stdio":
        params = StdioServerParameters(command=first, args=[second, "stdio"], env=dict(os.environ))
        async with stdio_client(params) as (read, write):
            yield read, write
        return
    headers = {"Authorization": f"Bearer {second}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=BOUND_S) as http,
        streamable_http_client(first, http_client=http) as (read, write, _),
    ):
        yield read, write


class Peer:
    """One session, and what it was told and asked on the way."""

    def __init__(self):
        self.told = {"progress": [], "logged": [], "updated": []}

    async def on_progress(self, done, total, message):
        self.told["progress"].append((done, total, message))

    async def on_log(self, params):
        self.told["logged"].append((params.level, params.logger, params.data))

    async def on_elicit(self, _context, _params):
        return types.ElicitResult(action="accept", content={"name": "Ada"})

    async def on_message(self, message):
        inside = getattr(message, "root", None)
        if isinstance(inside, types.ResourceUpdatedNotification):
            self.told["updated"].append(str(inside.params.uri))

    async def use(self, session):
        told = self.told
        told["revision"] = (await session.initialize()).protocolVersion
        told["resources"] = [str(one.uri) for one in (await session.list_resources()).resources]
        templates = (await session.list_resource_templates()).resourceTemplates
        told["templates"] = [one.uriTemplate for one in templates]
        told["read"] = (await session.read_resource(AnyUrl("note://monday"))).contents[0].text
        told["prompts"] = [one.name for one in (await session.list_prompts()).prompts]
        prompt = await session.get_prompt("greet", {"name": "Ada"})
        told["prompt"] = prompt.messages[0].content.text
        ref = types.PromptReference(type="ref/prompt", name="greet")
        completed = await session.complete(ref, {"name": "name", "value": "al"})
        told["completed"] = completed.completion.values
        told["introduced"] = (await session.call_tool("introduce")).structuredContent
        await session.set_logging_level("info")
        await session.call_tool("count", progress_callback=self.on_progress)
        await self.until(lambda: self.reached(len(told["logged"]) == len(told["progress"]) == 3))
        await session.subscribe_resource(AnyUrl(TODAY))
        await self.until(lambda: self.touch(session))
        told["stopped"] = await self.stop(session)

    async def until(self, look):
        for _ in range(TRIES):
            if await look():
                return
            await asyncio.sleep(PAUSE_S)
        raise TimeoutError

    async def reached(self, found):
        return found

    async def touch(self, session):
        await session.call_tool("touch")
        return self.told["updated"]

    async def look(self, session):
        return (await session.call_tool("look")).structuredContent

    async def stop(self, session):
        """Cancel a call by the notification; this line has no other way."""
        before = await self.look(session)
        call_id = session._request_id  # noqa: SLF001 - the one place where it is told
        holding = asyncio.ensure_future(session.call_tool("hold"))
        await asyncio.sleep(0)  # so that the id is taken by this call

        async def is_held():
            return (await self.look(session))["held"] > before["held"]

        async def is_stopped():
            return (await self.look(session))["stopped"] > before["stopped"]

        await self.until(is_held)
        params = types.CancelledNotificationParams(requestId=call_id)
        notification = types.CancelledNotification(params=params)
        await session.send_notification(types.ClientNotification(notification))
        await self.until(is_stopped)
        holding.cancel()
        return (await self.look(session))["stopped"] - before["stopped"]


async def main(*where):
    peer = Peer()
    async with (
        connect(*where) as (read, write),
        ClientSession(
            read,
            write,
            logging_callback=peer.on_log,
            elicitation_callback=peer.on_elicit,
            message_handler=peer.on_message,
        ) as session,
    ):
        await peer.use(session)
    print(json.dumps(peer.told))  # noqa: T201 - who started this reads it


asyncio.run(main(*sys.argv[1:]))
