"""An offer whose resources some may read and others not, and a client that listens to an engine."""

import asyncio

import orjson
from engine_double import modern

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import NoSuchResource, Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.protocol.content import text_contents

TAG = "io.modelcontextprotocol/subscriptionId"


class Library:
    """Resources `lib://{owner}/{name}`, each for its owner, and one for all."""

    def __init__(self):
        self.asked = []
        self.fault = None
        self.hidden = set()

    async def read(self, context, uri, variables):
        self.asked.append((context.caller.user_id, uri))
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        if variables["owner"] != context.caller.user_id or uri in self.hidden:
            raise NoSuchResource
        return [text_contents(uri, "a book")]

    async def read_news(self, _context):
        return [text_contents("lib://news", "news")]

    async def touch(self, context, arguments):
        """Publish a change, as tools do."""
        await context.progress(1, 2)
        await context.publish(Change(**arguments))
        return {"ok": True}

    @property
    def offer(self):
        return Offer(
            tools=(Tool("touch", "Publishes.", self.touch, {"type": "object"}, scope=_read),),
            resources=(Resource("lib://news", "News", self.read_news),),
            templates=(ResourceTemplate("lib://{owner}/{name}", "Book", self.read),),
            changing=("tools", "resources"),
        )


def _read(_arguments):
    return "atoms:read"


class Ear:
    """A voice that can be waited for."""

    def __init__(self):
        self.messages = []
        self.is_gone = False
        self._came = asyncio.Event()

    @property
    def is_open(self):
        return bool(self.messages)

    def push(self, message):
        self.messages.append(orjson.loads(message))
        self._came.set()

    async def open(self, _caller):
        """Count nothing."""

    async def send(self, message):
        self.push(message)

    def keep_alive(self):
        """Stay."""

    async def release(self):
        """Stay."""

    async def hear(self, count):
        """Wait until so many messages came, and give them by method and what they are about."""
        async with asyncio.timeout(5):
            while len(self.messages) < count:
                self._came.clear()
                await self._came.wait()
        return [_short(message) for message in self.messages]


def _short(message):
    params = message.get("params", {})
    tag = params.get("_meta", {}).get(TAG)
    found = message["method"].removeprefix("notifications/")
    about = params.get("uri") or params.get("notifications")
    return tuple(one for one in (found, about, tag) if one is not None)


def listen(bench, ear, call_id=1, who="ada", **wanted):
    """Open a listen stream of 2026-07-28; gives the task that is answered in the end."""
    message, headers = modern("subscriptions/listen", {"notifications": wanted}, call_id=call_id)
    sent = bench.send(message, who=who, headers=headers, voice=ear, is_gone=lambda: ear.is_gone)
    return asyncio.ensure_future(sent)


async def publish(bench, *changes):
    """Let a tool publish; what is published together is told together."""
    for change in changes:
        await bench.engine.listening.publish(change)
