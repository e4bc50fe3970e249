"""What becomes of the work on a task."""

import pytest
import structlog
from task_world import TaskWorld, settle

from atoms_mcp.engine.tasks import work as task_work
from atoms_mcp.engine.tasks.work import TaskWork
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError


@pytest.fixture
async def world():
    found = TaskWorld()
    found.work.go.set()
    yield found
    await found.close()


@pytest.mark.requirement("tasks-failed")
@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (ToolError("not_found", "There is no VEH-1.", fix="List first."), "not_found: There is"),
        (SupabaseError("down", "x"), "unavailable: The database"),
    ],
)
async def test_what_a_model_can_mend_completes_the_task(world, fault, text):
    world.work.fault = fault

    ended = await world.wait_for(await world.begin("only"), "completed", "failed")

    assert ended["status"] == "completed"
    assert ended["result"]["isError"] is True
    assert ended["result"]["content"][0]["text"].startswith(text)


@pytest.mark.requirement("tasks-failed", "tasks-failed-message")
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RpcError(-32077, "broken"), {"code": -32077, "message": "broken"}),
        (
            RpcError(-32077, "broken", data={"at": 1}),
            {"code": -32077, "message": "broken", "data": {"at": 1}},
        ),
    ],
)
async def test_what_would_have_been_an_error_fails_it(world, fault, error):
    world.work.fault = fault

    ended = await world.wait_for(await world.begin("only"), "completed", "failed")

    assert ended["status"] == "failed"
    assert ended["error"] == error
    assert ended["statusMessage"] == "broken"
    assert "result" not in ended


async def test_a_login_that_ran_out_on_the_way_fails_it_in_words(world):
    world.work.fault = CallerExpired("PGRST303")

    ended = await world.wait_for(await world.begin("only"), "failed")

    assert ended["error"]["code"] == -32603
    assert "sign in" in ended["error"]["message"]


async def test_a_fault_of_ours_is_told_by_its_id_only(world):
    world.work.fault = RuntimeError("secret")

    with structlog.testing.capture_logs() as logged:
        ended = await world.wait_for(await world.begin("only"), "failed")

    message = "internal error; tell the operator the id r-1"
    assert ended["error"] == {"code": -32603, "message": message}
    assert (logged[0]["event"], logged[0]["request_id"]) == ("task.failed", "r-1")


async def test_work_that_takes_too_long_is_stopped(world, monkeypatch):
    monkeypatch.setattr(task_work, "LIMIT_S", 0.001)
    world.work.go.clear()

    ended = await world.wait_for(await world.begin("only"), "completed")

    assert ended["result"]["content"][0]["text"].startswith("unavailable: The call was stopped")


async def test_an_end_that_cannot_be_kept_at_once_is_kept_later(world, monkeypatch):
    monkeypatch.setattr(TaskWork.__init__, "__kwdefaults__", {"end_pause_s": 0})
    take, fails = world.bench.store.take_once, [StoreDown, StoreDown]

    async def take_once(key, until, **more):
        if fails:
            raise fails.pop()
        return await take(key, until, **more)

    monkeypatch.setattr(world.bench.store, "take_once", take_once)

    await world.wait_for(await world.begin("only"), "completed")


async def test_it_is_not_tried_for_ever(world, monkeypatch):
    monkeypatch.setattr(TaskWork.__init__, "__kwdefaults__", {"end_pause_s": 0})
    tried = []

    async def take_once(key, _until, **_more):
        tried.append(key)
        raise StoreDown

    monkeypatch.setattr(world.bench.store, "take_once", take_once)
    task_id = await world.begin("only")
    (runner,) = world.engine._tasks._runners.values()  # noqa: SLF001 - nothing tells otherwise
    await runner

    assert len(tried) == task_work.END_TRIES
    assert (await world.get("tasks/get", taskId=task_id))["status"] == "working"


async def test_who_stops_in_the_middle_of_nothing_is_taken_for_a_restart(world):
    world.work.go.clear()
    task_id = await world.begin("only")
    await world.work.entered.wait()

    (runner,) = world.engine._tasks._runners.values()  # noqa: SLF001 - as a loop that ends
    runner.cancel()
    ended = await world.wait_for(task_id, "failed")

    assert "was stopped" in ended["error"]["message"]


async def test_nothing_is_looked_for_or_stopped_before_it_has_begun():
    work = TaskWork(None, None, None, None)

    await work.look()
    work.stop("for no reason")


def test_a_result_of_pictures_has_no_words_for_its_end():
    assert task_work._summarize(task_work.ToolResult(None, [{"type": "image"}])) == ""  # noqa: SLF001
    assert task_work._summarize(task_work.ToolResult(None)) == ""  # noqa: SLF001
    shown = [{"type": "image"}, {"type": "text", "text": "one made"}]
    assert task_work._summarize(task_work.ToolResult(None, shown)) == "one made"  # noqa: SLF001


async def test_each_end_is_logged_with_the_call_it_came_of_and_nothing_of_its_content(world):
    with structlog.testing.capture_logs() as logged:
        task_id = await world.begin("only", arguments={"secret": "VEH-1"})
        await world.wait_for(task_id, "completed")
        await settle()

    (line,) = logged
    assert line.pop("ms") >= 0
    assert line == {
        "event": "task.done",
        "log_level": "info",
        "request_id": "r-1",
        "user_id": "id-ada",
        "tool": "only",
        "status": "completed",
    }
