"""What is kept of tasks, so that any replica can tell how one stands, and take answers for it.

The process that works on a task writes its record, and shows every now and then that it is
alive. Others leave it answers and the wish to stop; that it should look is said on a channel.
It ends once: whoever ends it first, the worker or who finds its process dead.

Where the store has no room, all of this is spare: whoever loses a task may do its work again.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from atoms_mcp.identity.box import Box
from atoms_mcp.identity.seal import SealBroken
from atoms_mcp.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, RpcError
from atoms_mcp.protocol.listening import MAX_TASK_ID_CHARS
from atoms_mcp.protocol.task import TTL_MS, Task
from atoms_mcp.store.channels import Subscription
from atoms_mcp.store.store import Store

# A process that says nothing for so long works on nothing any more.
ALIVE_S: Final = 45.0
# Nothing is forgotten before its time, even by a clock that is ahead of ours.
KEPT_S: Final = TTL_MS / 1000 + 60
CHANNEL: Final = "tasks"
NEWS: Final = "task-news"

RESTARTED: Final = (
    "The server that worked on this task was stopped. Read what was done, then repeat the call."
)


class TaskRecords:
    """The records of a store; `now` gives Unix seconds."""

    def __init__(self, store: Store, box: Box, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._box = box
        self._now = now
        self._taken: set[str] = set()

    def start(self, owner: str) -> Task:
        """Give a new task; nothing is kept yet."""
        now = self._now()
        return Task(secrets.token_urlsafe(24), owner, now, now)

    async def keep(self, task: Task) -> Task:
        """Keep how a task stands now."""
        task = replace(task, updated_at=max(self._now(), task.updated_at))
        locked = self._box.lock(task.task_id, task.encode())
        await self._store.put(_key(task.task_id), locked, task.created_at + KEPT_S, is_spare=True)
        await self._store.publish(NEWS, task.task_id)
        return task

    async def end(self, task: Task) -> bool:
        """Keep how a task ended; False where it had ended already, and stays as it was."""
        task_id = task.task_id
        # What could not be kept after it was taken can be tried again, but here alone.
        if task_id not in self._taken:
            until = task.created_at + KEPT_S
            if not await self._store.take_once(_key(task_id, "end"), until, is_spare=True):
                return False
            self._taken.add(task_id)
        await self.keep(task)
        self._taken.discard(task_id)
        return True

    async def show_alive(self, task_id: str) -> None:
        """Show that somebody works on a task."""
        await self._store.mark(_key(task_id, "alive"), self._now() + ALIVE_S, is_spare=True)

    async def find(self, task_id: object, owner: str) -> Task:
        """Give a task of this owner as it stands.

        Raises:
            RpcError: -32602; there is none, or no more, or it is somebody else's.
        """
        task = await self._read(task_id)
        if task is None or task.owner != owner:
            raise RpcError(INVALID_PARAMS, "there is no such task, or it has expired")
        if task.has_ended:
            return task
        if not await self._store.is_marked(_key(task.task_id, "alive")):
            return await self._bury(task)
        given = await self.find_answers(task.task_id, task.questions)
        questions = {key: one for key, one in task.questions.items() if key not in given}
        if task.status == "input_required" and not questions:
            return replace(task, status="working", questions={})
        return replace(task, questions=questions)

    async def _bury(self, task: Task) -> Task:
        """End a task that nobody works on, unless it ended just now."""
        error = {"code": INTERNAL_ERROR, "message": RESTARTED}
        failed = replace(task, status="failed", message=RESTARTED, questions={}, error=error)
        if await self.end(failed):
            return failed
        last = await self._read(task.task_id)
        return last if last is not None and last.has_ended else failed

    async def _read(self, task_id: object) -> Task | None:
        if not isinstance(task_id, str) or len(task_id) > MAX_TASK_ID_CHARS:
            return None
        locked = await self._store.get(_key(task_id))
        if locked is None:
            return None
        try:
            return Task.decode(self._box.open(task_id, locked))
        except SealBroken:
            return None

    async def answer(self, task: Task, answers: Mapping[str, Any]) -> None:
        """Leave answers for whoever works on a task."""
        until = task.created_at + KEPT_S
        for key, answer in answers.items():
            name = _key(task.task_id, f"answer:{key}")
            sealed = self._box.lock(name, orjson.dumps(answer))
            await self._store.put(name, sealed, until, is_spare=True)
        await self._store.publish(CHANNEL, task.task_id)

    async def find_answers(self, task_id: str, keys: Iterable[str]) -> dict[str, Any]:
        """Give the answers that were left under these keys."""
        found: dict[str, Any] = {}
        for key in keys:
            name = _key(task_id, f"answer:{key}")
            locked = await self._store.get(name)
            if locked is not None:
                found[key] = orjson.loads(self._box.open(name, locked))
        return found

    async def ask_to_stop(self, task: Task) -> None:
        """Leave the wish that a task be stopped."""
        until = task.created_at + KEPT_S
        await self._store.mark(_key(task.task_id, "stop"), until, is_spare=True)
        await self._store.publish(CHANNEL, task.task_id)

    async def shall_stop(self, task_id: str) -> bool:
        """Tell whether somebody wished that."""
        return await self._store.is_marked(_key(task_id, "stop"))

    def listen(self) -> Subscription:
        """Give the ids of tasks to look after, as they come."""
        return self._store.subscribe(CHANNEL)

    def listen_news(self) -> Subscription:
        """Give the ids of tasks that stand otherwise than before, as it happens."""
        return self._store.subscribe(NEWS)


def _key(task_id: str, part: str = "") -> str:
    return f"task:{task_id}:{part}" if part else f"task:{task_id}"
