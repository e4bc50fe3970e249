"""Listening for tasks: what is told of them, to whom, and when."""

import asyncio
from dataclasses import replace

import orjson
import pytest
from engine_double import CAPABILITIES_KEY, fault, modern
from structlog.testing import capture_logs
from task_world import KNOWS, TaskWorld, settle

from atoms_mcp.engine.talk.voice import Notes
from atoms_mcp.engine.tasks.records import NEWS, TaskRecords
from atoms_mcp.engine.tasks.watch import TaskWatch
from atoms_mcp.identity.box import Box
from atoms_mcp.protocol.task import TASKS
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown

TAG = b'"_meta":{"id":7}'
BOUND_S = 5
PAUSE_S = 0.002


async def until(look):
    async with asyncio.timeout(BOUND_S):
        for _ in iter(look, True):  # noqa: FBT003 - until it is true
            await asyncio.sleep(PAUSE_S)


class Stand:
    """A watch on a store of its own, and two streams."""

    def __init__(self):
        self.now = 1000.0
        self.store = LocalStore(None, now=lambda: self.now)
        self.records = TaskRecords(self.store, Box([b"k" * 32]), now=lambda: self.now)
        self.watch = TaskWatch(self.records)
        self.told, self.other = [], []

    async def begin(self, owner="ada"):
        task = self.records.start(owner)
        await self.records.show_alive(task.task_id)
        return await self.records.keep(task)

    def watching(self, *tasks, push=None):
        ids = [task.task_id for task in tasks]
        return self.watch.watching("ada", ids, push or self.told.append, TAG)


def read(message):
    told = orjson.loads(message)
    assert told["method"] == "notifications/tasks"
    assert told["params"].pop("_meta") == {"id": 7}
    return told["params"]


@pytest.fixture
def stand():
    return Stand()


async def test_how_a_task_stands_is_told_at_once_and_at_every_change(stand):
    task = await stand.begin()

    with stand.watching(task):
        await settle()
        await stand.records.keep(replace(task, message="half"))
        await settle()
        await stand.records.end(replace(task, status="completed", result={"a": 1}))
        await settle()

    told = [read(message) for message in stand.told]
    assert [one["status"] for one in told] == ["working", "working", "completed"]
    assert told[1]["statusMessage"] == "half"
    assert told[2] == (await stand.records.find(task.task_id, "ada")).describe()
    assert told[2]["result"] == {"a": 1}


async def test_each_stream_hears_of_what_it_named_and_no_longer_than_it_listens(stand):
    one, two = await stand.begin(), await stand.begin()

    with stand.watching(one, two):
        await settle()
        with stand.watching(two, push=stand.other.append):
            await settle()
        await stand.records.keep(two)
        await settle()
    await stand.records.keep(one)
    await settle()

    heard = [read(message)["taskId"] for message in stand.told]
    assert heard == [one.task_id, two.task_id, two.task_id, two.task_id]
    assert [read(message)["taskId"] for message in stand.other] == [two.task_id]


async def test_who_names_no_task_costs_nothing(stand):
    with stand.watching():
        await settle()

    assert stand.told == []


async def test_all_is_told_again_where_something_may_have_been_missed(stand):
    task = await stand.begin()

    with stand.watching(task):
        await settle()
        await stand.store.publish(NEWS, GAP)
        await stand.store.publish(NEWS, "a task that nobody here knows")
        await settle()

    assert len(stand.told) == 2


async def test_a_task_whose_time_is_over_is_told_no_more(stand):
    task = await stand.begin()

    with stand.watching(task):
        await settle()
        stand.now += 10_000
        await stand.store.publish(NEWS, task.task_id)
        await settle()

    assert len(stand.told) == 1


async def test_a_store_that_is_down_only_delays(stand, monkeypatch):
    task = await stand.begin()
    get, fails = stand.store.get, [StoreDown()]

    async def get_later(key):
        if fails:
            raise fails.pop()
        return await get(key)

    monkeypatch.setattr(stand.store, "get", get_later)
    with stand.watching(task):
        await settle()
        await stand.store.publish(NEWS, task.task_id)
        await settle()

    assert len(stand.told) == 1


async def test_what_cannot_be_told_of_one_task_keeps_no_other_from_being_told(stand, monkeypatch):
    odd, task = await stand.begin(), await stand.begin()
    find = stand.records.find

    async def fail(task_id, owner):
        if task_id == odd.task_id:
            raise ValueError("not a task")
        return await find(task_id, owner)

    monkeypatch.setattr(stand.records, "find", fail)
    with stand.watching(odd, task), capture_logs() as lines:
        await until(lambda: len(stand.told) == 1)
        await stand.store.publish(NEWS, odd.task_id)
        await stand.records.keep(replace(task, message="more"))
        await until(lambda: len(stand.told) == 2)

    assert {orjson.loads(message)["params"]["taskId"] for message in stand.told} == {task.task_id}
    assert [line["event"] for line in lines] == ["task.untold"] * 2


async def test_only_tasks_of_ones_own_are_known(stand):
    mine, other = await stand.begin(), await stand.begin("bob")

    known = await stand.watch.find_known("ada", [mine.task_id, other.task_id, "x"])

    assert known == [mine.task_id]


# As clients meet it


@pytest.fixture
async def world():
    found = TaskWorld()
    yield found
    await found.close()


class Ear:
    """A listen stream, at one of the processes."""

    def __init__(self, world, engine, capabilities=KNOWS, **wanted):
        message, headers = modern("subscriptions/listen", {"notifications": wanted}, call_id="l-1")
        message["params"]["_meta"][CAPABILITIES_KEY] = capabilities
        self.voice = Notes()
        own, world.bench.engine = world.bench.engine, engine
        self.listening = asyncio.ensure_future(
            world.bench.send(message, headers=headers, voice=self.voice)
        )
        self._world, self._own = world, own

    async def begin(self):
        await settle()
        self._world.bench.engine = self._own
        return self

    @property
    def told(self):
        return [orjson.loads(message) for message in self.voice.messages]

    async def end(self):
        self.listening.cancel()
        await asyncio.wait([self.listening])


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_client_hears_how_its_tasks_stand_through_any_process(world, elsewhere):
    task_id = await world.begin("ask")
    foreign = await world.begin("long", who="bob")
    ear = await Ear(
        world, world.other if elsewhere else world.engine, taskIds=[task_id, foreign, "x"]
    ).begin()
    await until(lambda: ear.told[-1]["params"].get("status") == "input_required")

    answer = {"name": {"action": "accept", "content": {"name": "Ada"}}}
    await world.get("tasks/update", taskId=task_id, inputResponses=answer)
    await until(lambda: ear.told[-1]["params"].get("status") == "completed")
    await ear.end()

    acknowledged, *news = ear.told
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert acknowledged["params"]["notifications"] == {"taskIds": [task_id]}
    assert {one["method"] for one in news} == {"notifications/tasks"}
    assert {one["params"]["taskId"] for one in news} == {task_id}
    tags = [one["params"]["_meta"] for one in (acknowledged, *news)]
    assert tags == [{"io.modelcontextprotocol/subscriptionId": "l-1"}] * len(tags)
    assert news[-1]["params"]["result"]["structuredContent"] == {"name": "Ada"}


@pytest.mark.requirement("tasks-listen-undeclared")
async def test_who_declared_no_tasks_cannot_listen_for_them(world):
    ear = Ear(world, world.engine, capabilities={}, taskIds=["x"])
    await ear.begin()

    needed = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
    assert fault(await ear.listening) == (400, "l-1", -32021, needed)
    assert ear.told == []


@pytest.mark.parametrize("ids", [7, ["x" * 65], [7], [""], [f"t-{n}" for n in range(101)]])
async def test_what_can_be_no_tasks_is_refused(world, ids):
    ear = Ear(world, world.engine, taskIds=ids)
    await ear.begin()

    assert fault(await ear.listening)[2] == -32602


async def test_without_a_store_nobody_knows(world, monkeypatch):
    async def down(*_given):
        raise StoreDown

    monkeypatch.setattr(world.bench.store, "get", down)
    ear = Ear(world, world.engine, taskIds=["x"])
    await ear.begin()

    assert fault(await ear.listening)[2] == -32603
