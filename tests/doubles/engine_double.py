"""A real engine with a handful of small tools, and a verifier that knows two tokens."""

import asyncio
import itertools
import time

import orjson
from multidict import CIMultiDict, CIMultiDictProxy

from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.engine.footing import Footing
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.sessions.session import Sessions
from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import ALL_SCOPES, READ_SCOPE, Caller
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.protocol.revisions.stateless import NAMED
from atoms_mcp.store.local import LocalStore

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
ALL = (MODERN, *LEGACY)
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
META = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}

SAY_HI = {"name": "say", "arguments": {"text": "hi"}}
NOTHING = {"type": "object", "additionalProperties": False}
SAY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string"}, "tone": {"enum": ["calm", "loud"]}},
}
ROUTED = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "x-mcp-header": "Limit"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        "at": {
            "type": "object",
            "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}},
        },
    },
}


def caller(name="ada", scopes=ALL_SCOPES):
    return Caller(f"id-{name}", f"{name}@x.test", "authenticated", None, scopes, 2**40, f"t-{name}")


class TokenBook:
    """Knows the tokens of two users, and anything else it is told."""

    def __init__(self):
        self.known = {known.token: known for known in (caller("ada"), caller("bob"))}
        self.asked = []

    async def verify(self, token):
        self.asked.append(token)
        found = self.known.get(token, InvalidToken("expired"))
        if isinstance(found, Exception):
            raise found
        return found


class Tools:
    """The tools, and what they were called with."""

    def __init__(self):
        self.seen = []
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.stopped = 0
        self.fault = None

    def listed(self):
        return (
            _tool("say", SAY, self.say),
            _tool("whoami", NOTHING, self.whoami),
            _tool("wait", NOTHING, self.wait),
            _tool("fail", NOTHING, self.fail),
            _tool("write", NOTHING, self.whoami, scope="atoms:write"),
            _tool("routed", ROUTED, self.say),
        )

    async def say(self, context, arguments):
        self.seen.append((context.caller.user_id, arguments))
        await asyncio.sleep(0)
        return {"ok": True, "said": arguments.get("text")}

    async def whoami(self, context, _arguments):
        await asyncio.sleep(0)
        return {"user": context.caller.user_id}

    async def wait(self, _context, _arguments):
        self.entered.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            self.cancelled.set()
            raise
        return {"waited": True}

    async def fail(self, _context, _arguments):
        raise self.fault or ToolError("not_found", "There is no VEH-1.", fix="List first.")


def _tool(name, schema, handler, scope=READ_SCOPE):
    return Tool(
        name=name,
        title=name.capitalize(),
        description=f"To {name}.",
        input_schema=schema,
        output_schema={"type": "object"},
        annotations={"readOnlyHint": True},
        scope=lambda _arguments: scope,
        handler=handler,
        accept=lambda given: {"text" if key == "words" else key: v for key, v in given.items()},
    )


NO_MORE = Offer()


class Bench:
    """An engine with all that its tests look at. `now` is its sessions' clock."""

    def __init__(
        self,
        more=NO_MORE,
        *,
        call_limit_s=20.0,
        instructions="Read first.",
        seal=None,
        store=None,
        **footing,
    ):
        self.now = time.time()
        self.tools = Tools()
        self.book = TokenBook()
        self.seal = seal or Seal([b"k" * 32])
        self.store = store or LocalStore(None, now=lambda: self.now)
        self.sessions = Sessions(self.seal, self.store, now=lambda: self.now)
        self.engine = Engine(
            Offer(self.tools.listed()) + more,
            Footing(None, self.book, self.sessions, self.seal, self.store, **footing),
            instructions=instructions,
            call_limit_s=call_limit_s,
        )
        self.ids = itertools.count(1)

    async def send(self, message, *, who="ada", headers=None, scopes=ALL_SCOPES, **frame):
        """Answer one message as over HTTP; `headers` may be pairs. Gives the reply."""
        known = CIMultiDictProxy(CIMultiDict(headers or {}))
        raw = message if isinstance(message, bytes) else orjson.dumps(message)
        return await self.engine.answer(
            raw,
            Frame(
                request_id="r-1",
                headers=known,
                caller=None if who is None else caller(who, scopes),
                can_challenge=True,
                session_id=known.get("Mcp-Session-Id"),
                **frame,
            ),
        )

    async def open(self, revision, *, who="ada"):
        """Shake hands; give the headers of the session."""
        reply = await self.send(initialize(revision), who=who)
        assert told(reply)["result"]["protocolVersion"] == revision
        return {"Mcp-Session-Id": reply.session_id, "MCP-Protocol-Version": revision}

    async def ask(self, revision, method, params=None, *, call_id=1, who="ada", **frame):
        """Send a well-formed request of any revision; give the reply."""
        params = dict(params or {})
        if revision == MODERN:
            message, headers = modern(method, params, call_id=call_id)
        else:
            headers = await self.open(revision, who=who)
            message = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}
        return await self.send(message, who=who, headers=headers, **frame)


def frame_of(who="ada", *, named=None, **more):
    """Give the frame of an HTTP request without a body of ours."""
    headers = {} if named is None else {"MCP-Protocol-Version": named}
    return Frame(
        "r-1",
        headers=CIMultiDict(headers),
        caller=None if who is None else caller(who),
        can_challenge=True,
        **more,
    )


def initialize(revision, call_id=0, **params):
    given = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t"}, **params}
    return {"jsonrpc": "2.0", "id": call_id, "method": "initialize", "params": given}


def modern(method, params=None, *, call_id=1, version=MODERN):
    """Give a message of 2026-07-28 and its headers."""
    params = {**(params or {}), "_meta": {**META, VERSION_KEY: version}}
    headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    mirrored = params.get(NAMED.get(method))
    if isinstance(mirrored, str):
        headers["Mcp-Name"] = mirrored
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}, headers


def request(method="tools/list", call_id=1, **params):
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


def say(call_id=1, **arguments):
    return request("tools/call", call_id, name="say", arguments={"text": "hi", **arguments})


def told(reply):
    return orjson.loads(reply.body)


def fault(reply):
    """Give status, id and code of a refusal, with the data where there is some."""
    body = told(reply)
    error = body["error"]
    assert isinstance(error["message"], str)
    assert body["jsonrpc"] == "2.0"
    found = (reply.status, body.get("id", "absent"), error["code"])
    return (*found, error["data"]) if "data" in error else found


class Pipe:
    """One connection of one client, without headers or challenges."""

    def __init__(self, bench, who="ada"):
        self.engine = bench.engine
        self.who = who
        self.session = None
        self.voice = Notes()

    async def find_caller(self):
        if self.who is None:
            raise Unauthenticated("no login is kept")
        return caller(self.who)

    async def send(self, message):
        frame = Frame(
            "r-1",
            find_caller=self.find_caller,
            session=self.session,
            origin="pipe",
            voice=self.voice,
        )
        reply = await self.engine.answer(orjson.dumps(message), frame)
        self.session = reply.session or self.session
        return reply

    async def call(self, name, call_id=1, **arguments):
        message, _ = modern("tools/call", {"name": name, "arguments": arguments}, call_id=call_id)
        return told(await self.send(message))["result"]
