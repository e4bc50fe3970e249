"""The talk with the client of a task: it asks from time to time how the task stands.

What a task asks its client is part of how it stands; answers come in requests of their own, to
any replica, and wait in the store until they are looked for.

Source: MCP extension io.modelcontextprotocol/tasks, Task Update Requests.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from atoms_mcp.engine.deadline import Watched
from atoms_mcp.engine.handling import Cancelled
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.answers import BadAnswer, check_answer
from atoms_mcp.engine.talk.dialogue import Answers, Dialogue
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.engine.talk.speech import Publish
from atoms_mcp.engine.tasks.records import TaskRecords
from atoms_mcp.protocol.capabilities import missing_capabilities
from atoms_mcp.protocol.task import Status, Task
from atoms_mcp.store.store import StoreDown

MESSAGE_EVERY_S: Final = 1.0
MAX_MESSAGE_CHARS: Final = 500

log = structlog.get_logger(__name__)


class TaskTalk(Dialogue):
    """Of one task; `task` is how it stands. It is over once it is closed."""

    __slots__ = (
        "_answers",
        "_capabilities",
        "_is_closed",
        "_open",
        "_order",
        "_publish",
        "_records",
        "_said_at",
        "_watched",
        "task",
    )

    def __init__(
        self,
        task: Task,
        capabilities: Collection[str],
        watched: Watched,
        records: TaskRecords,
        publish: Publish,
    ) -> None:
        self.task = task
        self._capabilities = capabilities
        self._watched = watched
        self._records = records
        self._publish = publish
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._open: dict[str, tuple[InputRequest, asyncio.Future[None]]] = {}
        # A newer state must never be overtaken by an older one on its way to the store.
        self._order = asyncio.Lock()
        self._said_at = 0.0
        self._is_closed = False

    @property
    def capabilities(self) -> Collection[str]:
        """What the client declared when it called the tool."""
        return self._capabilities

    @property
    def is_cancelled(self) -> bool:
        """Whether the client wished the task to stop."""
        return self._watched.is_cancelled

    @property
    def open_keys(self) -> list[str]:
        """The keys of the questions that wait for an answer."""
        return list(self._open)

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Say how far the work has come: in words, for whoever asks how it stands."""
        far = f"{done:g}" if total is None else f"{done:g} of {total:g}"
        said = f"{far}: {message}" if message else far
        self.task = replace(self.task, message=said[:MAX_MESSAGE_CHARS])
        now = time.monotonic()
        if now - self._said_at >= MESSAGE_EVERY_S:
            self._said_at = now
            await self._tell()

    async def ask(self, requests: Mapping[str, InputRequest], *, authorises: bool) -> Answers:  # noqa: ARG002 - an answer belongs to this one task
        """Give the answers, once all are there; the same key is asked once in a task's life.

        Raises:
            RpcError: the client did not declare that it can be asked this.
            Cancelled: it wishes the task to stop.
        """
        if self.is_cancelled:
            raise Cancelled
        missing = {key: one for key, one in requests.items() if key not in self._answers}
        lacking = [one.capability for one in missing.values()]
        if any(capability not in self._capabilities for capability in lacking):
            raise missing_capabilities(dict.fromkeys(lacking))
        if missing:
            await self._wait_for(missing)
        return {key: self._answers[key] for key in requests}

    async def publish(self, change: Change) -> None:
        """Tell all who listen for it that something changed."""
        await self._publish(change)

    async def _wait_for(self, requests: Mapping[str, InputRequest]) -> None:
        loop = asyncio.get_running_loop()
        for key, request in requests.items():
            if key not in self._open:
                self._open[key] = request, loop.create_future()
        futures = [self._open[key][1] for key in requests]
        await self._tell()
        await asyncio.gather(*futures)

    async def take(self, answers: Mapping[str, Any]) -> None:
        """Take answers to open questions; what does not answer its question is passed over."""
        taken = False
        for key, answer in answers.items():
            if key not in self._open:
                continue
            request, future = self._open[key]
            try:
                self._answers[key] = check_answer(request, answer)
            except BadAnswer:
                continue  # refused where it came in; so this cannot be ours
            del self._open[key]
            taken = True
            if not future.done():
                future.set_result(None)
        if taken:
            await self._tell()

    async def close(self) -> None:
        """Let nothing more be known: how it ended is said by others."""
        async with self._order:
            self._is_closed = True

    async def _tell(self) -> None:
        """Let others know how it stands."""
        async with self._order:
            if self._is_closed:
                return
            questions = {
                key: {"method": one.method, "params": one.params}
                for key, (one, _) in self._open.items()
            }
            status: Status = "input_required" if questions else "working"
            self.task = replace(self.task, status=status, questions=questions)
            try:
                self.task = await self._records.keep(self.task)
            except StoreDown:
                log.warning("task.unkept", hint="its client sees what it saw before")
