"""What a task can say to its client, and ask of it."""

import asyncio

import pytest
from task_world import FORM, settle

from atoms_mcp.engine.deadline import Deadlines
from atoms_mcp.engine.handling import Cancelled
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.engine.tasks import talk as task_talk
from atoms_mcp.engine.tasks.talk import MAX_MESSAGE_CHARS, TaskTalk
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.protocol.task import Task
from atoms_mcp.store.store import StoreDown

QUESTION = InputRequest.form("Name?", FORM)


class Kept:
    """In the place of the records: what was kept, in order."""

    def __init__(self):
        self.tasks = []
        self.is_down = False

    async def keep(self, task):
        await asyncio.sleep(0)
        if self.is_down:
            raise StoreDown
        self.tasks.append(task)
        return task


class Talk:
    def __init__(self, capabilities=("elicitation",)):
        self.kept = Kept()
        self.published = []
        self.watched = Deadlines(60).begin(None, stops_itself=True)
        self.talk = TaskTalk(
            Task("t", "ada", 1.0, 1.0), capabilities, self.watched, self.kept, self.publish
        )

    async def publish(self, change):
        self.published.append(change)


@pytest.fixture
async def one():
    return Talk()


async def test_it_says_how_far_it_is_with_and_without_an_end_or_words(one, monkeypatch):
    monkeypatch.setattr(task_talk, "MESSAGE_EVERY_S", 0)

    await one.talk.progress(1, None, None)
    await one.talk.progress(2.5, 10, None)
    await one.talk.progress(3, 10, "x" * 1000)

    said = [task.message for task in one.kept.tasks]
    assert said[:2] == ["1", "2.5 of 10"]
    assert said[2].startswith("3 of 10: xxx")
    assert len(said[2]) == MAX_MESSAGE_CHARS


async def test_what_is_said_too_often_is_kept_with_the_next_that_is(one):
    for done in range(5):
        await one.talk.progress(done, 5, None)

    assert [task.message for task in one.kept.tasks] == ["0 of 5"]
    assert one.talk.task.message == "4 of 5"


async def test_log_messages_go_nowhere(one):
    await one.talk.log("info", "hello", None)

    assert one.kept.tasks == []


async def test_changes_are_told_to_those_who_listen(one):
    await one.talk.publish(Change("tools"))

    assert one.published == [Change("tools")]


async def test_who_did_not_declare_it_is_not_asked():
    one = Talk(capabilities=())

    with pytest.raises(RpcError) as caught:
        await one.talk.ask({"name": QUESTION}, authorises=False)

    assert caught.value.code == -32021
    assert caught.value.data == {"requiredCapabilities": {"elicitation": {}}}


async def test_a_task_that_is_to_stop_asks_nothing_more(one):
    one.watched.cancel()

    assert one.talk.is_cancelled
    with pytest.raises(Cancelled):
        await one.talk.ask({"name": QUESTION}, authorises=False)


async def test_two_parts_of_the_work_may_ask_at_the_same_time_even_the_same(one):
    asking = [
        asyncio.ensure_future(one.talk.ask({key: QUESTION}, authorises=False))
        for key in ("a", "a", "b")
    ]
    await settle()

    answer = {"action": "decline"}
    await one.talk.take({"a": answer, "b": {"action": "maybe"}, "c": answer})
    assert one.talk.task.status == "input_required"
    await one.talk.take({"b": answer, "a": {"action": "cancel"}})

    assert await asyncio.gather(*asking) == [{"a": answer}, {"a": answer}, {"b": answer}]
    assert one.talk.task.status == "working"
    assert one.kept.tasks[-1].questions == {}


async def test_an_answer_for_nobody_who_waits_any_more_is_let_be(one):
    asking = asyncio.ensure_future(one.talk.ask({"a": QUESTION}, authorises=False))
    await settle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await one.talk.take({"a": {"action": "decline"}})

    assert one.talk.open_keys == []


async def test_a_store_that_is_down_stops_no_work(one):
    one.kept.is_down = True

    await one.talk.progress(1, 2, None)

    assert one.talk.task.message == "1 of 2"


async def test_nothing_is_kept_after_the_end(one):
    await one.talk.close()

    await one.talk.progress(1, 2, None)

    assert one.kept.tasks == []
