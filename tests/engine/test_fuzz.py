"""Whatever comes, the engine answers it: no exception, no 5xx, no request without its answer."""

import asyncio
import json

import pytest
from engine_double import ALL, LEGACY, META, Bench, modern, told
from hypothesis import given, settings
from hypothesis import strategies as st

from atoms_mcp.protocol.jsonrpc import find_id

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
METHODS = st.sampled_from(
    [
        "initialize",
        "ping",
        "server/discover",
        "tools/list",
        "tools/call",
        "notifications/initialized",
        "notifications/cancelled",
        "no/such",
    ]
)
IDS = st.integers(-5, 5) | st.text(max_size=3)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["say", "whoami", "fail", "routed"]) | JSON,
        "arguments": st.dictionaries(st.sampled_from(["text", "tone", "region"]), JSON) | JSON,
        "cursor": JSON,
        "protocolVersion": st.sampled_from(ALL) | JSON,
        "capabilities": JSON,
        "_meta": st.just(META) | JSON,
    },
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": IDS | JSON,
        "method": METHODS | JSON,
        "params": CALLS | JSON,
        "result": JSON,
        "error": JSON,
    },
)
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": IDS, "method": METHODS, "params": CALLS}
)
BODIES = REQUESTS | MESSAGES | st.lists(REQUESTS | MESSAGES, max_size=4) | JSON
VALUES = st.sampled_from(
    [*ALL, "1900-01-01", "", "tools/call", "say", "=?base64?c2F5?="]
) | st.text(max_size=5)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id", "Mcp-Param-Region"]
        ),
        VALUES,
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def bench():
    return Bench()


@pytest.fixture(scope="module")
def run():
    """Run a coroutine, all of them in one loop."""
    with asyncio.Runner() as runner:
        yield runner.run


def encode(body):
    """Encode anything, integers of any size too."""
    return json.dumps(body).encode()


def assert_answered(message, reply):
    assert reply.status in {200, 202, 400, 404}
    if reply.body is None:
        assert reply.status == 202
        return
    answers = told(reply)
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer["jsonrpc"] == "2.0"
        assert ("result" in answer) != ("error" in answer)
    if isinstance(answers, dict) and answers.get("id") is not None:
        # The number 1 and the text "1" are two ids.
        assert answers["id"] == find_id(message)
        assert type(answers["id"]) is type(find_id(message))


def is_request(message):
    return (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and find_id(message) is not None
        and isinstance(message.get("method"), str)
        and not {"result", "error"} & message.keys()
    )


@pytest.mark.requirement("base-every-request")
@settings(max_examples=400, deadline=None)
@given(body=BODIES, headers=HEADERS, session=st.none() | st.sampled_from(LEGACY))
def test_any_message_gets_its_answer(run, bench, body, headers, session):
    async def answer():
        own = await bench.open(session) if session else {}
        return await bench.send(encode(body), headers=[*own.items(), *headers])

    reply = run(answer())

    assert_answered(body, reply)
    if is_request(body):
        assert told(reply)["id"] == body["id"]


@pytest.mark.requirement("base-every-request", "t16-malformed")
@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=200), headers=HEADERS)
def test_any_bytes_get_an_answer(run, bench, raw, headers):
    reply = run(bench.send(raw, headers=headers))

    assert reply.status in {202, 400, 404, 200}


@pytest.mark.requirement("batch-receive")
@settings(max_examples=200, deadline=None)
@given(requests=st.lists(REQUESTS, min_size=1, max_size=6))
def test_every_request_of_a_batch_gets_its_answer(run, bench, requests):
    async def answer():
        return await bench.send(encode(requests), headers=await bench.open("2025-03-26"))

    answers = told(run(answer()))

    assert [answer["id"] for answer in answers] == [request["id"] for request in requests]


@pytest.mark.requirement("base-every-request")
@settings(max_examples=200, deadline=None)
@given(params=CALLS, call_id=IDS)
def test_a_modern_call_with_any_parameters_gets_its_answer(run, bench, params, call_id):
    params = params if isinstance(params, dict) else {}
    message, headers = modern("tools/call", params, call_id=call_id)
    headers = {key: value for key, value in headers.items() if value.isascii()}

    reply = run(bench.send(encode(message), headers=headers))

    assert told(reply)["id"] == call_id
    assert reply.status in {200, 400}
