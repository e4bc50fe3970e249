"""What is said on the way to an answer, in every revision."""

import orjson
import pytest
from engine_double import ALL, LEGACY, META, MODERN, Bench, fault, modern, request, told
from offer_double import OFFER

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.talk import speech
from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.protocol.levels import LEVELS

LEVEL = "io.modelcontextprotocol/logLevel"


@pytest.fixture
def bench():
    return Bench(OFFER)


async def speak(bench, revision, *, arguments=None, level=None, voice=None, **meta):
    """Call the tool that speaks; gives what was heard on the way, and the reply."""
    voice = voice or Notes()
    params = {"name": "speak", "arguments": arguments or {}}
    if revision == MODERN:
        message, headers = modern("tools/call", params)
        more = {} if level is None else {LEVEL: level}
        message["params"]["_meta"] = {**META, **more, **meta}
    else:
        headers = await bench.open(revision)
        if level is not None:
            reply = await bench.send(request("logging/setLevel", level=level), headers=headers)
            assert told(reply)["result"] == {}
        message = request("tools/call", **params, **({"_meta": meta} if meta else {}))
    reply = await bench.send(message, headers=headers, voice=voice)
    return [orjson.loads(said) for said in voice.messages], reply


@pytest.mark.requirement("prog-token", "log-asked-for")
@pytest.mark.parametrize("revision", ALL)
async def test_who_asks_for_nothing_hears_nothing(bench, revision):
    heard, reply = await speak(bench, revision)

    assert heard == []
    assert told(reply)["result"]["isError"] is False


@pytest.mark.requirement("prog-token", "prog-message")
@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize("token", ["p1", 7, 0, ""])
async def test_progress_goes_to_who_gave_a_token(bench, revision, token):
    heard, _ = await speak(bench, revision, arguments={"steps": [1, 3]}, progressToken=token)

    assert [note["method"] for note in heard] == ["notifications/progress"] * 2
    assert [note["params"]["progress"] for note in heard] == [1, 3]
    for note in heard:
        assert note["params"]["progressToken"] == token
        assert type(note["params"]["progressToken"]) is type(token)
        assert note["params"]["total"] == 3
        assert ("message" in note["params"]) == (revision != "2024-11-05")


@pytest.mark.requirement("prog-token")
@pytest.mark.parametrize("token", [None, [], {}, 1.5, True])
async def test_a_token_that_is_none_is_passed_over(bench, token):
    heard, reply = await speak(bench, MODERN, progressToken=token)

    assert heard == []
    assert reply.status == 200


@pytest.mark.requirement("prog-increases")
async def test_progress_only_grows(bench):
    heard, _ = await speak(bench, MODERN, arguments={"steps": [3, 2, 3, 1]}, progressToken="p")

    assert [note["params"]["progress"] for note in heard] == [3]


@pytest.mark.requirement("prog-rate")
async def test_progress_comes_no_faster_than_anybody_looks(bench):
    steps = [number / 1000 for number in range(1, 1000)]

    heard, _ = await speak(bench, MODERN, arguments={"steps": [*steps, 3]}, progressToken="p")

    assert len(heard) < 500
    assert heard[-1]["params"]["progress"] == 3


@pytest.mark.requirement("log-level", "log-asked-for")
@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize(
    ("level", "found"),
    [
        ("debug", ["debug", "warning"]),
        ("info", ["warning"]),
        ("warning", ["warning"]),
        ("error", []),
    ],
)
async def test_log_messages_reach_who_wants_that_level(bench, revision, level, found):
    heard, _ = await speak(bench, revision, level=level)

    assert [note["method"] for note in heard] == ["notifications/message"] * len(found)
    assert [note["params"]["level"] for note in heard] == found
    if found:
        assert heard[-1]["params"] == {
            "level": "warning",
            "logger": "speaker",
            "data": {"found": 3},
        }


@pytest.mark.requirement("log-bad-level")
@pytest.mark.parametrize("level", ["loud", "", None, 5, [], "INFO"])
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_level_that_there_is_not_is_refused(bench, revision, level):
    reply = await bench.ask(revision, "logging/setLevel", {"level": level})

    assert fault(reply) == (200, 1, -32602)


@pytest.mark.requirement("log-bad-level")
async def test_a_level_that_there_is_not_is_refused_in_the_metadata_as_well(bench):
    _, reply = await speak(bench, MODERN, level="loud")

    assert fault(reply) == (400, 1, -32602)


@pytest.mark.parametrize("level", LEVELS)
async def test_every_level_can_be_set(bench, level):
    assert told(await bench.ask("2025-11-25", "logging/setLevel", {"level": level}))["result"] == {}


async def test_where_nothing_can_be_said_nothing_is_said(bench):
    params = {"name": "speak", "arguments": {}}
    message, headers = modern("tools/call", params)
    message["params"]["_meta"] = {**META, LEVEL: "debug", "progressToken": "p"}

    reply = await bench.send(message, headers=headers)

    assert told(reply)["result"]["isError"] is False


class Clock:
    """A monotonic clock that a test may move."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(speech, "time", made)
    return made


async def talk(handler, level="debug"):
    """Let a tool speak, and give the levels and data of what was heard of it."""
    tool = Tool("talk", "Talks.", handler, {"type": "object"}, annotations={"readOnlyHint": True})
    voice = Notes()
    message, headers = modern("tools/call", {"name": "talk", "arguments": {}})
    message["params"]["_meta"] = {**META, LEVEL: level}
    await Bench(Offer((tool,))).send(message, headers=headers, voice=voice)
    heard = [orjson.loads(said)["params"] for said in voice.messages]
    return [(one["level"], one["data"]) for one in heard]


@pytest.mark.requirement("log-rate")
async def test_a_flood_of_log_messages_is_cut_and_the_next_one_says_so(clock):
    async def flood(context, _arguments):
        for number in range(1000):
            await context.log("info", number)
        clock.now += 1
        await context.log("info", "after")
        return {}

    heard = await talk(flood)

    assert heard[:20] == [("info", number) for number in range(20)]
    assert heard[20:] == [
        ("warning", "980 messages were left out: they came too fast"),
        ("info", "after"),
    ]


@pytest.mark.requirement("log-rate")
async def test_log_messages_at_a_pace_all_come(clock):
    async def speak_on(context, _arguments):
        for number in range(500):
            clock.now += speech.LOG_EVERY_S
            await context.log("info", number)
        return {}

    assert len(await talk(speak_on)) == 500


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("level", ["error", "critical", "alert", "emergency"])
async def test_errors_are_said_however_many_there_are(level):
    async def fail(context, _arguments):
        for number in range(30):
            await context.log(level, number)
        await context.log("warning", "too much")
        await context.log(level, "last")
        return {}

    heard = await talk(fail)

    assert heard[:30] == [(level, number) for number in range(30)]
    left_out = ("warning", "1 messages were left out: they came too fast")
    assert heard[30:] == [left_out, (level, "last")]


@pytest.mark.usefixtures("clock")
async def test_what_nobody_wants_to_hear_counts_for_nothing():
    async def murmur(context, _arguments):
        for number in range(100):
            await context.log("debug", number)
        await context.log("warning", "heard")
        return {}

    assert await talk(murmur, "info") == [("warning", "heard")]
