"""What is kept of tasks."""

import base64
from dataclasses import replace

import pytest

from atoms_mcp.engine.tasks.records import ALIVE_S, KEPT_S, TaskRecords
from atoms_mcp.identity.box import Box
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown

ASKED = {"name": {"method": "elicitation/create", "params": {"message": "Name?"}}}


class Shelf:
    """Records on a store, with a clock."""

    def __init__(self):
        self.now = 1000.0
        self.store = LocalStore(None, now=lambda: self.now)
        self.records = self.another()

    def another(self, key=b"k" * 32):
        return TaskRecords(self.store, Box([key]), now=lambda: self.now)

    async def begin(self, **more):
        task = replace(self.records.start("ada"), **more)
        await self.records.show_alive(task.task_id)
        return await self.records.keep(task)


@pytest.fixture
def shelf():
    return Shelf()


async def find(shelf, task, owner="ada"):
    return await shelf.another().find(task.task_id, owner)


async def test_nobody_can_guess_a_task(shelf):
    ids = {shelf.records.start("ada").task_id for _ in range(100)}

    assert len(ids) == 100
    assert {len(one) for one in ids} == {32}


async def test_another_process_finds_what_one_kept(shelf):
    task = await shelf.begin(message="half")

    assert await find(shelf, task) == task


async def test_it_is_forgotten_after_its_time_and_not_before(shelf):
    task = await shelf.begin()
    await shelf.records.end(replace(task, status="completed", result={}))

    shelf.now += 3600
    assert (await find(shelf, task)).status == "completed"
    shelf.now += KEPT_S - 3600
    with pytest.raises(RpcError, match="no such task"):
        await find(shelf, task)


async def test_every_change_moves_the_time_of_the_last_one(shelf):
    task = await shelf.begin()

    shelf.now += 5
    changed = await shelf.records.keep(task)
    shelf.now -= 60

    assert (changed.created_at, changed.updated_at) == (1000, 1005)
    assert (await shelf.records.keep(changed)).updated_at == 1005


async def test_nothing_of_a_task_can_be_read_in_the_store(shelf):
    task = await shelf.begin(message="VEH-1 is renamed")
    await shelf.records.answer(task, {"name": {"action": "accept"}})

    for key in (f"task:{task.task_id}", f"task:{task.task_id}:answer:name"):
        kept = base64.b64decode(await shelf.store.get(key))
        assert b"VEH-1" not in kept
        assert b"accept" not in kept


async def test_a_record_of_other_keys_is_no_task(shelf):
    task = await shelf.begin()

    with pytest.raises(RpcError):
        await shelf.another(b"o" * 32).find(task.task_id, "ada")


async def test_a_record_in_the_place_of_another_is_no_task(shelf):
    mine, other = await shelf.begin(), await shelf.begin()
    kept = await shelf.store.get(f"task:{other.task_id}")
    await shelf.store.put(f"task:{mine.task_id}", kept, 2**40)

    with pytest.raises(RpcError):
        await find(shelf, mine)


async def test_a_task_whose_process_is_silent_has_failed_for_good(shelf):
    task = await shelf.begin(status="input_required", questions=ASKED)

    shelf.now += ALIVE_S - 1
    assert (await find(shelf, task)).status == "input_required"
    shelf.now += 1
    buried = await find(shelf, task)
    ended = await shelf.records.end(replace(task, status="completed", result={}))

    assert buried.status == "failed"
    assert buried.questions == {}
    assert "was stopped" in buried.error["message"]
    assert ended is False
    assert (await find(shelf, task)).status == "failed"


async def test_one_that_ends_while_its_process_is_missed_has_ended_as_it_said(shelf, monkeypatch):
    task = await shelf.begin()
    shelf.now += ALIVE_S
    finder = shelf.another()
    is_marked = shelf.store.is_marked

    async def end_meanwhile(key):
        found = await is_marked(key)
        await shelf.records.end(replace(task, status="completed", result={"ok": 1}))
        return found

    monkeypatch.setattr(shelf.store, "is_marked", end_meanwhile)

    assert (await finder.find(task.task_id, "ada")).result == {"ok": 1}


async def test_one_that_another_buries_at_the_same_moment_has_failed(shelf):
    task = await shelf.begin()
    shelf.now += ALIVE_S
    await shelf.store.take_once(f"task:{task.task_id}:end", shelf.now + 10)

    assert (await find(shelf, task)).status == "failed"


async def test_what_is_answered_is_asked_no_more(shelf):
    asked = ASKED | {"more": ASKED["name"]}
    task = await shelf.begin(status="input_required", questions=asked)

    await shelf.records.answer(task, {"name": {"action": "decline"}})
    halfway = await find(shelf, task)
    await shelf.records.answer(task, {"more": {"action": "decline"}})
    answered = await find(shelf, task)

    assert (halfway.status, list(halfway.questions)) == ("input_required", ["more"])
    assert (answered.status, answered.questions) == ("working", {})
    found = await shelf.records.find_answers(task.task_id, ["name", "more", "other"])
    assert found == {"name": {"action": "decline"}, "more": {"action": "decline"}}


async def test_who_works_on_it_hears_of_answers_and_of_the_wish_to_stop(shelf):
    task = await shelf.begin()

    async with shelf.records.listen() as ids:
        await shelf.another().answer(task, {})
        await shelf.another().ask_to_stop(task)

        assert [await anext(ids), await anext(ids)] == [task.task_id] * 2
    assert await shelf.records.shall_stop(task.task_id)
    assert not await shelf.records.shall_stop("other")


async def test_an_end_that_could_not_be_kept_can_be_kept_by_who_took_it_alone(shelf, monkeypatch):
    task = await shelf.begin()
    ended = replace(task, status="completed", result={"ok": 1})
    put = shelf.store.put

    async def down(*_given, **_more):
        raise StoreDown

    monkeypatch.setattr(shelf.store, "put", down)
    with pytest.raises(StoreDown):
        await shelf.records.end(ended)
    monkeypatch.setattr(shelf.store, "put", put)

    assert await shelf.another().end(replace(task, status="cancelled")) is False
    assert await shelf.records.end(ended) is True
    assert (await find(shelf, task)).status == "completed"


async def test_where_there_is_no_room_tasks_go_first(shelf):
    task = await shelf.begin()
    await shelf.records.answer(task, {"name": {"action": "accept"}})
    await shelf.records.ask_to_stop(task)
    await shelf.records.end(replace(task, status="completed", result={}))

    kept = shelf.store._run("SELECT spare FROM entries").fetchall()  # noqa: SLF001 - nobody else tells
    assert kept == [(1,)] * 5
