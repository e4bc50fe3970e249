"""Questions by requests of ours: the handshake revisions."""

import asyncio

import orjson
import pytest
from engine_double import LEGACY, Bench, Pipe, fault, initialize, request, told
from offer_double import OFFER
from structlog.testing import capture_logs

from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.store.store import StoreDown

ACCEPT = {"action": "accept", "content": {"sure": True}}
EVERYTHING = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}


@pytest.fixture
def bench():
    return Bench(OFFER)


class Client:
    """A client of one session, over HTTP; `sent` are the messages that it got on the way."""

    def __init__(self, bench, revision, declared=EVERYTHING, who="ada"):
        self.bench = bench
        self.revision = revision
        self.declared = declared
        self.who = who
        self.headers = {}
        self.voice = Voice()

    async def open(self):
        opening = initialize(self.revision, capabilities=self.declared)
        reply = await self.bench.send(opening, who=self.who)
        self.headers = {
            "Mcp-Session-Id": reply.session_id,
            "MCP-Protocol-Version": self.revision,
        }
        return self

    async def send(self, message, **frame):
        return await self.bench.send(message, who=self.who, headers=self.headers, **frame)

    def call(self, name, call_id=1, **frame):
        """Begin a call."""
        message = request("tools/call", call_id, name=name, arguments={})
        return asyncio.ensure_future(self.send(message, voice=self.voice, **frame))

    async def answer(self, question, **outcome):
        """Answer one of the server's requests."""
        message = {"jsonrpc": "2.0", "id": question["id"], **outcome}
        return await self.send(message)


class Voice(Notes):
    """Lets a test wait for what is said."""

    def __init__(self):
        super().__init__()
        self.heard = asyncio.Queue()

    async def send(self, message):
        await super().send(message)
        self.heard.put_nowait(orjson.loads(message))

    async def next(self):
        async with asyncio.timeout(5):
            return await self.heard.get()


async def settle(task):
    async with asyncio.timeout(5):
        return told(await task)["result"]


@pytest.mark.parametrize("revision", LEGACY)
async def test_a_question_goes_out_on_the_way_and_its_answer_comes_by_itself(bench, revision):
    client = await Client(bench, revision).open()
    task = client.call("confirm")
    question = await client.voice.next()

    assert question["method"] == "elicitation/create"
    assert ("mode" in question["params"]) == (revision >= "2025-11-25")
    assert question["params"]["message"] == "Sure?"
    reply = await client.answer(question, result=ACCEPT)
    assert (reply.status, reply.body) == (202, None)
    result = await settle(task)
    assert orjson.loads(result["content"][0]["text"]) == {
        "action": "accept",
        "content": {"sure": True},
    }


async def test_an_answer_may_reach_another_replica(bench):
    client = await Client(bench, "2025-11-25").open()
    task = client.call("confirm")
    question = await client.voice.next()
    replica = Bench(OFFER, seal=bench.seal, store=bench.store)
    elsewhere = Client(replica, "2025-11-25")
    elsewhere.headers = client.headers

    assert (await elsewhere.answer(question, result=ACCEPT)).status == 202

    assert (await settle(task))["structuredContent"]["action"] == "accept"


async def test_several_questions_are_asked_at_once(bench):
    client = await Client(bench, "2025-06-18").open()
    task = client.call("both")
    for question in [await client.voice.next(), await client.voice.next()]:
        result = {"roots": []} if question["method"] == "roots/list" else {"content": {"a": 1}}
        await client.answer(question, result=result)

    assert (await settle(task))["structuredContent"] == {"roots": [], "said": {"a": 1}}


@pytest.mark.requirement("elic-bound")
async def test_a_client_answers_its_own_questions_alone(bench):
    client = await Client(bench, "2025-11-25").open()
    stranger = await Client(bench, "2025-11-25", who="bob").open()
    again = await Client(bench, "2025-11-25").open()
    task = client.call("confirm")
    question = await client.voice.next()

    for other in (stranger, again):
        assert (await other.answer(question, result=ACCEPT)).status == 202
    assert not task.done()
    await client.answer(question, result={"action": "decline"})
    assert (await settle(task))["structuredContent"]["action"] == "decline"


@pytest.mark.parametrize("call_id", ["made-up", 1, None])
async def test_an_answer_to_no_question_is_passed_over(bench, call_id):
    client = await Client(bench, "2025-11-25").open()

    reply = await client.send({"jsonrpc": "2.0", "id": call_id or 7, "result": {}})

    assert (reply.status, reply.body) == (202, None)


@pytest.mark.requirement("elic-validate")
@pytest.mark.parametrize(
    "outcome",
    [
        {"error": {"code": -1, "message": "no"}},
        {"error": 5},
        {"result": 5},
        {"result": {"action": "maybe"}},
        {"result": {"action": "accept", "content": {"sure": "yes"}}},
    ],
)
async def test_a_client_that_answers_something_else_is_told_of(bench, outcome):
    client = await Client(bench, "2025-11-25").open()
    task = client.call("confirm")
    await client.answer(await client.voice.next(), **outcome)

    result = await settle(task)

    assert result["isError"] is True
    assert result["structuredContent"]["error"]["code"] == "unavailable"


@pytest.mark.requirement(
    "life-respect-capabilities", "elic-declared", "sampling-declared", "roots-declared"
)
@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize("declared", [{}, {"roots": {}}])
async def test_what_a_client_did_not_declare_is_not_asked_of_it(bench, revision, declared):
    client = await Client(bench, revision, declared).open()

    result = await settle(client.call("confirm"))

    assert result["isError"] is True
    assert "declares elicitation" in result["content"][0]["text"]
    assert client.voice.messages == []


async def test_prompts_refuse_where_tools_would_tell(bench):
    client = await Client(bench, "2025-11-25", {}).open()
    message = request("prompts/get", name="explain", arguments={"topic": "ask"})

    assert fault(await client.send(message, voice=client.voice))[2] == -32602


async def test_pages_are_opened_since_2025_11_25(bench):
    client = await Client(bench, "2025-11-25").open()
    task = client.call("visit")
    question = await client.voice.next()

    assert question["params"]["elicitationId"]
    await client.answer(question, result={"action": "accept"})
    assert (await settle(task))["structuredContent"] == {"action": "accept"}
    older = await Client(bench, "2025-06-18").open()
    assert (await settle(older.call("visit")))["isError"] is True


@pytest.mark.requirement("elic-url-id")
async def test_no_two_pages_have_the_same_id(bench):
    client, ids = await Client(bench, "2025-11-25").open(), set()
    for number in range(3):
        task = client.call("visit", call_id=number)
        question = await client.voice.next()
        ids.add(question["params"]["elicitationId"])
        await client.answer(question, result={"action": "decline"})
        await settle(task)

    assert len(ids) == 3


async def test_where_nothing_can_be_said_nothing_can_be_asked(bench):
    client = await Client(bench, "2025-11-25").open()
    client.voice = None

    assert (await settle(client.call("confirm")))["isError"] is True


async def test_a_call_that_is_cancelled_takes_its_question_back(bench):
    client = await Client(bench, "2025-11-25").open()
    task = client.call("confirm", call_id="c")
    question = await client.voice.next()

    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "c"}}
    await client.send(cancel)

    async with asyncio.timeout(5):
        reply = await task
    assert (reply.status, reply.body) == (202, None)
    assert await client.voice.next() == {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": question["id"]},
    }


@pytest.mark.requirement("life-timeouts")
async def test_a_question_may_take_longer_than_a_call():
    bench = Bench(OFFER, call_limit_s=0.01)
    client = await Client(bench, "2025-11-25").open()
    task = client.call("confirm")
    question = await client.voice.next()
    (watched,) = bench.engine._deadlines._open  # noqa: SLF001 - what would stop the call

    assert watched.deadline - asyncio.get_running_loop().time() > 100
    await client.answer(question, result=ACCEPT)
    assert (await settle(task))["isError"] is False


async def test_an_answer_that_cannot_be_passed_on_is_refused(bench):
    async def be_down(*_anything):
        raise StoreDown("no Redis")

    bench.store.publish = be_down
    client = await Client(bench, "2025-03-26").open()
    reply = await client.answer({"id": "elsewhere"}, result=ACCEPT)

    assert reply.status == 503
    assert "id" not in told(reply) or told(reply)["id"] is None
    assert "send it again" in told(reply)["error"]["message"]
    answers = [{"jsonrpc": "2.0", "id": name, "result": ACCEPT} for name in "ab"]
    batch = told(await client.send(answers))
    assert [one["error"]["code"] for one in batch] == [-32603] * 2


async def test_an_answer_that_cannot_be_read_keeps_none_from_being_heard(bench):
    client = await Client(bench, "2025-11-25").open()
    task = client.call("confirm")
    question = await client.voice.next()
    [(key, _)] = bench.engine._questions._open  # noqa: SLF001 - the name of its channel
    with capture_logs() as lines:
        for odd in ("no json", "[]", ""):
            await bench.store.publish(f"answers:{key}", odd)
        right = {"jsonrpc": "2.0", "id": question["id"], "result": ACCEPT}
        await bench.store.publish(f"answers:{key}", orjson.dumps(right).decode())
        result = await settle(task)

    assert result["structuredContent"]["action"] == "accept"
    assert [line["event"] for line in lines] == ["answer.unread"] * 2


async def test_once_nobody_can_answer_nothing_is_asked_any_more(bench):
    client = await Client(bench, "2025-11-25").open()
    task = client.call("confirm")
    question = await client.voice.next()
    bench.engine.drain()
    bench.engine.drain()
    assert (await client.answer(question, result=ACCEPT)).status == 202

    assert (await settle(task))["isError"] is True
    assert (await settle(client.call("confirm")))["isError"] is True
    assert client.voice.heard.empty()


async def test_who_has_too_many_streams_is_told_so_and_not_asked(bench):
    class Full(Voice):
        async def open(self, caller):
            raise RpcError(429, f"{caller.user_id} has too many", status=429)

    client = await Client(bench, "2025-11-25").open()
    client.voice = Full()
    reply = await client.call("confirm")

    assert reply.status == 429
    assert told(reply)["error"]["message"] == "id-ada has too many"
    assert client.voice.messages == []


@pytest.mark.parametrize("revision", LEGACY)
async def test_questions_go_over_a_connection_of_lines_as_well(bench, revision):
    pipe = Pipe(bench)
    pipe.voice = Voice()
    await pipe.send(initialize(revision, capabilities=EVERYTHING))
    task = asyncio.ensure_future(pipe.send(request("tools/call", 1, name="confirm", arguments={})))
    question = await pipe.voice.next()

    reply = await pipe.send({"jsonrpc": "2.0", "id": question["id"], "result": ACCEPT})

    assert reply.body is None
    assert (await settle(task))["isError"] is False
