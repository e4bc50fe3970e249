import pytest
from engine_double import ALL, MODERN, Bench, fault, told
from offer_double import OFFER, render

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt


@pytest.fixture
def bench():
    return Bench(OFFER)


async def get(bench, arguments, revision=MODERN, name="explain"):
    return await bench.ask(revision, "prompts/get", {"name": name, "arguments": arguments})


@pytest.mark.parametrize("revision", ALL)
async def test_a_prompt_is_rendered_with_its_arguments(bench, revision):
    result = told(await get(bench, {"topic": "brakes"}, revision))["result"]

    first, sound, link = result["messages"]
    assert result["description"] == "Explains a topic."
    assert first == {"role": "user", "content": {"type": "text", "text": "About brakes"}}
    assert sound["role"] == "assistant"
    assert sound["content"]["type"] == ("text" if revision == "2024-11-05" else "audio")
    kind = "resource_link" if revision >= "2025-06-18" else "text"
    assert link["content"]["type"] == kind


@pytest.mark.requirement("prom-missing-argument", "prom-validate")
@pytest.mark.parametrize(
    "arguments",
    [
        None,
        {},
        {"count": "2"},
        {"topic": 5},
        {"topic": None},
        {"topic": "x", "colour": "red"},
        [],
        "topic",
    ],
)
async def test_arguments_that_are_not_as_it_takes_them_are_refused(bench, arguments):
    assert fault(await get(bench, arguments)) == (400, 1, -32602)


@pytest.mark.requirement("prom-unknown")
@pytest.mark.parametrize("name", ["no-such", "", None, 5, {}])
@pytest.mark.parametrize("revision", [MODERN, "2025-06-18"])
async def test_an_unknown_prompt_is_an_error(bench, name, revision):
    assert fault(await get(bench, {}, revision, name))[1:] == (1, -32602)


async def test_a_prompt_without_description_says_none():
    bench = Bench(Offer(prompts=(Prompt("p", "", _say_hi),)))

    result = told(await get(bench, None, name="p"))["result"]

    assert result["messages"] == []
    assert "description" not in result


async def _say_hi(_context, _arguments):
    return []


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="two prompts have the same name"):
        Bench(Offer(prompts=(Prompt("p", "P.", render),) * 2))
