from types import MappingProxyType

import orjson
import pytest

from atoms_mcp.protocol.task import Task

TASK = Task("t-1", "ada", 1_795_000_000.0, 1_795_000_001.5)
ASKED = {"name": MappingProxyType({"method": "roots/list", "params": {}})}


def change(**more):
    return Task("t-1", "ada", 1.0, 2.0, **more)


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        change(status="input_required", questions=ASKED),
        change(status="completed", result={"content": []}),
        change(status="failed", message="broken", error={"code": 1, "message": "broken"}),
    ],
)
def test_what_is_kept_comes_back(task):
    assert Task.decode(task.encode()) == task


def test_a_result_may_be_encoded_already():
    task = change(status="completed", result=orjson.Fragment(b'{"content":[]}'))

    assert Task.decode(task.encode()).result == {"content": []}


def test_times_are_told_in_universal_time():
    told = TASK.describe()

    assert told["createdAt"] == "2026-11-18T11:06:40.000Z"
    assert told["lastUpdatedAt"] == "2026-11-18T11:06:41.500Z"


@pytest.mark.parametrize(
    ("task", "more"),
    [
        (change(), {}),
        (change(message="half"), {"statusMessage": "half"}),
        (change(status="input_required", questions=ASKED), {"inputRequests": ASKED}),
        (change(status="completed", result={"a": 1}), {"result": {"a": 1}}),
        (change(status="failed", error={"code": 1}), {"error": {"code": 1}}),
        (change(status="cancelled"), {}),
    ],
)
def test_each_status_tells_what_belongs_to_it_and_nothing_of_its_owner(task, more):
    told = task.describe()

    always = {"taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs"}
    assert {key: told[key] for key in told.keys() - always} == more
    assert "ada" not in str(told)


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("working", False),
        ("input_required", False),
        ("completed", True),
        ("failed", True),
        ("cancelled", True),
    ],
)
def test_a_task_stays_as_it_is_once_it_has_ended(status, ended):
    assert change(status=status).has_ended is ended
