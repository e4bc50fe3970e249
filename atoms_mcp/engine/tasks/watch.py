"""Those who listen for how tasks stand, and the way of each change to them.

Who works on a task says to all processes that there is something new; what that is each of them
reads for itself, as the owner who listens there.

Source: MCP extension io.modelcontextprotocol/tasks, Task Status Notifications.
"""

import asyncio
import contextvars
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from atoms_mcp.engine.tasks.records import TaskRecords
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.protocol.task import render_task_notification
from atoms_mcp.store.channels import GAP, Subscription
from atoms_mcp.store.store import StoreDown

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Watcher:
    """One stream of an owner; `push` sends without waiting, `tag` is what messages carry."""

    owner: str
    push: Callable[[bytes], None]
    tag: bytes


class TaskWatch:
    """The watchers of this process."""

    def __init__(self, records: TaskRecords) -> None:
        self._records = records
        self._watchers: dict[str, list[_Watcher]] = {}
        self._news: Subscription | None = None
        self._hearing: asyncio.Task[None] | None = None

    async def find_known(self, owner: str, task_ids: Collection[str]) -> list[str]:
        """Give those of the ids that are tasks of this owner.

        Raises:
            StoreDown: nobody can tell.
        """
        known = []
        for task_id in task_ids:
            try:
                await self._records.find(task_id, owner)
            except RpcError:
                continue
            known.append(task_id)
        return known

    @contextmanager
    def watching(
        self, owner: str, task_ids: Collection[str], push: Callable[[bytes], None], tag: bytes
    ) -> Iterator[None]:
        """Tell a stream how tasks of its owner stand: soon, and at every change."""
        watcher = _Watcher(owner, push, tag)
        for task_id in task_ids:
            self._watchers.setdefault(task_id, []).append(watcher)
            if self._news is not None:
                self._news.take(task_id)
        if task_ids and self._hearing is None:
            # It outlives the request that begins it, so it takes nothing from it.
            self._hearing = asyncio.get_running_loop().create_task(
                self._hear(), context=contextvars.Context()
            )
        try:
            yield
        finally:
            for task_id in task_ids:
                self._remove(task_id, watcher)

    def _remove(self, task_id: str, watcher: _Watcher) -> None:
        self._watchers[task_id].remove(watcher)
        if not self._watchers[task_id]:
            del self._watchers[task_id]
        if not self._watchers and self._hearing is not None:
            self._hearing.cancel()
            self._hearing = self._news = None

    async def _hear(self) -> None:
        async with self._records.listen_news() as news:
            self._news = news
            await self._tell(*self._watchers)
            async for task_id in news:
                if task_id == GAP:
                    await self._tell(*self._watchers)
                else:
                    await self._tell(task_id)

    async def _tell(self, *task_ids: str) -> None:
        for task_id in task_ids:
            try:
                await self._tell_one(task_id)
            except RpcError:  # its time is over
                continue
            except StoreDown:
                log.warning("task.untold", hint="who listens for it hears of the next change")
            except Exception:
                # Of this one only: who listens for others goes on to hear.
                log.exception("task.untold")

    async def _tell_one(self, task_id: str) -> None:
        watchers = self._watchers.get(task_id)
        if watchers is None:
            return
        task = await self._records.find(task_id, watchers[0].owner)
        for watcher in self._watchers.get(task_id, ()):
            watcher.push(render_task_notification(task, watcher.tag))
