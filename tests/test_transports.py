"""One table of requests, through HTTP, lines and in process: each is answered alike."""

import asyncio

import orjson
import pytest
from engine_double import ALL, LEGACY, META, MODERN, initialize, modern, request
from offer_double import OFFER
from structlog.testing import capture_logs
from supabase_double import _no_waiting_between_tries, clock, supabase  # noqa: F401 - fixtures
from web_double import WebDouble

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.stdio import serve
from atoms_mcp.web.keys import ENGINE

WAIT_S = 5
LEVEL = "io.modelcontextprotocol/logLevel"
CAN = "io.modelcontextprotocol/clientCapabilities"
SPEAK = {"name": "speak", "arguments": {"steps": [1, 3]}}
REQUESTS = [
    ("server/discover", {}),
    ("ping", {}),
    ("no/such", {}),
    ("tools/list", {}),
    ("tools/list", {"cursor": "made-up"}),
    ("tools/call", {"name": "whoami", "arguments": {}}),
    ("tools/call", {"name": "whoami"}),
    ("tools/call", {"name": "whoami", "arguments": {"a": 1}}),
    ("tools/call", {"name": "whoami", "arguments": []}),
    ("tools/call", {"name": "no-such"}),
    ("tools/call", {"name": "blocks", "arguments": {"structured": True}}),
    ("tools/call", {"name": "blocks", "arguments": {"fails": True}}),
    ("tools/call", {"name": "confirm", "arguments": {}}),
    ("tools/call", {**SPEAK, "_meta": {"progressToken": "p"}}),
    ("tools/call", {**SPEAK, "_meta": {LEVEL: "debug"}}),
    ("tools/call", {**SPEAK, "_meta": {LEVEL: "loud"}}),
    ("tools/call", {"name": "confirm", "_meta": {CAN: {"elicitation": {}}}}),
    ("tools/call", {"name": "confirm", "requestState": "made-up"}),
    ("resources/list", {}),
    ("resources/list", {"cursor": "made-up"}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": "test://static"}),
    ("resources/read", {"uri": "test://acme/VEH"}),
    ("resources/read", {"uri": "test://acme/gone"}),
    ("resources/read", {"uri": "test://acme/bad"}),
    ("resources/read", {}),
    ("prompts/list", {}),
    ("prompts/get", {"name": "explain", "arguments": {"topic": "brakes"}}),
    ("prompts/get", {"name": "explain"}),
    ("prompts/get", {"name": "no-such"}),
    (
        "completion/complete",
        {
            "ref": {"type": "ref/prompt", "name": "explain"},
            "argument": {"name": "topic", "value": "a"},
        },
    ),
    ("completion/complete", {"ref": {}, "argument": {}}),
    ("logging/setLevel", {"level": "info"}),
    ("logging/setLevel", {"level": "loud"}),
    ("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}),
]


def compose(revision, method, params):
    """Give a request of a revision and the headers that mirror it."""
    if revision == MODERN:
        message, headers = modern(method, params)
        message["params"]["_meta"] = {**META, **params.get("_meta", {})}
        return message, headers
    return request(method, **params), {"MCP-Protocol-Version": revision}


class OverHttp:
    def __init__(self, web, token):
        self.web = web
        self.token = token
        self.session = {}

    async def open(self, revision):
        reply = await self._post(initialize(revision), {})
        self.session = {"Mcp-Session-Id": reply.headers["Mcp-Session-Id"]}

    async def ask(self, message, headers):
        reply = await self._post(message, {**headers, **self.session})
        if reply.content_type == "application/json":
            return [reply.told]
        lines = reply.told.decode().splitlines()
        data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
        return [orjson.loads(one) for one in data if one]

    async def _post(self, message, headers):
        sent = {"Accept": "application/json, text/event-stream", **headers}
        return await self.web.ask("POST", "/api/mcp", token=self.token, json=message, headers=sent)

    async def close(self):
        pass


class OverLines:
    def __init__(self, web, token):
        self.chunks = asyncio.Queue()
        self.written = asyncio.Queue()

        async def find_caller():
            return await web.verifier.verify(token)

        self.serving = asyncio.ensure_future(
            serve(web.app[ENGINE], self._read_chunks(), self.written.put, find_caller)
        )

    async def _read_chunks(self):
        while (chunk := await self.chunks.get()) is not None:
            yield chunk

    async def open(self, revision):
        await self.ask(initialize(revision), {})

    async def ask(self, message, _headers):
        self.chunks.put_nowait(orjson.dumps(message) + b"\n")
        heard = []
        async with asyncio.timeout(WAIT_S):
            while not heard or "id" not in heard[-1]:
                heard.append(orjson.loads(await self.written.get()))
        return heard

    async def close(self):
        self.chunks.put_nowait(None)
        async with asyncio.timeout(WAIT_S):
            await self.serving


class InProcess:
    def __init__(self, web, token):
        self.engine = web.app[ENGINE]
        self.session = None

        async def find_caller():
            return await web.verifier.verify(token)

        self.find_caller = find_caller

    async def open(self, revision):
        await self.ask(initialize(revision), {})

    async def ask(self, message, _headers):
        voice = Notes()
        frame = Frame(
            "r-1",
            find_caller=self.find_caller,
            session=self.session,
            origin="test",
            voice=voice,
        )
        reply = await self.engine.answer(orjson.dumps(message), frame)
        self.session = reply.session or self.session
        return [orjson.loads(one) for one in (*voice.messages, reply.body)]

    async def close(self):
        pass


def comparable(heard):
    """Leave out what is made by chance."""
    for message in heard:
        result = message.get("result", {})
        if "requestState" in result:
            assert result["requestState"].count(".") == 4
            result["requestState"] = "sealed"
    return heard


@pytest.fixture
async def web(supabase, clock):  # noqa: F811 - the fixtures of above
    web = await WebDouble(supabase, clock, offer=OFFER).start()
    yield web
    await web.close()


@pytest.fixture
async def ways(web, supabase):  # noqa: F811 - as above
    token = supabase.token()
    ways = [OverHttp(web, token), OverLines(web, token), InProcess(web, token)]
    yield ways
    for way in ways:
        await way.close()


@pytest.mark.parametrize("revision", ALL)
async def test_every_request_is_answered_alike_on_every_transport(ways, revision):
    if revision in LEGACY:
        for way in ways:
            await way.open(revision)

    for method, params in REQUESTS:
        told = []
        for way in ways:
            message, headers = compose(revision, method, params)
            told.append(comparable(await way.ask(message, headers)))
        over_http, over_lines, in_process = told
        assert over_http == over_lines == in_process, (method, params)
        assert over_http[-1]["id"] == 1


async def test_the_trace_of_a_request_is_in_its_log_line(web, supabase):  # noqa: F811 - as above
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message, headers = compose(MODERN, "tools/call", {"name": "whoami"})
    way = OverHttp(web, supabase.token())

    with capture_logs() as lines:
        await way.ask(message, headers)
        message["params"]["_meta"]["traceparent"] = parent
        await way.ask(message, headers)

    assert [line.get("trace") for line in lines] == [None, parent]
