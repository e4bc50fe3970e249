"""Who listens to what in this process, and the way of a change to all of them.

A change goes through the store to the hubs of all processes, this one included. That a list
changed is told to everybody who asked for it. That a resource changed is told to those who can
read it at that moment, and to nobody else: each user is tried, as the one who listens.

Nothing here waits for a client: what is sent is short, and who does not take it is let go.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, Final

import orjson
import structlog

from atoms_mcp.engine.failure import TOO_MANY
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.listening.listener import Listener
from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.protocol.listening import render_list_changed, render_updated
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.store import Store, StoreDown

CHANNEL: Final = "hub"
MAX_STREAMS_PER_USER: Final = 200
MAX_STREAMS: Final = 20_000
LOOK_EVERY_S: Final = 1.0
# How many users' rights are asked for at the same time.
ASK_AT_ONCE: Final = 16
# How long what is being told may hold up the end.
CLOSE_S: Final = 1.0
# As `TOO_MANY`: a code of HTTP, which says the same.
CLOSING: Final = 503

FIELDS: Final = tuple(field.name for field in fields(Change))

CanRead = Callable[[Caller, str], Awaitable[bool]]
Hear = Callable[[list[Any]], None]

log = structlog.get_logger(__name__)


class Hub:
    """The listeners of this process. `now` gives Unix seconds.

    `can_read` tells whether a caller can read the resource of a URI.
    """

    def __init__(
        self,
        store: Store,
        can_read: CanRead,
        *,
        now: Callable[[], float] = time.time,
        look_every_s: float = LOOK_EVERY_S,
        max_per_user: int = MAX_STREAMS_PER_USER,
        max_streams: int = MAX_STREAMS,
    ) -> None:
        self._store = store
        self._can_read = can_read
        self._now = now
        self._look_every_s = look_every_s
        self._max_per_user = max_per_user
        self._max_streams = max_streams
        self._listeners: set[Listener] = set()
        self._by_uri: dict[str, set[Listener]] = {}
        self._counts: Counter[str] = Counter()
        self._hear: dict[str, Hear] = {"change": self._hear_change}
        self._hear_gaps: list[Callable[[], None]] = []
        self._changes: dict[Change, None] = {}
        self._due: dict[Change, None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._started: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closing = False

    # Speaking

    async def publish(self, change: Change) -> None:
        """Tell all who listen, soon; what is said twice before that is told once."""
        self._changes[change] = None
        self._work("publish", self._publish)

    async def tell(self, *said: object) -> None:
        """Tell the hubs of all processes something else; its name comes first."""
        try:
            await self._store.publish(CHANNEL, orjson.dumps(said).decode())
        except StoreDown:
            log.warning("change.untold", hint="who listens at other replicas does not hear of it")

    def on(self, name: str, hear: Hear) -> None:
        """Give what is told under a name to `hear`."""
        self._hear[name] = hear

    def on_gap(self, hear: Callable[[], None]) -> None:
        """Let `hear` know where something may not have been heard."""
        self._hear_gaps.append(hear)

    async def _publish(self) -> None:
        while self._changes:
            change = next(iter(self._changes))
            del self._changes[change]
            await self.tell("change", asdict(change))

    # Listening

    async def start(self) -> None:
        """Hear what is told from now on."""
        if self._started is None:
            self._started = asyncio.Event()
            self._work("hear", self._listen)
        await self._started.wait()

    def admit(self, user_id: str) -> None:
        """Count one more stream of a user, until `dismiss`.

        Raises:
            RpcError: there are too many, or the server is about to stop.
        """
        if self._is_closing:
            raise RpcError(CLOSING, "the server is about to stop; connect again", status=CLOSING)
        if self._counts[user_id] >= self._max_per_user:
            raise RpcError(
                TOO_MANY,
                f"you have {self._max_per_user} streams open here; close some first",
                status=TOO_MANY,
            )
        if self._counts.total() >= self._max_streams:
            raise RpcError(CLOSING, "too many streams are open here", status=CLOSING)
        self._counts[user_id] += 1

    def dismiss(self, user_id: str) -> None:
        """Count one stream less."""
        self._counts[user_id] -= 1
        if not self._counts[user_id]:
            del self._counts[user_id]

    def add(self, listener: Listener) -> None:
        """Tell a listener from now on."""
        self._listeners.add(listener)
        for uri in listener.uris:
            self._by_uri.setdefault(uri, set()).add(listener)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._look_every_s, self._look, loop)

    def remove(self, listener: Listener) -> None:
        """Tell it nothing more."""
        self._listeners.discard(listener)
        for uri in list(listener.uris):
            self.unwatch(listener, uri)

    def watch(self, listener: Listener, uri: str) -> None:
        """Tell a listener of one more resource."""
        listener.uris.add(uri)
        if listener in self._listeners:
            self._by_uri.setdefault(uri, set()).add(listener)

    def unwatch(self, listener: Listener, uri: str) -> None:
        """Tell it no more of a resource."""
        listener.uris.discard(uri)
        watching = self._by_uri.get(uri)
        if watching is not None:
            watching.discard(listener)
            if not watching:
                del self._by_uri[uri]

    def drain(self) -> None:
        """End all streams in good order, and take no further ones."""
        self._is_closing = True
        for listener in list(self._listeners):
            listener.end("over")

    async def close(self) -> None:
        """End everything; what was to be told is told first."""
        self.drain()
        if self._timer is not None:
            self._timer.cancel()
        hearing = self._tasks.pop("hear", None)
        if hearing is not None:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing
        if self._tasks:  # none of them fails: see `_work`
            _, late = await asyncio.wait(self._tasks.values(), timeout=CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # Hearing

    async def _listen(self) -> None:
        assert self._started is not None  # noqa: S101 - `start` made it
        async with self._store.subscribe(CHANNEL) as messages:
            self._started.set()
            async for message in messages:
                try:
                    self._hear_one(message)
                except Exception:
                    # Another version's, perhaps; what comes after it is to be heard.
                    log.exception("change.unheard")

    def _hear_one(self, message: str) -> None:
        if message == GAP:
            self._hear_gap()
        else:
            name, *said = orjson.loads(message)
            if name in self._hear:  # a newer version may say more
                self._hear[name](said)

    def _hear_change(self, said: list[Any]) -> None:
        # A newer version may say more of it, too.
        change = Change(**{name: said[0][name] for name in FIELDS if name in said[0]})
        if change.of != "resource" and not change.guard:
            self._tell_list(change.of, self._listeners)
        elif change.of != "resource" or change.uri in self._by_uri:
            self._due[change] = None
            self._work("deliver", self._deliver)

    def _hear_gap(self) -> None:
        """Take it that everything may have changed."""
        for name in ("tools", "prompts", "resources"):
            self._tell_list(name, self._listeners)
        self.suspect(self._by_uri)
        for hear in self._hear_gaps:
            hear()

    def suspect(self, uris: Collection[str]) -> None:
        """Take it that these resources may have changed: who watches them here is told."""
        self._due |= dict.fromkeys(Change("resource", uri) for uri in uris)
        self._work("deliver", self._deliver)

    def _tell_list(self, name: str, listeners: Collection[Listener]) -> None:
        for listener in listeners:
            if name in listener.lists:
                listener.push(render_list_changed(name, listener.tag))

    async def _deliver(self) -> None:
        while self._due:
            change = next(iter(self._due))
            del self._due[change]
            if change.of == "resource":
                wanting = self._by_uri.get(change.uri, ())
            else:
                wanting = {one for one in self._listeners if change.of in one.lists}
            by_user: dict[str, list[Listener]] = {}
            for listener in wanting:
                by_user.setdefault(listener.user_id, []).append(listener)
            users = list(by_user.values())
            for first in range(0, len(users), ASK_AT_ONCE):
                them = users[first : first + ASK_AT_ONCE]
                await asyncio.gather(*(self._tell_user(change, each) for each in them))

    async def _tell_user(self, change: Change, listeners: list[Listener]) -> None:
        """Tell those of one user's streams whose tokens are good, if the user may know."""
        callers = [(one, await self._find_caller(one)) for one in listeners]
        known = [(one, caller) for one, caller in callers if caller is not None]
        if not known or not await self._may_know(known[0][1], change.guard):
            return
        for listener, _ in known:
            if listener not in self._listeners:
                continue  # it ended meanwhile
            if change.of != "resource":
                listener.push(render_list_changed(change.of, listener.tag))
            elif change.uri in listener.uris:
                listener.push(render_updated(change.uri, listener.tag))

    async def _find_caller(self, listener: Listener) -> Caller | None:
        try:
            return await listener.find_caller()
        except InvalidToken:
            listener.end("over")
        except AtomsError as exc:
            log.warning("listener.unknown", fault=str(exc))
        except Exception:
            log.exception("listener.unknown")
        return None

    async def _may_know(self, caller: Caller, guard: str) -> bool:
        try:
            return await self._can_read(caller, guard)
        except Exception:
            log.exception("right.unknown", user_id=caller.user_id)
            return False

    # Looking after

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the streams whose clients have left or whose tokens have expired."""
        now = self._now()
        for listener in list(self._listeners):
            if listener.is_gone is not None and listener.is_gone():
                listener.end("gone")
            elif listener.expires_at <= now:
                listener.end("over")
        self._timer = None
        if self._listeners:
            self._timer = loop.call_later(self._look_every_s, self._look, loop)

    def _work(self, key: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something beside, unless the same is being done; what is due then is done with it."""
        going_on = self._tasks.get(key)
        if going_on is None or going_on.done():
            self._tasks[key] = asyncio.ensure_future(_guard(key, work))


async def _guard(key: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something of which nobody waits for the end; what it fails with is told to the log."""
    try:
        await work()
    except Exception:
        log.exception("hub.failed", work=key)
