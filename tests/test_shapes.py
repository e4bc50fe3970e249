"""All that we say, in every revision, is what the official types of that revision allow.

The types are those of the official SDK, made from the published schemas of 2025-11-25 and
2026-07-28; for the revisions before, which methods there are is theirs, the shapes are those of
2025-11-25. Nothing that we say may be unknown to them.
"""

import asyncio

import pytest
from engine_double import (
    ALL,
    CAPABILITIES_KEY,
    LEGACY,
    META,
    MODERN,
    Bench,
    caller,
    initialize,
    modern,
    told,
)
from listening_double import Ear
from mcp_types.jsonrpc import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from mcp_types.methods import (
    SERVER_NOTIFICATIONS,
    SERVER_REQUESTS,
    SERVER_RESULTS,
    serialize_server_result,
)
from offer_double import OFFER

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.protocol.revisions import handshake, stateless

WAIT_S = 5
LEVEL = "io.modelcontextprotocol/logLevel"
STATIC = "test://static"
FORMS = "2025-06-18"
CAN = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}
REF = {"type": "ref/prompt", "name": "explain"}
PARAMS = {
    "completion/complete": [
        {"ref": REF, "argument": {"name": "topic", "value": "a"}},
        {
            "ref": {"type": "ref/resource", "uri": "test://{org}/{key}"},
            "argument": {"name": "key", "value": ""},
            "context": {"arguments": {"org": "acme", "count": "150"}},
        },
    ],
    "logging/setLevel": [{"level": "debug"}],
    "prompts/get": [{"name": "explain", "arguments": {"topic": "brakes"}}],
    "resources/read": [{"uri": STATIC}, {"uri": "test://acme/VEH"}],
    "resources/subscribe": [{"uri": STATIC}],
    "resources/unsubscribe": [{"uri": STATIC}],
    "tools/call": [
        {"name": "whoami", "arguments": {}},
        {"name": "whoami", "arguments": {"unknown": 1}},
        {"name": "blocks", "arguments": {}},
        {"name": "blocks", "arguments": {"structured": True}},
        {"name": "blocks", "arguments": {"fails": True}},
    ],
}
CHANGES = [("tools",), ("prompts",), ("resources",), ("resource", STATIC)]
# A tool that asks, and what its client answers, question by question.
ASKING = {
    "confirm": {"action": "accept", "content": {"sure": True}},
    "steps": {"action": "accept", "content": {"sure": False}},
    "visit": {"action": "decline"},
    "both": {
        "roots": [{"uri": "file:///home"}],
        "role": "assistant",
        "model": "m",
        "content": {"type": "text", "text": "Rome"},
    },
}
WRONG = [
    ("no/such", {}),
    ("tools/call", {"name": "no-such"}),
    ("tools/call", {"name": "whoami", "arguments": []}),
    ("tools/list", {"cursor": "made-up"}),
    ("resources/read", {"uri": "test://acme/gone"}),
    ("resources/read", {"uri": "test://acme/empty"}),
    ("prompts/get", {"name": "explain"}),
]


def _list_cases():
    for revision in ALL:
        methods = stateless.METHODS if revision == MODERN else handshake.METHODS
        for method in methods:
            if method != "subscriptions/listen" and not method.startswith("tasks/"):
                for number, params in enumerate(PARAMS.get(method, [{}])):
                    yield pytest.param(revision, method, params, id=f"{revision}-{method}-{number}")


def assert_result(revision, method, result):
    """Check a result; what its type does not know, the type would leave out."""
    known = serialize_server_result(method, revision, result)
    assert {name: known.get(name) for name in result} == result
    if revision != MODERN:
        assert known == result


def assert_one(message, kind):
    """Check the envelope of one message of ours."""
    kind.model_validate(message)
    assert set(message) <= {"jsonrpc", *(field for field in kind.model_fields)}


def assert_said(revision, message):
    """Check what is said on the way to an answer: a notification, or a request of ours."""
    is_request = "id" in message
    table = SERVER_REQUESTS if is_request else SERVER_NOTIFICATIONS
    if message["method"] == "elicitation/create":
        # Who declares it in an older revision knows it from this one.
        revision = max(revision, FORMS)
    kind = table[message["method"], revision]
    assert_one(message, JSONRPCRequest if is_request else JSONRPCNotification)
    known = kind.model_validate(message).model_dump(by_alias=True, mode="json", exclude_unset=True)
    params = message.get("params", {})
    assert {name: known["params"].get(name) for name in params} == params


@pytest.fixture
def bench():
    return Bench(OFFER + Offer(changing=("tools", "resources", "prompts")))


def test_nothing_is_served_that_the_official_types_do_not_know():
    for revision in ALL:
        methods = stateless.METHODS if revision == MODERN else handshake.METHODS
        unknown = {method for method in methods if (method, revision) not in SERVER_RESULTS}
        # An extension, with types of its own.
        assert {method for method in unknown if not method.startswith("tasks/")} == set()


@pytest.mark.requirement("base-official-shapes")
@pytest.mark.parametrize("revision", LEGACY)
async def test_every_handshake_is_of_its_type(bench, revision):
    message = told(await bench.send(initialize(revision)))

    assert_one(message, JSONRPCResponse)
    assert_result(revision, "initialize", message["result"])


@pytest.mark.requirement("base-official-shapes")
@pytest.mark.parametrize(("revision", "method", "params"), list(_list_cases()))
async def test_every_result_is_of_its_type(bench, revision, method, params):
    message = told(await bench.ask(revision, method, params))

    assert_one(message, JSONRPCResponse)
    assert_result(revision, method, message["result"])


@pytest.mark.requirement("base-official-shapes", "base-error-members")
@pytest.mark.parametrize(("method", "params"), WRONG)
@pytest.mark.parametrize("revision", ALL)
async def test_every_error_is_of_its_type(bench, revision, method, params):
    message = told(await bench.ask(revision, method, params))

    assert_one(message, JSONRPCError)
    assert set(message["error"]) <= {"code", "message", "data"}


async def answer_all(bench, ear, revision, headers, answer):
    """Answer each question of ours as it comes."""
    answered = 0
    while True:
        await ear.hear(answered + 1)
        message = ear.messages[answered]
        assert_said(revision, message)
        answered += 1
        if "id" in message:
            response = {"jsonrpc": "2.0", "id": message["id"], "result": answer}
            await bench.send(response, headers=headers)


@pytest.mark.requirement("base-official-shapes")
@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("revision", LEGACY)
async def test_every_question_in_a_session_is_of_its_type(bench, revision, name):
    opened = await bench.send(initialize(revision, capabilities=CAN))
    headers = {"Mcp-Session-Id": opened.session_id, "MCP-Protocol-Version": revision}
    ear = Ear()
    answering = asyncio.ensure_future(answer_all(bench, ear, revision, headers, ASKING[name]))
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}

    async with asyncio.timeout(WAIT_S):
        message = told(await bench.send(call, headers=headers, voice=ear))

    answering.cancel()
    assert not answering.done()
    assert [one for one in ear.messages if "id" in one] or "isError" in message["result"]
    assert_result(revision, "tools/call", message["result"])


@pytest.mark.requirement("base-official-shapes")
@pytest.mark.parametrize("name", ASKING)
async def test_every_round_of_questions_is_of_its_type(bench, name):
    params, rounds = {"name": name}, 0
    while True:
        message, headers = modern("tools/call", params)
        message["params"]["_meta"][CAPABILITIES_KEY] = CAN
        result = told(await bench.send(message, headers=headers))["result"]
        assert_result(MODERN, "tools/call", result)
        if result["resultType"] != "input_required":
            break
        rounds += 1
        answers = dict.fromkeys(result["inputRequests"], ASKING[name])
        params = {"name": name, "requestState": result["requestState"], "inputResponses": answers}

    assert rounds == (2 if name == "steps" else 1)


@pytest.mark.requirement("base-official-shapes")
@pytest.mark.parametrize("revision", ALL)
async def test_all_that_is_said_on_the_way_is_of_its_type(bench, revision):
    ear, params = Ear(), {"name": "speak", "arguments": {}, "_meta": {"progressToken": "p"}}
    if revision == MODERN:
        params["_meta"] |= {**META, LEVEL: "debug"}
        message, headers = modern("tools/call", params)
        message["params"]["_meta"] |= params["_meta"]
    else:
        headers = await bench.open(revision)
        level = {"level": "debug"}
        asked = {"jsonrpc": "2.0", "id": 5, "method": "logging/setLevel", "params": level}
        await bench.send(asked, headers=headers)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

    await bench.send(message, headers=headers, voice=ear)

    said = [one["method"] for one in ear.messages]
    assert set(said) == {"notifications/progress", "notifications/message"}
    for one in ear.messages:
        assert_said(revision, one)


@pytest.mark.requirement("base-official-shapes")
async def test_all_that_a_listener_hears_is_of_its_type(bench):
    wanted = {
        "toolsListChanged": True,
        "promptsListChanged": True,
        "resourcesListChanged": True,
        "resourceSubscriptions": [STATIC],
    }
    ear = Ear()
    message, headers = modern("subscriptions/listen", {"notifications": wanted})
    listening = asyncio.ensure_future(bench.send(message, headers=headers, voice=ear))
    await ear.hear(1)
    for number, what in enumerate(CHANGES):
        await bench.engine.listening.publish(Change(*what))
        await ear.hear(number + 2)
    bench.engine.listening.drain()

    answer = told(await asyncio.wait_for(listening, WAIT_S))

    assert len({one["method"] for one in ear.messages}) == 5
    for one in ear.messages:
        assert_said(MODERN, one)
    assert_result(MODERN, "subscriptions/listen", answer["result"])


class Pipe:
    """What stands at the GET of a session."""

    is_gone = False

    def __init__(self):
        self.ear = Ear()

    def put(self, message, _event_id):
        if message:
            self.ear.push(message)

    def finish(self):
        self.is_gone = True


@pytest.mark.requirement("base-official-shapes")
@pytest.mark.parametrize("revision", LEGACY)
async def test_all_that_a_session_hears_is_of_its_type(bench, revision):
    headers, pipe = await bench.open(revision), Pipe()
    wanted = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe"}
    await bench.send({**wanted, "params": {"uri": STATIC}}, headers=headers)
    frame = Frame("r", headers=None, caller=caller(), session_id=headers["Mcp-Session-Id"])
    session = await bench.engine.find_session(frame)
    await bench.engine.listening.stand(session, caller(), pipe, None)

    for number, what in enumerate(CHANGES):
        await bench.engine.listening.publish(Change(*what))
        await pipe.ear.hear(number + 1)

    assert len({one["method"] for one in pipe.ear.messages}) == len(CHANGES)
    for one in pipe.ear.messages:
        assert_said(revision, one)
    await bench.engine.close()
