import pytest
from engine_double import ALL, MODERN, Bench, fault, told
from offer_double import OFFER, render

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt

PROMPT = {"type": "ref/prompt", "name": "explain"}
TEMPLATE = {"type": "ref/resource", "uri": "test://{org}/{key}"}


@pytest.fixture
def bench():
    return Bench(OFFER)


async def complete(bench, ref, argument, revision=MODERN, **more):
    params = {"ref": ref, "argument": argument, **more}
    return await bench.ask(revision, "completion/complete", params)


@pytest.mark.requirement("compl-access")
@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize(("ref", "name"), [(PROMPT, "topic"), (TEMPLATE, "key")])
async def test_values_are_suggested_from_what_the_caller_has(bench, revision, ref, name):
    reply = await complete(bench, ref, {"name": name, "value": "pa"}, revision)

    found = told(reply)["result"]["completion"]
    assert found == {"values": ["id-ada-pa0", "id-ada-pa1"], "total": 2, "hasMore": False}


@pytest.mark.requirement("compl-hundred")
async def test_no_more_than_a_hundred_are_told(bench):
    reply = await complete(
        bench,
        PROMPT,
        {"name": "topic", "value": ""},
        context={"arguments": {"count": "120"}},
    )

    found = told(reply)["result"]["completion"]
    assert (len(found["values"]), found["total"], found["hasMore"]) == (100, 120, True)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (PROMPT, "count"),
        (PROMPT, "no-such"),
        (TEMPLATE, "org"),
        ({"type": "ref/resource", "uri": "test://static"}, "x"),
    ],
)
async def test_what_has_no_suggestions_gets_none(bench, ref, name):
    reply = await complete(bench, ref, {"name": name, "value": ""})

    assert told(reply)["result"]["completion"]["values"] == []


@pytest.mark.requirement("compl-unknown")
@pytest.mark.parametrize(
    "ref",
    [
        None,
        {},
        [],
        {"type": "ref/tool", "name": "x"},
        {"type": 5},
        {"type": "ref/prompt"},
        {"type": "ref/prompt", "name": "no-such"},
        {"type": "ref/prompt", "name": 5},
        {"type": "ref/prompt", "uri": "explain"},
        {"type": "ref/resource", "uri": "test://acme/VEH"},
    ],
)
async def test_a_reference_to_nothing_is_refused(bench, ref):
    assert fault(await complete(bench, ref, {"name": "a", "value": ""})) == (400, 1, -32602)


@pytest.mark.requirement("compl-validate")
@pytest.mark.parametrize(
    "argument", [None, {}, [], {"name": "topic"}, {"value": "x"}, {"name": 5, "value": "x"}]
)
async def test_an_argument_has_a_name_and_a_value(bench, argument):
    assert fault(await complete(bench, PROMPT, argument)) == (400, 1, -32602)


@pytest.mark.parametrize("arguments", [[], {"count": 5}, "x", None])
async def test_other_arguments_are_texts(bench, arguments):
    reply = await complete(
        bench, PROMPT, {"name": "topic", "value": ""}, context={"arguments": arguments}
    )

    assert fault(reply) == (400, 1, -32602)


@pytest.mark.requirement("compl-capability")
async def test_what_suggests_nothing_does_not_say_it_would():
    bench = Bench(Offer(prompts=(Prompt("p", "P.", render),)))

    result = told(await bench.ask(MODERN, "server/discover"))["result"]

    assert "completions" not in result["capabilities"]
    assert fault(await complete(bench, PROMPT, {"name": "a", "value": ""}))[2] == -32601
