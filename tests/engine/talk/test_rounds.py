"""Questions in rounds of the same request: 2026-07-28."""

import time

import pytest
from engine_double import CAPABILITIES_KEY, MODERN, Bench, fault, modern, told
from offer_double import OFFER
from structlog.testing import capture_logs

from atoms_mcp.store.store import StoreDown

ACCEPT = {"action": "accept", "content": {"sure": True}}
EVERYTHING = {
    "elicitation": {"form": {}, "url": {}},
    "sampling": {},
    "roots": {},
}


@pytest.fixture
def bench():
    return Bench(OFFER)


async def call(bench, name, *, declared=EVERYTHING, who="ada", arguments=None, **params):
    """Call a tool with what a client declares and brings along; gives the reply."""
    given = {"name": name, "arguments": arguments or {}, **params}
    message, headers = modern("tools/call", given)
    message["params"]["_meta"] = {**message["params"]["_meta"], CAPABILITIES_KEY: declared}
    return await bench.send(message, who=who, headers=headers)


async def ask(bench, name, **more):
    result = told(await call(bench, name, **more))["result"]
    assert result["resultType"] == "input_required"
    return result


async def answer(bench, name, state, responses, **more):
    return await call(bench, name, requestState=state, inputResponses=responses, **more)


@pytest.mark.requirement("mrtr-only", "http-no-requests", "mrtr-something")
async def test_a_question_is_an_answer_and_its_answer_another_request(bench):
    asked = await ask(bench, "confirm")

    assert asked["inputRequests"] == {
        "sure": {
            "method": "elicitation/create",
            "params": {
                "mode": "form",
                "message": "Sure?",
                "requestedSchema": {
                    "type": "object",
                    "properties": {"sure": {"type": "boolean"}},
                    "required": ["sure"],
                },
            },
        }
    }
    reply = await answer(bench, "confirm", asked["requestState"], {"sure": ACCEPT})
    result = told(reply)["result"]
    assert result["resultType"] == "complete"
    assert result["structuredContent"] == {"action": "accept", "content": {"sure": True}}


@pytest.mark.requirement("elic-actions")
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_user_may_say_no(bench, action):
    asked = await ask(bench, "confirm")

    reply = await answer(bench, "confirm", asked["requestState"], {"sure": {"action": action}})

    assert told(reply)["result"]["structuredContent"] == {"action": action, "content": {}}


async def test_several_rounds_remember_the_ones_before(bench):
    first = await ask(bench, "steps")
    no = {"action": "accept", "content": {"sure": False}}
    second = told(await answer(bench, "steps", first["requestState"], {"first": no}))["result"]
    assert list(second["inputRequests"]) == ["second"]
    assert second["requestState"] != first["requestState"]

    reply = await answer(bench, "steps", second["requestState"], {"second": ACCEPT})

    assert told(reply)["result"]["structuredContent"] == {"sure": [False, True]}


@pytest.mark.requirement("mrtr-keys", "mrtr-extra")
async def test_several_questions_are_asked_at_once(bench):
    asked = await ask(bench, "both")
    assert {key: one["method"] for key, one in asked["inputRequests"].items()} == {
        "where": "roots/list",
        "capital": "sampling/createMessage",
    }
    said = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
    responses = {"where": {"roots": []}, "capital": said, "unknown": 5}

    reply = await answer(bench, "both", asked["requestState"], responses)

    assert told(reply)["result"]["structuredContent"] == {"roots": [], "said": said["content"]}


@pytest.mark.requirement("mrtr-missing")
async def test_an_answer_that_is_missing_is_asked_for_again(bench):
    asked = await ask(bench, "both")

    again = told(
        await answer(bench, "both", asked["requestState"], {"where": {"roots": []}, "x": {}})
    )["result"]

    assert list(again["inputRequests"]) == ["capital"]
    assert list((await ask(bench, "both", inputResponses={}))["inputRequests"]) == [
        "where",
        "capital",
    ]


@pytest.mark.requirement("mrtr-extra")
async def test_answers_may_come_before_they_are_asked_for(bench):
    said = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
    responses = {"where": {"roots": []}, "capital": said, "unknown": 5}

    at_once = await call(bench, "both", inputResponses=responses)
    asked = await ask(bench, "both", inputResponses={"capital": said, "unknown": 5})
    later = await answer(bench, "both", asked["requestState"], {"where": {"roots": []}})

    assert list(asked["inputRequests"]) == ["where"]
    for reply in (at_once, later):
        result = told(reply)["result"]
        assert result["structuredContent"] == {"roots": [], "said": said["content"]}


@pytest.mark.parametrize("response", [5, None, {"roots": 5}])
async def test_such_answers_are_looked_at_as_well(bench, response):
    reply = await call(bench, "both", inputResponses={"where": response, "capital": {}})

    assert fault(reply) == (400, 1, -32602)


@pytest.mark.requirement("mrtr-no-retry")
async def test_answers_without_their_state_allow_no_change(bench):
    assert await ask(bench, "confirm", inputResponses={"sure": ACCEPT})


@pytest.mark.requirement("mrtr-state-hostile")
@pytest.mark.parametrize(
    "tamper",
    [
        lambda state: state + "x",
        lambda state: state[:-4] + "AAAA",
        lambda _state: "made-up",
        lambda _state: "",
        lambda _state: 5,
        lambda _state: {},
        lambda state: "ü" + state,
    ],
)
async def test_a_state_that_was_tampered_with_is_refused_before_anything_is_done(bench, tamper):
    asked = await ask(bench, "confirm")
    state = tamper(asked["requestState"])

    assert fault(await answer(bench, "confirm", state, {"sure": ACCEPT})) == (400, 1, -32602)
    assert fault(await answer(bench, "say", state, {}, arguments={"text": "hi"}))[2] == -32602
    assert bench.tools.seen == []


@pytest.mark.requirement("mrtr-state-user", "mrtr-state-request", "elic-bound")
async def test_a_state_is_good_for_its_user_tool_and_arguments_alone(bench):
    state = (await ask(bench, "confirm"))["requestState"]
    responses = {"sure": ACCEPT}

    for reply in (
        await answer(bench, "confirm", state, responses, who="bob"),
        await answer(bench, "steps", state, responses),
        await answer(bench, "confirm", state, responses, arguments={"other": 1}),
    ):
        assert fault(reply) == (400, 1, -32602)


@pytest.mark.requirement("mrtr-state-expiry")
async def test_a_state_expires(bench, monkeypatch):
    state = (await ask(bench, "confirm"))["requestState"]
    later = time.time() + 601
    monkeypatch.setattr("atoms_mcp.engine.talk.rounds.time.time", lambda: later)

    reply = await answer(bench, "confirm", state, {"sure": ACCEPT})

    assert fault(reply) == (400, 1, -32602)
    assert "expired" in told(reply)["error"]["message"]


@pytest.mark.requirement("mrtr-state-once")
async def test_an_answer_that_allows_a_change_counts_once(bench):
    state = (await ask(bench, "confirm"))["requestState"]

    first = await answer(bench, "confirm", state, {"sure": ACCEPT})
    again = await answer(bench, "confirm", state, {"sure": ACCEPT})

    assert "result" in told(first)
    assert fault(again) == (400, 1, -32602)
    assert "have been used" in told(again)["error"]["message"]


async def test_other_answers_may_be_sent_again(bench):
    state = (await ask(bench, "both"))["requestState"]
    responses = {"where": {"roots": []}, "capital": {"content": {}}}

    for _ in range(2):
        assert "result" in told(await answer(bench, "both", state, responses))


@pytest.mark.requirement("mrtr-state-once")
async def test_without_its_store_no_change_is_allowed(bench):
    async def be_down(*_anything):
        raise StoreDown("no Redis")

    state = (await ask(bench, "confirm"))["requestState"]
    bench.store.take_once = be_down

    assert fault(await answer(bench, "confirm", state, {"sure": ACCEPT})) == (200, 1, -32603)


@pytest.mark.requirement(
    "base-missing-capability",
    "base-undeclared-capability",
    "elic-declared",
    "sampling-declared",
    "roots-declared",
    "mrtr-declared",
)
@pytest.mark.parametrize(
    ("name", "declared", "required"),
    [
        ("confirm", {}, {"elicitation": {}}),
        ("confirm", {"elicitation": {"url": {}}}, {"elicitation": {}}),
        ("visit", {"elicitation": {}}, {"elicitation": {"url": {}}}),
        ("both", {"roots": {}}, {"roots": {}, "sampling": {}}),
    ],
)
async def test_what_a_client_did_not_declare_is_not_asked_of_it(bench, name, declared, required):
    assert fault(await call(bench, name, declared=declared)) == (
        400,
        1,
        -32021,
        {"requiredCapabilities": required},
    )


async def test_a_page_is_opened_by_its_url_alone(bench):
    asked = await ask(bench, "visit")

    assert asked["inputRequests"]["page"]["params"] == {
        "mode": "url",
        "message": "Pay there.",
        "url": "https://pay.test/1",
    }
    reply = await answer(bench, "visit", asked["requestState"], {"page": {"action": "accept"}})
    assert told(reply)["result"]["structuredContent"] == {"action": "accept"}


@pytest.mark.requirement("elic-validate", "mrtr-validate")
@pytest.mark.parametrize(
    "response",
    [
        5,
        [],
        {},
        {"action": "maybe"},
        {"action": "accept"},
        {"action": "accept", "content": 5},
        {"action": "accept", "content": {}},
        {"action": "accept", "content": {"sure": "yes"}},
    ],
)
async def test_an_answer_of_another_form_is_refused(bench, response):
    state = (await ask(bench, "confirm"))["requestState"]

    reply = await answer(bench, "confirm", state, {"sure": response})

    assert fault(reply) == (400, 1, -32602)
    assert told(reply)["error"]["message"].startswith("inputResponses.sure ")


@pytest.mark.requirement("mrtr-validate")
@pytest.mark.parametrize("responses", [5, [], "x"])
async def test_responses_are_an_object(bench, responses):
    assert fault(await call(bench, "confirm", inputResponses=responses)) == (400, 1, -32602)


async def test_answers_too_long_to_be_carried_say_so(bench):
    asked = await ask(bench, "both")
    said = {"content": {"type": "text", "text": "x" * 20_000}}

    with capture_logs():
        reply = await answer(bench, "both", asked["requestState"], {"capital": said})

    assert told(reply)["result"]["structuredContent"]["error"]["code"] == "limit_exceeded"


@pytest.mark.requirement("mrtr-methods")
async def test_prompts_ask_as_tools_do(bench):
    params = {"name": "explain", "arguments": {"topic": "ask"}}
    message, headers = modern("prompts/get", params)
    message["params"]["_meta"] = {**message["params"]["_meta"], CAPABILITIES_KEY: EVERYTHING}
    asked = told(await bench.send(message, headers=headers))["result"]
    message["params"] |= {
        "requestState": asked["requestState"],
        "inputResponses": {"sure": ACCEPT},
    }

    result = told(await bench.send(message, headers=headers))["result"]

    assert result["messages"][0]["content"]["text"] == "sure: True"


@pytest.mark.requirement("mrtr-methods")
async def test_lists_ask_nothing(bench):
    result = told(await bench.ask(MODERN, "tools/list"))["result"]

    assert result["resultType"] == "complete"
