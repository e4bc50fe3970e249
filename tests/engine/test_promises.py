"""What the engine owes as a whole, beyond what each of its modules does."""

import asyncio

import orjson
import pytest
from engine_double import ALL, LEGACY, MODERN, Bench, Pipe, fault, initialize, modern, request, told
from offer_double import OFFER
from structlog.testing import capture_logs

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.talk.voice import Notes

CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


@pytest.fixture
def bench():
    return Bench(OFFER)


def declare(message, **capabilities):
    message["params"]["_meta"] = {**message["params"]["_meta"], CAPABILITIES: capabilities}
    return message


@pytest.mark.requirement("tools-capability", "res-capability", "prom-capability", "log-capability")
@pytest.mark.parametrize("revision", ALL)
async def test_what_is_there_is_declared(bench, revision):
    if revision == MODERN:
        result = told(await bench.ask(MODERN, "server/discover"))["result"]
    else:
        result = told(await bench.send(initialize(revision)))["result"]

    assert {"tools", "resources", "prompts", "logging"} <= result["capabilities"].keys()
    assert result["capabilities"]["resources"]["subscribe"] is True


@pytest.mark.requirement("disc-capabilities")
@pytest.mark.parametrize("revision", ALL)
async def test_what_is_not_there_is_not_declared(revision):
    bench = Bench()
    if revision == MODERN:
        result = told(await bench.ask(MODERN, "server/discover"))["result"]
    else:
        result = told(await bench.send(initialize(revision)))["result"]

    assert not {"resources", "prompts", "completions"} & result["capabilities"].keys()


@pytest.mark.requirement("cache-same-scope")
async def test_all_pages_of_a_list_are_kept_alike(bench):
    params, scopes = {}, []
    while True:
        result = told(await bench.ask(MODERN, "resources/list", params))["result"]
        scopes.append(result["cacheScope"])
        if "nextCursor" not in result:
            break
        params = {"cursor": result["nextCursor"]}

    assert len(scopes) > 1
    assert set(scopes) == {"private"}


@pytest.mark.requirement("canc-initialize")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_handshake_cannot_be_cancelled(bench, revision):
    pipe = Pipe(bench)
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 0}}
    opened, _ = await asyncio.gather(pipe.send(initialize(revision)), pipe.send(cancel))
    await pipe.send(cancel)

    assert told(opened)["result"]["protocolVersion"] == revision
    assert told(await pipe.send(request("ping")))["result"] == {}


@pytest.mark.requirement("canc-log")
@pytest.mark.parametrize(("reason", "logged"), [("too slow", "too slow"), (5, None), (None, None)])
async def test_why_a_call_was_cancelled_is_logged(bench, reason, logged):
    params = {"requestId": "x", "reason": reason}
    with capture_logs() as lines:
        await Pipe(bench).send(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
        )

    assert [(line["event"], line["reason"]) for line in lines] == [("call.cancelled", logged)]


@pytest.mark.requirement("prog-stops", "log-own-stream")
@pytest.mark.parametrize("revision", ALL)
async def test_nothing_is_said_after_the_answer(revision):
    contexts = []

    async def work(context, _arguments):
        contexts.append(context)
        await context.progress(1)
        return {"ok": True}

    tool = Tool("work", "Works.", work, {"type": "object"}, annotations={"readOnlyHint": True})
    bench, voice = Bench(Offer((tool,))), Notes()
    meta = {"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"}
    if revision == MODERN:
        message, headers = modern("tools/call", {"name": "work"})
    else:
        headers = await bench.open(revision)
        await bench.send(request("logging/setLevel", level="debug"), headers=headers)
        message = request("tools/call", name="work", _meta={})
    message["params"]["_meta"] |= meta
    await bench.send(message, headers=headers, voice=voice)
    said = len(voice.messages)

    await contexts[0].progress(2)
    await contexts[0].log("error", "too late")

    assert said == len(voice.messages) == 1


@pytest.mark.requirement("stdio-no-requests", "mrtr-only", "http-no-requests")
async def test_a_stateless_client_is_sent_no_request(bench):
    pipe = Pipe(bench)
    message, _ = modern("tools/call", {"name": "confirm"})

    result = told(await pipe.send(declare(message, elicitation={})))["result"]

    assert result["resultType"] == "input_required"
    assert pipe.voice.messages == []


@pytest.mark.requirement("tasks-listen-undeclared")
async def test_who_knows_no_tasks_cannot_listen_for_them(bench):
    message, headers = modern("subscriptions/listen", {"notifications": {"taskIds": ["t"]}})

    reply = await bench.send(message, headers=headers, voice=Notes())

    assert fault(reply) == (
        400,
        1,
        -32021,
        {"requiredCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}},
    )


@pytest.mark.requirement("http-own-messages", "http-related-messages")
async def test_two_calls_at_once_hear_each_its_own(bench):
    calls, voices = [], []
    for number in (1, 2):
        arguments = {"steps": [number]}
        message, headers = modern(
            "tools/call", {"name": "speak", "arguments": arguments}, call_id=number
        )
        message["params"]["_meta"] = {**message["params"]["_meta"], "progressToken": number}
        voices.append(Notes())
        calls.append(bench.send(message, headers=headers, voice=voices[-1]))
    await asyncio.gather(*calls)

    heard = [[orjson.loads(said)["params"] for said in voice.messages] for voice in voices]
    assert [[(one["progressToken"], one["progress"]) for one in each] for each in heard] == [
        [(1, 1)],
        [(2, 2)],
    ]
