"""Tasks, as their clients meet them."""

import asyncio

import pytest
from engine_double import LEGACY, fault, told
from task_world import TaskWorld, settle

from atoms_mcp.engine.tasks import tasks
from atoms_mcp.engine.tasks.tasks import MAX_PER_USER
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.protocol.task import TASKS
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import SupabaseError

NEEDED = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
METHODS = ("tasks/get", "tasks/update", "tasks/cancel")
EMPTY = {"resultType"}


@pytest.fixture
async def world():
    found = TaskWorld()
    yield found
    await found.close()


def accept(name="Ada"):
    return {"action": "accept", "content": {"name": name}}


def members(result):
    return set(result) - {"_meta"}


# How a call becomes a task


@pytest.mark.requirement("tasks-advertised")
async def test_the_extension_is_named_where_a_tool_uses_it(world):
    discovered = await world.get("server/discover")

    assert discovered["capabilities"]["extensions"] == {TASKS: {}}


@pytest.mark.requirement("tasks-negotiated", "tasks-result-type")
async def test_a_long_call_of_a_client_that_knows_tasks_goes_on_as_one(world):
    begun = await world.get("tools/call", name="long")

    assert begun["resultType"] == "task"
    assert begun["status"] == "working"
    assert begun["ttlMs"] == 3_600_000
    assert begun["pollIntervalMs"] == 1000
    assert begun["createdAt"] == begun["lastUpdatedAt"]
    assert begun["createdAt"].endswith("Z")
    assert members(begun) == {
        "resultType",
        "taskId",
        "status",
        "createdAt",
        "lastUpdatedAt",
        "ttlMs",
        "pollIntervalMs",
    }


@pytest.mark.requirement("tasks-negotiated", "base-result-type-negotiated")
async def test_a_client_that_knows_no_tasks_waits_for_the_result(world):
    world.work.go.set()

    result = await world.get("tools/call", name="long", capabilities={})

    assert result["resultType"] == "complete"
    assert result["structuredContent"] == {"user": "id-ada"}


async def test_a_short_call_is_answered_at_once(world):
    world.work.go.set()

    result = await world.get("tools/call", name="long", arguments={"rows": 1})

    assert result["resultType"] == "complete"


@pytest.mark.requirement("tasks-required", "base-missing-capability")
async def test_what_can_only_be_a_task_is_refused_to_a_client_that_knows_none(world):
    reply = await world.ask("tools/call", name="only", capabilities={})

    assert fault(reply) == (400, 1, -32021, NEEDED)


@pytest.mark.parametrize("revision", LEGACY)
async def test_revisions_without_tasks_get_a_result_that_says_so(world, revision):
    reply = await world.bench.ask(revision, "tools/call", {"name": "only"})

    text = told(reply)["result"]["content"][0]["text"]
    assert text.startswith("unavailable: only takes long")


async def test_other_tools_run_there_as_ever(world):
    world.work.go.set()

    reply = await world.bench.ask("2025-06-18", "tools/call", {"name": "long"})

    assert told(reply)["result"]["structuredContent"] == {"user": "id-ada"}


@pytest.mark.requirement("tasks-rounds-first")
async def test_what_has_to_be_known_before_is_asked_in_rounds(world):
    world.work.go.set()

    asked = await world.get("tools/call", name="named")
    begun = await world.get(
        "tools/call",
        name="named",
        inputResponses={"name": accept()},
        requestState=asked["requestState"],
    )
    ended = await world.wait_for(begun["taskId"], "completed")

    assert asked["resultType"] == "input_required"
    assert "taskId" not in asked
    assert begun["resultType"] == "task"
    assert members(begun) & {"requestState", "inputRequests"} == set()
    assert ended["result"]["structuredContent"]["name"] == "Ada"
    assert world.work.prepared == ["Ada"]


async def test_nobody_has_more_than_so_many_tasks_at_work(world):
    for _ in range(MAX_PER_USER):
        await world.begin("long")

    refused = await world.get("tools/call", name="long")
    await world.begin("long", who="bob")

    assert refused["isError"]
    assert refused["content"][0]["text"].startswith("rate_limited: 20 of your tasks")


async def test_there_is_room_again_when_one_has_ended(world):
    ids = [await world.begin("long") for _ in range(MAX_PER_USER)]
    world.work.go.set()
    await world.wait_for(ids[-1], "completed")

    await world.begin("long")


async def test_a_task_that_cannot_be_kept_is_not_begun(world, monkeypatch):
    async def down(*_given, **_more):
        raise StoreDown

    monkeypatch.setattr(world.bench.store, "put", down)
    reply = await world.ask("tools/call", name="long")

    assert fault(reply) == (200, 1, -32603)
    assert world.work.contexts == []
    monkeypatch.undo()
    await world.begin("long")


async def test_one_whose_call_goes_away_meanwhile_is_not_begun_either(world, monkeypatch):
    hangs = asyncio.Event()

    async def hang(*_given, **_more):
        hangs.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.bench.store, "put", hang)
    calling = asyncio.ensure_future(world.ask("tools/call", name="long"))
    await hangs.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert world.work.contexts == []


# How it is asked for


@pytest.mark.requirement("tasks-durable", "tasks-get", "tasks-result-type")
async def test_any_process_can_tell_how_a_task_stands_as_soon_as_it_is_told(world):
    task_id = await world.begin("long", arguments={"rows": 7})

    working = await world.get("tasks/get", taskId=task_id, at=world.other)
    world.work.go.set()
    ended = await world.wait_for(task_id, "completed", at=world.other)

    assert (working["resultType"], working["status"]) == ("complete", "working")
    assert (ended["resultType"], ended["taskId"]) == ("complete", task_id)
    assert ended["result"]["structuredContent"] == {"user": "id-ada", "rows": 7}
    assert "error" not in ended
    assert members(working) & {"result", "error", "inputRequests"} == set()


@pytest.mark.requirement("tasks-undeclared")
@pytest.mark.parametrize("method", METHODS)
async def test_who_declared_no_tasks_is_told_to(world, method):
    reply = await world.ask(method, taskId="x", inputResponses={}, capabilities={})

    assert fault(reply) == (400, 1, -32021, NEEDED)


@pytest.mark.requirement("tasks-unknown", "tasks-errors")
@pytest.mark.parametrize("method", METHODS)
async def test_an_unknown_task_and_one_of_somebody_else_are_alike(world, method):
    task_id = await world.begin("long")

    foreign = await world.ask(method, taskId=task_id, inputResponses={}, who="bob")
    unknown = await world.ask(method, taskId="x" * 32, inputResponses={}, who="bob")

    assert fault(foreign) == fault(unknown) == (400, 1, -32602)
    assert told(foreign)["error"]["message"] == "there is no such task, or it has expired"
    assert told(foreign) == told(unknown)


@pytest.mark.parametrize("given", [{}, {"taskId": None}, {"taskId": 7}, {"taskId": "x" * 100}])
async def test_what_can_be_no_task_is_an_unknown_one(world, given):
    message = await world.stdio("tasks/get", **given)

    assert message["error"]["code"] == -32602


async def test_a_task_is_told_over_stdio_as_well(world):
    begun = await world.stdio("tools/call", name="long")
    world.work.go.set()

    await world.wait_for(begun["result"]["taskId"], "completed")


@pytest.mark.parametrize("method", ["tasks/list", "tasks/result"])
async def test_what_earlier_tasks_had_is_no_method(world, method):
    assert fault(await world.ask(method))[:3] == (404, 1, -32601)


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize("method", METHODS)
async def test_revisions_before_have_no_tasks(world, revision, method):
    reply = await world.bench.ask(revision, method, {"taskId": "x"})

    assert fault(reply)[2] == -32601


async def test_a_store_that_cannot_be_asked_is_no_unknown_task(world, monkeypatch):
    task_id = await world.begin("long")

    async def down(*_given, **_more):
        raise StoreDown

    monkeypatch.setattr(world.bench.store, "get", down)

    assert fault(await world.ask("tasks/get", taskId=task_id)) == (200, 1, -32603)


# What it asks


@pytest.mark.requirement("tasks-inputs", "tasks-keys")
async def test_a_task_tells_all_that_it_waits_for(world):
    task_id = await world.begin("ask", arguments={"keys": ["first", "second"]})

    waiting = await world.wait_for(task_id, "input_required")

    assert list(waiting["inputRequests"]) == ["first", "second"]
    assert waiting["inputRequests"]["first"]["method"] == "elicitation/create"
    assert waiting["inputRequests"]["first"]["params"]["message"] == "first?"


@pytest.mark.requirement("tasks-update", "tasks-unknown-keys")
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_answers_may_come_one_by_one_at_any_process(world, elsewhere):
    at = world.other if elsewhere else None
    task_id = await world.begin("ask", arguments={"keys": ["first", "second"]})
    await world.wait_for(task_id, "input_required")

    given = {"second": accept("B"), "strange": 7}
    acknowledged = await world.get("tasks/update", taskId=task_id, inputResponses=given, at=at)
    halfway = await world.get("tasks/get", taskId=task_id, at=at)
    await world.get(
        "tasks/update",
        taskId=task_id,
        inputResponses={"second": accept("late"), "first": accept("A")},
        at=at,
    )
    ended = await world.wait_for(task_id, "completed", at=at)

    assert members(acknowledged) == EMPTY
    assert acknowledged["resultType"] == "complete"
    assert halfway["status"] == "input_required"
    assert list(halfway["inputRequests"]) == ["first"]
    assert ended["result"]["structuredContent"] == {"first": "A", "second": "B"}


async def test_a_task_works_on_as_soon_as_nothing_is_unanswered(world):
    task_id = await world.begin("ask")
    await world.wait_for(task_id, "input_required")

    await world.get("tasks/update", taskId=task_id, inputResponses={"name": accept()})
    at_once = await world.get("tasks/get", taskId=task_id)

    assert at_once["status"] in {"working", "completed"}


@pytest.mark.requirement("tasks-errors")
@pytest.mark.parametrize(
    "answer", [None, {"action": "maybe"}, {"action": "accept", "content": {"name": 3}}]
)
async def test_what_is_no_answer_to_the_question_is_refused_and_can_be_mended(world, answer):
    task_id = await world.begin("ask")
    await world.wait_for(task_id, "input_required")

    given = {"name": answer}
    refused = await world.ask("tasks/update", taskId=task_id, inputResponses=given)
    await world.get("tasks/update", taskId=task_id, inputResponses={"name": accept()})

    assert fault(refused) == (400, 1, -32602)
    await world.wait_for(task_id, "completed")


@pytest.mark.parametrize("given", [{}, {"inputResponses": None}, {"inputResponses": []}])
async def test_answers_are_an_object(world, given):
    task_id = await world.begin("long")

    assert fault(await world.ask("tasks/update", taskId=task_id, **given)) == (400, 1, -32602)


async def test_a_task_that_has_ended_takes_no_more_answers(world):
    world.work.go.set()
    task_id = await world.begin("long")
    before = await world.wait_for(task_id, "completed")

    await world.get("tasks/update", taskId=task_id, inputResponses={"name": accept()})

    assert await world.get("tasks/get", taskId=task_id) == before


# How it ends


@pytest.mark.requirement("tasks-cancel")
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("tool", ["long", "ask", "step", "step_and_ask"])
async def test_a_client_can_stop_a_task_at_any_process(world, tool, elsewhere):
    at = world.other if elsewhere else None
    task_id = await world.begin(tool)
    await world.wait_for(task_id, "input_required" if "ask" in tool else "working")

    acknowledged = await world.get("tasks/cancel", taskId=task_id, at=at)
    ended = await world.wait_for(task_id, "cancelled", at=at)

    assert members(acknowledged) == EMPTY
    assert members(ended) & {"result", "error", "inputRequests"} == set()


async def test_one_that_stops_itself_says_how_far_it_came(world):
    task_id = await world.begin("step")
    await world.work.entered.wait()

    await world.get("tasks/cancel", taskId=task_id)
    ended = await world.wait_for(task_id, "cancelled")

    assert ended["statusMessage"] == "cancelled: 1 of 3 is made. Fix: Make the others."


async def test_one_that_is_done_all_the_same_is_completed(world):
    task_id = await world.begin("step", arguments={"is_done": True})
    await world.work.entered.wait()

    await world.get("tasks/cancel", taskId=task_id)
    ended = await world.wait_for(task_id, "completed")

    assert ended["result"]["structuredContent"] == {"made": 3}


async def test_to_stop_one_that_has_ended_changes_nothing(world):
    world.work.go.set()
    task_id = await world.begin("long")
    before = await world.wait_for(task_id, "completed")

    acknowledged = await world.get("tasks/cancel", taskId=task_id)

    assert members(acknowledged) == EMPTY
    assert await world.get("tasks/get", taskId=task_id) == before


async def test_to_stop_one_twice_is_to_stop_it_once(world):
    task_id = await world.begin("step")
    await world.work.entered.wait()

    await world.get("tasks/cancel", taskId=task_id)
    await world.get("tasks/cancel", taskId=task_id)

    await world.wait_for(task_id, "cancelled")


async def test_a_server_that_stops_lets_its_tasks_fail(world):
    task_id = await world.begin("long")
    await world.work.entered.wait()

    await world.engine.close()
    ended = await world.get("tasks/get", taskId=task_id, at=world.other)

    assert ended["status"] == "failed"
    assert "was stopped" in ended["error"]["message"]
    assert ended["statusMessage"] == ended["error"]["message"]


@pytest.mark.parametrize(
    ("tool", "more"),
    [("long", ""), ("ask", ""), ("step_and_ask", ""), ("step", " cancelled: 1 of 3 is made.")],
)
async def test_a_login_that_is_over_ends_what_works_with_it(world, tool, more):
    task_id = await world.begin(tool)
    if "ask" in tool:
        await world.wait_for(task_id, "input_required")
    else:
        await world.work.entered.wait()

    world.bench.book.known["t-ada"] = InvalidToken("expired")
    await world.engine._tasks.beat()  # noqa: SLF001 - what the clock does else
    await world.engine._tasks.beat()  # noqa: SLF001 - it does so again and again
    ended = await world.wait_for(task_id, "failed")

    said = ended["error"]["message"]
    assert said.startswith("The login that this task worked with is over (expired). Sign in again")
    assert said.partition("repeat the call.")[2].startswith(more)


async def test_what_has_not_begun_by_then_does_not_begin(world):
    world.bench.book.known["t-ada"] = InvalidToken("expired")
    task_id = await world.begin("step")
    await world.engine._tasks.beat()  # noqa: SLF001 - what the clock does else
    await world.wait_for(task_id, "failed")

    assert not world.work.entered.is_set()


async def test_a_wish_that_comes_too_late_spoils_no_end(world, monkeypatch):
    task_id = await world.begin("long")
    await world.work.entered.wait()
    take_once, ending, go = world.bench.store.take_once, asyncio.Event(), asyncio.Event()

    async def take_slowly(*given, **more):
        ending.set()
        await go.wait()
        return await take_once(*given, **more)

    monkeypatch.setattr(world.bench.store, "take_once", take_slowly)
    world.work.go.set()
    await ending.wait()
    await world.get("tasks/cancel", taskId=task_id)
    await settle()
    await world.engine._tasks.beat()  # noqa: SLF001 - what the clock does else
    go.set()

    await world.wait_for(task_id, "completed")


@pytest.mark.parametrize("trouble", [SupabaseError("down", "x"), StoreDown(), ValueError()])
async def test_a_login_that_nobody_can_tell_of_goes_on(world, trouble):
    task_id = await world.begin("long")
    await world.work.entered.wait()

    world.bench.book.known["t-ada"] = trouble
    await world.engine._tasks.beat()  # noqa: SLF001 - what the clock does else
    world.work.go.set()

    await world.wait_for(task_id, "completed")


@pytest.mark.requirement("tasks-quiet")
async def test_progress_is_told_to_who_asks_and_to_nobody_else(world):
    task_id = await world.begin("step")
    await world.work.entered.wait()

    working = await world.get("tasks/get", taskId=task_id)

    assert working["statusMessage"] == "1 of 3: one is made"


async def test_signs_of_life_come_by_themselves(world, monkeypatch):
    shown = asyncio.Event()
    show_alive = world.engine._tasks._records.show_alive  # noqa: SLF001 - the clock's doing

    async def show(task_id):
        await show_alive(task_id)
        if world.work.entered.is_set():
            shown.set()

    monkeypatch.setattr(world.engine._tasks, "_beat_s", 0.001)  # noqa: SLF001 - the same
    monkeypatch.setattr(world.engine._tasks._records, "show_alive", show)  # noqa: SLF001 - the same
    await world.begin("long")

    async with asyncio.timeout(5):
        await shown.wait()


async def test_answers_are_looked_for_again_where_messages_may_have_been_missed(world):
    task_id = await world.begin("ask")
    await world.wait_for(task_id, "input_required")
    store = world.bench.store
    publish, store.publish = store.publish, _lose

    await world.get("tasks/update", taskId=task_id, inputResponses={"name": accept()})
    await publish("tasks", "a task of somebody else")
    assert (await world.get("tasks/get", taskId=task_id))["status"] == "working"
    await publish("tasks", GAP)

    await world.wait_for(task_id, "completed")


async def _lose(_channel, _message):
    """Bring a message to nobody."""


@pytest.mark.parametrize("trouble", [StoreDown, ValueError])
async def test_a_store_that_fails_for_a_moment_only_delays_an_answer(world, monkeypatch, trouble):
    task_id = await world.begin("ask")
    await world.wait_for(task_id, "input_required")
    is_marked, fails = world.bench.store.is_marked, [trouble()]

    async def ask(key):
        if key.endswith("stop") and fails:
            raise fails.pop()
        return await is_marked(key)

    monkeypatch.setattr(world.bench.store, "is_marked", ask)
    await world.get("tasks/update", taskId=task_id, inputResponses={"name": accept()})
    await settle()
    assert fails == []
    await world.engine._tasks.beat()  # noqa: SLF001 - what the clock does else

    await world.wait_for(task_id, "completed")


async def test_work_that_does_not_stop_is_not_waited_for_for_long(world, monkeypatch):
    monkeypatch.setattr(tasks, "CLOSE_S", 0.01)
    stubborn = asyncio.Event()

    async def go_on(*_given):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        stubborn.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.work.go, "wait", go_on)
    await world.begin("long")
    await world.work.entered.wait()

    async with asyncio.timeout(5):
        await world.engine.close()
        await stubborn.wait()


async def test_the_work_knows_what_its_client_can_be_asked(world):
    await world.begin("long")
    await world.work.entered.wait()

    (context,) = world.work.contexts
    assert context.can("elicitation")
    assert not context.can("sampling")
    assert set(context.capabilities) == {"elicitation", TASKS}
