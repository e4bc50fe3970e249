"""Whatever comes over HTTP is answered there: what is said on the way, questions and streams too.

The client of these tests answers, refuses, cancels or leaves when it is asked something.
"""

import asyncio
import base64
import re
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import orjson
import pytest
from engine_double import LEGACY, MODERN, initialize, modern
from hypothesis import event, given
from hypothesis import strategies as st
from message_cases import (
    CASES,
    DECLARED,
    EXTRA_META,
    JSON,
    MANY,
    OFFER,
    assert_answered,
    cases,
    change,
    encode,
    mirror,
)
from raw_http import serving_raw
from supabase_double import Clock, running_double
from web_double import WebDouble

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.web import keys

ANSWER_S = 5
EVENTS = "text/event-stream"
EVERYTHING = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}
ACCEPTS = st.sampled_from([f"application/json, {EVENTS}", EVENTS, "application/json", "*/*"])
MAX_ROUNDS = 4
# With fewer tests, or fewer cases, not everything need be seen.
TESTS, ENOUGH = 4, 100
GOOD = [
    {"result": {"action": "accept", "content": {}}},
    {"result": {"action": "decline"}},
    {"result": {"roots": [{"uri": "file:///home"}]}},
    {"error": {"code": -1, "message": "no"}},
]
# What a client does when it is asked: one of these, or an answer that may be any JSON.
REACTIONS = st.sampled_from([*GOOD, "cancel", "leave"]) | st.fixed_dictionaries(
    {"result": st.dictionaries(st.sampled_from(["action", "content", "roots"]), JSON) | JSON}
)


@dataclass
class Heard:
    """What came back: `body` is the answer, `said` is what came before it."""

    status: int
    body: bytes | None = None
    said: list = field(default_factory=list)
    is_left: bool = False
    is_cancelled: bool = False


class Client:
    """One client of a server as it runs in production."""

    def __init__(self):
        self.seen = Counter()
        self.sessions = {}

    async def start(self):
        self._supabase = running_double()
        supabase = await self._supabase.__aenter__()
        double = WebDouble(supabase, Clock(), offer=OFFER, ATOMS_FASTMCP_AUTH_MODE="jwt")
        self.engine = double.app[keys.ENGINE]
        self._serving = serving_raw(double)
        await self._serving.__aenter__()
        self.url = f"{double.url}/api/mcp"
        self.bearer = f"Bearer {supabase.token()}"
        self.http = aiohttp.ClientSession()

    async def stop(self):
        await self.http.close()
        await self.engine.close()
        await self._serving.__aexit__(None, None, None)
        await self._supabase.__aexit__(None, None, None)

    async def open(self, revision, declared):
        """Give the headers of a session; there is one for each revision and set of capabilities."""
        key = (revision, orjson.dumps(declared))
        if key not in self.sessions:
            message = initialize(revision, capabilities=declared)
            async with self._post(orjson.dumps(message), []) as answer:
                session_id = answer.headers["Mcp-Session-Id"]
            headers = {"Mcp-Session-Id": session_id, "MCP-Protocol-Version": revision}
            self.sessions[key] = list(headers.items())
            level = {"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel"}
            await self.send({**level, "params": {"level": "debug"}}, self.sessions[key])
        return self.sessions[key]

    def _post(self, raw, headers, accept=f"application/json, {EVENTS}"):
        sent = [
            ("Authorization", self.bearer),
            ("Content-Type", "application/json"),
            ("Accept", accept),
            *((name, write(value)) for name, value in headers),
        ]
        return self.http.post(self.url, data=raw, headers=sent)

    async def send(self, body, headers, accept=f"application/json, {EVENTS}", reactions=()):
        """Send one body, and do what a client does until it is answered."""
        async with self._post(encode(body), headers, accept) as answer:
            heard = Heard(answer.status)
            if answer.content_type != EVENTS:
                heard.body = await answer.read() or None
                return heard
            self.seen["stream"] += 1
            reactions = list(reactions)
            async for message in read_messages(answer):
                await self._hear(message, heard, body, headers, reactions)
                if heard.is_left:
                    break
        return heard

    async def _hear(self, message, heard, body, headers, reactions):
        if isinstance(message, list) or "method" not in message:
            assert heard.body is None
            heard.body = orjson.dumps(message)
            return
        heard.said.append(message)
        self.seen[message["method"]] += 1
        if "id" in message:
            await self._react(message, heard, body, headers, reactions.pop() if reactions else None)
        elif message["method"] == "notifications/subscriptions/acknowledged":
            await self.engine.listening.publish(Change("tools"))
            heard.is_left = not message["params"]["notifications"].get("toolsListChanged")
        elif message["method"] == "notifications/tools/list_changed":
            heard.is_left = True

    async def _react(self, question, heard, body, headers, reaction):
        call_id = body.get("id") if isinstance(body, dict) else None
        if isinstance(reaction, str) and call_id is None:
            reaction = None  # there is no one id in a batch
        if isinstance(reaction, str):
            notice = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
            await self._tell({**notice, "params": {"requestId": call_id}}, headers)
            heard.is_cancelled = True
            heard.is_left = reaction == "leave"
            return
        envelope = {"jsonrpc": "2.0", "id": question["id"]}
        if await self._tell({**envelope, **(reaction or GOOD[0])}, headers) != 202:
            assert await self._tell({**envelope, **GOOD[0]}, headers) == 202

    async def _tell(self, message, headers):
        async with self._post(encode(message), headers) as answer:
            self.seen["told"] += 1
            assert answer.status in {202, 400, 404}
            return answer.status


def write(value):
    """Give a header's value as clients have to write it where it is no plain text."""
    if re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value) or not value:
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


async def read_messages(answer):
    """Give the messages of a stream as they come."""
    raw = b""
    async for part in answer.content.iter_any():
        raw += part
        *whole, raw = raw.split(b"\n\n")
        for block in whole:
            data = [line[6:] for line in block.split(b"\n") if line.startswith(b"data: ")]
            if data and data[0]:
                yield orjson.loads(data[0])
    assert raw == b""


@pytest.fixture(scope="module")
def client():
    with asyncio.Runner() as runner:
        client = Client()
        runner.run(client.start())

        async def bounded(coroutine):
            async with asyncio.timeout(ANSWER_S):
                return await coroutine

        client.run = lambda coroutine: runner.run(bounded(coroutine))
        yield client
        runner.run(client.stop())


def assert_heard(body, heard):
    """Check that there is one answer to each request, but to what the client itself gave up."""
    assert heard.status < 500
    if not heard.is_left and not (heard.is_cancelled and heard.body is None):
        assert_answered(body, heard)


@pytest.mark.slow
@pytest.mark.requirement("base-every-request", "t16-malformed")
@MANY
@given(
    case=cases(),
    declared=st.none() | DECLARED,
    accept=ACCEPTS,
    reactions=st.lists(REACTIONS, max_size=3),
)
def test_any_message_of_any_revision_gets_its_one_answer(client, case, declared, accept, reactions):
    revision, body, changes = case

    async def talk():
        if revision == MODERN:
            own = mirror(body)
        else:
            own = [] if declared is None else await client.open(revision, declared)
        return await client.send(body, change(own, changes), accept, reactions)

    assert_heard(body, client.run(talk()))


CALLS = st.fixed_dictionaries(
    {"name": st.sampled_from(["tell", "confirm", "whoami"])},
    optional={"arguments": st.dictionaries(st.text(max_size=3), JSON, max_size=2)},
)


@pytest.mark.slow
@pytest.mark.requirement("base-every-request")
@MANY
@given(
    revision=st.sampled_from(LEGACY),
    one=st.tuples(CALLS, EXTRA_META).map(lambda both: {**both[0], "_meta": both[1]}),
    count=st.integers(1, 3),
    accept=ACCEPTS,
    reactions=st.lists(REACTIONS, max_size=4),
)
def test_who_is_asked_or_told_something_gets_the_answer_after_it(
    client, revision, one, count, accept, reactions
):
    call = {"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": one}
    is_batch = revision == "2025-03-26" and count > 1
    body = [{**call, "id": number} for number in range(count)] if is_batch else call

    async def talk():
        return await client.send(body, await client.open(revision, EVERYTHING), accept, reactions)

    heard = client.run(talk())

    event(f"said on the way: {len({message['method'] for message in heard.said})} kinds")
    assert_heard(body, heard)
    if one["name"] == "confirm":
        assert any("id" in message for message in heard.said)


@pytest.mark.slow
@pytest.mark.requirement("base-every-request")
@MANY
@given(
    call=CALLS,
    meta=EXTRA_META,
    declared=DECLARED,
    accept=ACCEPTS,
    responses=st.lists(
        st.dictionaries(
            st.sampled_from(["sure", "where"]),
            JSON | st.sampled_from([one.get("result", {}) for one in GOOD]),
            max_size=2,
        )
        | JSON,
        min_size=MAX_ROUNDS,
        max_size=MAX_ROUNDS,
    ),
)
def test_each_round_of_questions_has_one_answer(client, call, meta, declared, accept, responses):
    more = {}
    for response in responses:
        message, headers = modern("tools/call", {**call, **more}, call_id="c")
        known = {**message["params"]["_meta"], **meta}
        known["io.modelcontextprotocol/clientCapabilities"] = declared
        message["params"]["_meta"] = known

        heard = client.run(client.send(message, list(headers.items()), accept))

        assert_heard(message, heard)
        result = orjson.loads(heard.body).get("result", {})
        if result.get("resultType") != "input_required":
            break
        client.seen["round"] += 1
        more = {"requestState": result["requestState"], "inputResponses": response}


WANTED = st.fixed_dictionaries(
    {},
    optional={
        "toolsListChanged": st.booleans() | JSON,
        "promptsListChanged": st.booleans(),
        "resourcesListChanged": st.booleans(),
        "resourceSubscriptions": st.lists(st.sampled_from(["test://static", "x", "test://a/1"]))
        | JSON,
    },
)


@pytest.mark.slow
@pytest.mark.requirement("base-every-request", "subs-acknowledged")
@MANY
@given(wanted=WANTED | JSON, call_id=st.integers(-5, 5) | st.text(max_size=3), accept=ACCEPTS)
def test_who_listens_is_acknowledged_or_refused(client, wanted, call_id, accept):
    message, headers = modern("subscriptions/listen", {"notifications": wanted}, call_id=call_id)

    heard = client.run(client.send(message, list(headers.items()), accept))

    assert_heard(message, heard)
    if heard.is_left:
        assert heard.said[0]["method"] == "notifications/subscriptions/acknowledged"


@pytest.fixture(autouse=True, scope="module")
def _all_was_reached(client, request):
    """Look, after all of these, whether they were about what they are to be about."""
    yield
    own = [item for item in request.session.items if item.path == request.path]
    if len(own) < TESTS or CASES < ENOUGH:
        return
    reached = {"stream", "told", "round", "elicitation/create", "roots/list"}
    notices = {"progress", "message", "subscriptions/acknowledged", "tools/list_changed"}
    assert reached | {f"notifications/{name}" for name in notices} <= {*client.seen}
