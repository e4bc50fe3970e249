"""The work on one task, in the process that took its call."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import structlog

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.deadline import DeadlinePassed, Watched
from atoms_mcp.engine.failure import EXPECTED, RIGHTS, explain, render_failure
from atoms_mcp.engine.handling import Cancelled, Handling
from atoms_mcp.engine.offer.toolbox import Prepared
from atoms_mcp.engine.operations.success import render_success
from atoms_mcp.engine.tasks.records import RESTARTED, TaskRecords
from atoms_mcp.engine.tasks.talk import TaskTalk
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.jsonrpc import INTERNAL_ERROR, RpcError
from atoms_mcp.protocol.results import ToolResult
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.protocol.task import TTL_MS, Status, Task
from atoms_mcp.store.store import StoreDown

# What comes of it can be read for a while before the task is forgotten.
LIMIT_S: Final = TTL_MS / 1000 - 600
MAX_SUMMARY_CHARS: Final = 2000
END_TRIES: Final = 20
END_PAUSE_S: Final = 3.0
STOPPED: Final = "stopped as was wished; read what was done before"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call that is to become a task, with all that it may be done with."""

    tool: Prepared
    arguments: dict[str, Any]
    caller: Caller
    revision: Revision
    capabilities: Collection[str]
    request_id: str


class TaskWork:
    """Works on one task; `end_pause_s` lies between tries to keep how it ended."""

    def __init__(
        self,
        task: Task,
        accepted: Accepted,
        handling: Handling,
        records: TaskRecords,
        *,
        end_pause_s: float = END_PAUSE_S,
    ) -> None:
        self.task = task
        self.accepted = accepted
        self._handling = handling
        self._records = records
        self._end_pause_s = end_pause_s
        self._runner: asyncio.Task[Any] | None = None
        self._watched: Watched | None = None
        self._talk: TaskTalk | None = None
        self._reason: str | None = None

    async def run(self) -> Status:
        """Work until the end, and keep how that was; give it, too."""
        watched = self._handling.deadlines.begin(
            None, LIMIT_S, stops_itself=self.accepted.tool.stops_itself
        )
        self._runner, self._watched = asyncio.current_task(), watched
        talk = self._talk = TaskTalk(
            self.task,
            self.accepted.capabilities,
            watched,
            self._records,
            self._handling.means.publish,
        )
        try:
            ended = await self._find_end(talk, watched)
        finally:
            self._handling.deadlines.end(watched)
            self._talk = None  # from now on nothing can be wished
        await talk.close()
        await self._keep_end(ended)
        return ended.status

    async def look(self) -> None:
        """Look for answers that were left, and for the wish that this be stopped."""
        if self._talk is None or self._watched is None:
            return  # it has not begun yet, or it is over
        task_id = self.task.task_id
        if self._watched.is_cancelled:
            return
        if await self._records.shall_stop(task_id):
            self._wish_end()
        elif self._talk.open_keys:
            await self._talk.take(await self._records.find_answers(task_id, self._talk.open_keys))

    def stop(self, reason: str) -> None:
        """Stop it although its client did not wish that."""
        if self._reason is None:
            self._reason = reason
            self._wish_end()

    def _wish_end(self) -> None:
        """Stop the work, or let it stop itself where it can."""
        if self._talk is None or self._watched is None or self._runner is None:
            return  # what has not begun looks at the reason first
        self._watched.cancel()
        if self.accepted.tool.stops_itself and self._talk.open_keys:
            self._runner.cancel()  # it waits, and cannot look itself

    async def _find_end(self, talk: TaskTalk, watched: Watched) -> Task:
        if self._reason is not None:
            return self._end_early(talk.task, "")
        accepted = self.accepted
        context = Context(accepted.caller, self._handling.rest, accepted.request_id, talk)
        try:
            found = await accepted.tool.handler(context, accepted.arguments)
            result = render_success(found, accepted.tool)
        except (asyncio.CancelledError, Cancelled):
            return self._explain_stop(talk, watched)
        except EXPECTED as error:
            result = render_failure(error, accepted.request_id)
        except Exception as error:  # noqa: BLE001 - nobody above would tell the client
            return fail(talk.task, self._explain_fault(error))
        if watched.is_cancelled and result.error_code is not None:
            return self._end_early(talk.task, _summarize(result))
        return self._complete(talk.task, result)

    def _explain_stop(self, talk: TaskTalk, watched: Watched) -> Task:
        if self._reason is not None:
            return self._end_early(talk.task, "")
        try:
            late: DeadlinePassed = self._handling.explain_end(watched)
        except Cancelled:
            return _cancel(talk.task, STOPPED)
        except asyncio.CancelledError:
            return fail(talk.task, RpcError(INTERNAL_ERROR, RESTARTED))
        return self._complete(talk.task, render_failure(late, self.accepted.request_id))

    def _end_early(self, task: Task, done: str) -> Task:
        """Give a task that was stopped; `done` says what was done before."""
        if self._reason is None:
            return _cancel(task, done)
        return fail(task, RpcError(INTERNAL_ERROR, " ".join(filter(None, (self._reason, done)))))

    def _explain_fault(self, error: Exception) -> RpcError:
        request_id = self.accepted.request_id
        if isinstance(error, RpcError):
            return error
        if isinstance(error, RIGHTS):
            return RpcError(INTERNAL_ERROR, str(explain(error, request_id)))
        log.error("task.failed", request_id=request_id, exc_info=error)
        words = f"internal error; tell the operator the id {request_id}"
        return RpcError(INTERNAL_ERROR, words)

    def _complete(self, task: Task, result: ToolResult) -> Task:
        rendered = self.accepted.revision.render_tool_result(result)
        return replace(
            task, status="completed", message="", questions={}, result=orjson.Fragment(rendered)
        )

    async def _keep_end(self, ended: Task) -> None:
        for _ in range(END_TRIES):
            try:
                await self._records.end(ended)
            except StoreDown:
                log.warning("task.end_unkept", hint="it is tried again for a while")
                await asyncio.sleep(self._end_pause_s)
            else:
                return


def fail(task: Task, fault: RpcError) -> Task:
    """Give a task that ends with an error."""
    error: dict[str, Any] = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        error["data"] = fault.data
    return replace(task, status="failed", message=fault.message, questions={}, error=error)


def _cancel(task: Task, message: str) -> Task:
    return replace(task, status="cancelled", message=message, questions={})


def _summarize(result: ToolResult) -> str:
    """Give the first text of a result: what was done before the work was stopped."""
    shown = result.content
    if shown is None:
        shown = "" if result.structured is None else result.structured.decode()
    if not isinstance(shown, str):
        shown = next((block["text"] for block in shown if block["type"] == "text"), "")
    return shown[:MAX_SUMMARY_CHARS]
