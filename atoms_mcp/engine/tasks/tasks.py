"""Tasks: tool calls that go on after their answer, in the process that took them.

A task is kept before its call is answered, so that any replica can tell how it stands. It works
as the user who made the call, for as long as that login lasts; a login that is over, a process
that stops, and its client's wish end it.

Source: MCP extension io.modelcontextprotocol/tasks, 2026-07-28.
"""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import structlog

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling
from atoms_mcp.engine.talk.answers import BadAnswer, check_answer
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.engine.tasks.records import RESTARTED, TaskRecords
from atoms_mcp.engine.tasks.work import Accepted, TaskWork
from atoms_mcp.errors import AtomsError, ToolError
from atoms_mcp.identity.verify import InvalidToken, Verifier
from atoms_mcp.protocol.capabilities import missing_capabilities
from atoms_mcp.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import Result
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.protocol.task import TASKS, Task
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import SupabaseError

MAX_PER_USER: Final = 20
MAX_RUNNING: Final = 500
BEAT_S: Final = 10.0
CLOSE_S: Final = 2.0

log = structlog.get_logger(__name__)


class TaskBegun(AtomsError):  # noqa: N818 - says what is the case
    """A call goes on as a task; `result` is what its client is told of that."""

    def __init__(self, result: Result) -> None:
        super().__init__("the call goes on as a task")
        self.result = result


class Tasks:
    """Begins the tasks of this process, looks after them, and answers for those of all.

    A sign of life, and a look at each login, comes every `beat_s`.
    """

    def __init__(
        self,
        handling: Handling,
        records: TaskRecords,
        verifier: Verifier,
        *,
        beat_s: float = BEAT_S,
    ) -> None:
        self._handling = handling
        self._records = records
        self._verifier = verifier
        self._beat_s = beat_s
        self._running: dict[str, TaskWork] = {}
        # The work itself, and those that look after it while there is any.
        self._runners: dict[str, asyncio.Task[None]] = {}
        self._keepers: list[asyncio.Task[None]] = []

    async def begin(self, accepted: Accepted) -> TaskBegun:
        """Begin a task, once it is kept.

        Raises:
            ToolError: there are too many already.
            RpcError: it cannot be kept.
        """
        task = self._records.start(accepted.caller.user_id)
        self._check_room(task.owner)
        work = self._running[task.task_id] = TaskWork(task, accepted, self._handling, self._records)
        try:
            await self._records.show_alive(task.task_id)
            await self._records.keep(task)
        except BaseException as fault:
            del self._running[task.task_id]
            if isinstance(fault, StoreDown):
                raise _unknown_now() from fault
            raise
        runner = asyncio.create_task(self._run(work))
        self._runners[task.task_id] = runner
        if not self._keepers:
            # They outlive the request that begins them, so they take nothing from it.
            self._keepers = [
                asyncio.get_running_loop().create_task(keep(), context=contextvars.Context())
                for keep in (self._hear, self._beat)
            ]
        return TaskBegun(Result({"resultType": "task", **task.describe()}))

    def _check_room(self, owner: str) -> None:
        owned = sum(work.task.owner == owner for work in self._running.values())
        if owned >= MAX_PER_USER or len(self._running) >= MAX_RUNNING:
            raise ToolError(
                "rate_limited",
                f"{owned} of your tasks are running, and no more can be begun now.",
                fix="Wait until one has ended, or cancel one with tasks/cancel.",
            )

    async def _run(self, work: TaskWork) -> None:
        task_id, began_at = work.task.task_id, time.monotonic()
        try:
            status = await work.run()
            log.info(
                "task.done",
                request_id=work.accepted.request_id,
                user_id=work.task.owner,
                tool=work.accepted.tool.name,
                status=status,
                ms=round((time.monotonic() - began_at) * 1000, 2),
            )
        finally:
            del self._running[task_id], self._runners[task_id]
            if not self._running:
                self._dismiss_keepers()

    def _dismiss_keepers(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        self._keepers = []

    async def get(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Tell how a task stands.

        Raises:
            RpcError: there is no such task; the client knows no tasks.
        """

        async def describe(_context: Context, task: Task) -> dict[str, Any]:
            return task.describe()

        return await self._do(describe, call, revision, frame)

    async def update(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Take answers to what a task asks; those to anything else are passed over.

        Raises:
            RpcError: as `get`; an answer is none to its question.
        """
        answers = call.params.get("inputResponses")
        if type(answers) is not dict:
            raise RpcError(INVALID_PARAMS, "inputResponses must be an object")

        async def take(_context: Context, task: Task) -> dict[str, Any]:
            found = {key: answers[key] for key in task.questions if key in answers}
            for key, answer in found.items():
                _check(key, task, answer)
            if found and not task.has_ended:
                await self._records.answer(task, found)
            return {}

        return await self._do(take, call, revision, frame)

    async def cancel(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Wish that a task be stopped; of one that has ended nothing changes.

        Raises:
            RpcError: as `get`.
        """

        async def stop(_context: Context, task: Task) -> dict[str, Any]:
            if not task.has_ended:
                await self._records.ask_to_stop(task)
            return {}

        return await self._do(stop, call, revision, frame)

    async def _do(
        self,
        act: Callable[[Context, Task], Awaitable[dict[str, Any]]],
        call: Call,
        revision: Revision,
        frame: Frame,
    ) -> bytes:
        """Do something with the task that a request names, as its owner."""
        if TASKS not in revision.read_declared(call):
            raise missing_capabilities([TASKS])
        return revision.render(
            Result(await self._handling.run(partial(self._find, act, call), call, revision, frame))
        )

    async def _find(
        self,
        act: Callable[[Context, Task], Awaitable[dict[str, Any]]],
        call: Call,
        context: Context,
    ) -> dict[str, Any]:
        try:
            task = await self._records.find(call.params.get("taskId"), context.caller.user_id)
            return await act(context, task)
        except StoreDown as down:
            raise _unknown_now() from down

    async def _hear(self) -> None:
        """Look after the tasks of which others say that there is something new."""
        async with self._records.listen() as ids:
            await self._look_at(*self._running.values())
            async for task_id in ids:
                if task_id == GAP:
                    await self._look_at(*self._running.values())
                elif task_id in self._running:
                    await self._look_at(self._running[task_id])

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            await self.beat()

    async def beat(self) -> None:
        """Show that all tasks here are worked on; stop those whose login is over."""
        for work in tuple(self._running.values()):
            try:
                await self._records.show_alive(work.task.task_id)
                await self._verifier.verify(work.accepted.caller.presented)
            except InvalidToken as over:
                work.stop(
                    f"The login that this task worked with is over ({over.reason}). "
                    "Sign in again, read what was done, then repeat the call."
                )
            except (StoreDown, SupabaseError):
                log.warning("task.unseen", hint="others may take it for dead")
            except Exception:
                # Of this one only: the others have to be looked after, too.
                log.exception("task.unseen")
        await self._look_at(*self._running.values())

    async def _look_at(self, *works: TaskWork) -> None:
        for work in works:
            try:
                await work.look()
            except StoreDown:
                log.warning("task.unheard", hint="answers for it are looked for again")
            except Exception:
                log.exception("task.unheard")

    async def close(self) -> None:
        """Stop all that runs here, and let its clients know; nothing is begun afterwards."""
        self._dismiss_keepers()
        for work in self._running.values():
            work.stop(RESTARTED)
        runners = set(self._runners.values())
        if runners:
            _, late = await asyncio.wait(runners, timeout=CLOSE_S)
            for runner in late:
                runner.cancel()
            if late:
                await asyncio.wait(late, timeout=CLOSE_S)


def _check(key: str, task: Task, answer: object) -> None:
    asked = task.questions[key]
    try:
        check_answer(InputRequest(asked["method"], asked["params"], ""), answer)
    except BadAnswer as fault:
        raise RpcError(INVALID_PARAMS, f"inputResponses.{key} {fault}") from None


def _unknown_now() -> RpcError:
    return RpcError(INTERNAL_ERROR, "tasks cannot be kept or found now; try again in a while")
