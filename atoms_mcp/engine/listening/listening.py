"""How clients listen for changes: by `subscriptions/listen`, or by subscriptions of a session.

What a session subscribed to is kept in the store and told to all replicas: the stream that its
client listens on may stand at another one. Where something may not have been heard, it is looked
up again.

Source: MCP 2026-07-28 basic/patterns/subscriptions; MCP 2025-11-25 server/resources,
Subscriptions; basic/transports, Listening for Messages from the Server.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import orjson
import structlog

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.failure import TOO_MANY
from atoms_mcp.engine.footing import Footing
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Cancelled, Handling
from atoms_mcp.engine.listening.hub import ASK_AT_ONCE, Hub
from atoms_mcp.engine.listening.listener import Gate, Listener
from atoms_mcp.engine.listening.rights import Rights
from atoms_mcp.engine.sessions.rows import SessionRows
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.engine.sessions.streams import Sink, Stream, Streams
from atoms_mcp.engine.tasks.watch import TaskWatch
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.capabilities import missing_capabilities
from atoms_mcp.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    Call,
    Id,
    RpcError,
    render_notification,
)
from atoms_mcp.protocol.listening import (
    MAX_URIS,
    POLLING,
    SUBSCRIPTION_ID,
    TASKS_FIELD,
    Filter,
    honour,
    read_filter,
    read_uri,
    render_acknowledgement,
    render_tag,
)
from atoms_mcp.protocol.results import Result
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.protocol.task import TASKS
from atoms_mcp.store.store import StoreDown

# When the store is asked once more what it could not tell.
AGAIN_S: Final = 1.0
# On a transport that works on a hundred messages at a time, each of these is one.
MAX_ON_LINE: Final = 50

log = structlog.get_logger(__name__)


class Listening:
    """Begins and ends what is listened for. `now` gives Unix seconds.

    `changing` names the lists that may change while the server runs. `tasks` tells how tasks
    stand.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        hub: Hub,
        rows: SessionRows,
        footing: Footing,
        handling: Handling,
        rights: Rights,
        *,
        changing: Collection[str],
        tasks: TaskWatch,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._hub = hub
        self.streams = Streams()
        self._rows = rows
        self._verifier = footing.verifier
        self._sessions = footing.sessions
        self._handling = handling
        self._rights = rights
        self._changing = changing
        self._tasks = tasks
        self._now = now
        self._has_gap = False
        self._reload: asyncio.Task[None] | None = None
        # By the key of their session: what stands here for it, be it heard at the moment or not.
        self._standing: dict[str, tuple[Session, Listener]] = {}
        self._open: dict[tuple[str, type, Id], Listener] = {}
        hub.on("subscribe", self._hear_subscribe)
        hub.on("unsubscribe", self._hear_unsubscribe)
        hub.on("stand", self._hear_stand)
        hub.on("end", self._hear_end)
        hub.on("cancel", self._hear_cancel)
        hub.on_gap(self._hear_gap)
        self.publish = hub.publish
        self.start = hub.start
        self.drain = hub.drain

    async def close(self) -> None:
        """End everything that is listened for."""
        reload = self._reload
        if reload is not None:
            reload.cancel()
        await self._hub.close()
        if reload is not None:
            await asyncio.wait([reload])
        self.streams.close()

    async def listen(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Tell the client of changes until the server or its token ends that.

        Raises:
            RpcError: the filter cannot be read, it names tasks and the client does not know them,
                or there are too many streams; whatever else `Handling.run` raises.
            Cancelled: the client has left or wants no more.
        """
        wanted, asked = read_filter(call.params), call.params["notifications"]
        if TASKS_FIELD in asked and TASKS not in revision.read_declared(call):
            raise missing_capabilities([TASKS])
        assert call.id is not None  # noqa: S101 - only requests are performed
        if frame.voice is None:
            raise RpcError(INVALID_PARAMS, "there is no way to tell you anything here")
        if frame.headers is None and len(self._open) >= MAX_ON_LINE:
            raise RpcError(TOO_MANY, f"you listen {MAX_ON_LINE} times already; cancel some first")
        with ExitStack() as room:
            begin = partial(self._begin, wanted, room)
            caller, honoured = await self._handling.run(begin, call, revision, frame)
            gate, tag = Gate(frame.voice.push), render_tag(call.id)
            with self._tasks.watching(caller.user_id, honoured.task_ids, gate.push, tag):
                await self._tell(call.id, caller, honoured, frame, gate)
        return revision.render(Result({"_meta": {SUBSCRIPTION_ID: call.id}}))

    async def _begin(
        self, wanted: Filter, room: ExitStack, context: Context
    ) -> tuple[Caller, Filter]:
        """Give who listens, and to what of that which is wanted; counted until `room` is left."""
        caller = context.caller
        self._hub.admit(caller.user_id)
        room.callback(self._hub.dismiss, caller.user_id)
        readable = await self._find_readable(caller, wanted.uris)
        task_ids = await self._find_tasks(caller, wanted.task_ids)
        await self._hub.start()
        return caller, honour(wanted, self._changing, readable, task_ids)

    async def _tell(
        self, call_id: Id, caller: Caller, honoured: Filter, frame: Frame, gate: Gate
    ) -> None:
        """Let a stream hear until it is over.

        It hears before it is told so: what changes while the acknowledgement is on its way is
        not lost, and comes after it.

        Raises:
            Cancelled: the client has left, or does not want to hear more.
        """
        assert frame.voice is not None  # noqa: S101 - it was looked at before
        listener = Listener(
            caller.user_id,
            gate.push,
            lists=honoured.lists,
            uris=honoured.uris,
            tag=render_tag(call_id),
            is_gone=frame.is_gone,
            find_caller=self._caller_source(caller, frame),
            expires_at=caller.expires_at if frame.find_caller is None else math.inf,
        )
        key = None if frame.origin is None else (frame.origin, type(call_id), call_id)
        if key is not None:
            self._open[key] = listener
        self._hub.add(listener)
        try:
            await frame.voice.send(render_acknowledgement(listener.tag, honoured))
            gate.open()
            if await listener.wait() == "gone":
                raise Cancelled
            if frame.headers is None:
                # Where nothing is closed, the end has to be said. Source: MCP 2026-07-28
                # basic/patterns/cancellation.
                cancelled = {"requestId": call_id}
                await frame.voice.send(render_notification("notifications/cancelled", cancelled))
        finally:
            self._hub.remove(listener)
            if key is not None and self._open.get(key) is listener:
                del self._open[key]

    async def cancel(self, origin: str, call_id: object, *, is_shared: bool) -> None:
        """End a stream that its client wants no more, by the id of its request.

        `is_shared` says that whatever the request wanted may be done in another process.
        """
        if not isinstance(call_id, int | str):
            return
        listener = self._open.get((origin, type(call_id), call_id))
        if listener is not None:
            listener.end("gone")
        elif is_shared:
            await self._hub.tell("cancel", origin, call_id)

    async def subscribe(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Tell a session of changes of a resource from now on.

        Raises:
            RpcError: there is no such resource that the caller can read, or too many were named.
        """
        uri, session = read_uri(call.params), _session(frame)

        async def subscribe(context: Context) -> None:
            if not await self._find_readable(context.caller, (uri,)):
                raise RpcError(
                    revision.missing_resource, "there is no such resource", data={"uri": uri}
                )
            await self._edit(session, partial(_with, uri))
            await self.attend(frame)
            await self._hub.tell("subscribe", session.key, uri)

        await self._handling.run(subscribe, call, revision, frame)
        return b"{}"

    async def unsubscribe(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Tell a session no more of a resource; one that it never named is no fault.

        Raises:
            RpcError: no resource is named.
        """
        uri, session = read_uri(call.params), _session(frame)

        async def unsubscribe(_context: Context) -> None:
            if uri in await self._load(session):
                await self._edit(session, partial(_without, uri))
                await self._hub.tell("unsubscribe", session.key, uri)

        await self._handling.run(unsubscribe, call, revision, frame)
        return b"{}"

    async def attend(self, frame: Frame) -> None:
        """Let the session of a transport with one client hear; over HTTP it has to come for it."""
        session = _session(frame)
        if frame.headers is not None or frame.voice is None or session.key in self._standing:
            return
        assert frame.find_caller is not None  # noqa: S101 - such a transport knows nobody else
        push, find_caller = frame.voice.push, frame.find_caller
        self._stand(session, push, session.owner, find_caller, math.inf)
        await self._hub.start()

    def admit(self, caller: Caller) -> None:
        """Count one more connection that stands open; see `Hub.admit`."""
        self._hub.admit(caller.user_id)

    def leave(self, caller: Caller) -> None:
        """Count one less."""
        self._hub.dismiss(caller.user_id)

    def begin(self, session: Session, sink: Sink) -> Stream:
        """Begin the stream that answers a request of a session."""
        stream = self.streams.begin(session.key, sink)
        self._prime(session, stream)
        return stream

    async def stand(
        self, session: Session, caller: Caller, sink: Sink, last_event_id: str | None
    ) -> Stream:
        """Let the client of a session hear on a connection what no request asks for.

        With the id of an event, the stream that it names goes on instead, if it is kept.
        """
        await self._hub.start()
        stream = None
        if last_event_id is not None:
            stream = self.streams.resume(session.key, last_event_id, sink)
        if stream is None:
            stream = self.streams.stand(session.key, sink)
            self._prime(session, stream)
        if stream.is_standing:
            await self._hear(session, caller, stream)
        return stream

    def _prime(self, session: Session, stream: Stream) -> None:
        # Clients of the revisions before choke on an event without a message.
        if session.revision >= POLLING:
            self.streams.prime(stream)

    async def _hear(self, session: Session, caller: Caller, stream: Stream) -> None:
        """Let a standing stream hear; who comes back does so with the token of now."""
        verify = partial(self._verifier.verify, caller.presented)
        push = partial(self.streams.send, stream)
        # One who listened here before goes on: a change may be on its way.
        _, listener = self._standing.get(session.key, (session, None))
        if listener is None:
            listener = self._stand(session, push, caller.user_id, verify, caller.expires_at)
            stream.forget = partial(self._forget, session.key, listener)
        listener.push, listener.find_caller = push, verify
        listener.expires_at = caller.expires_at
        listener.on_end = partial(self.streams.drop, stream)
        stream.stands_since = self._now()
        # What is subscribed to elsewhere from now on is told; what was before that is looked up.
        await self._hub.tell("stand", session.key, stream.stands_since)
        try:
            for uri in await self._load(session):
                self._hub.watch(listener, uri)
        except StoreDown:
            self._hear_gap()

    async def end_session(self, session: Session) -> None:
        """End all that a session listened for, wherever it did."""
        self.streams.drop_session(session.key)
        await self._rows.forget(session)
        await self._hub.tell("end", session.key)

    def _stand(
        self,
        session: Session,
        push: Callable[[bytes], None],
        user_id: str,
        find_caller: Callable[[], Awaitable[Caller]],
        expires_at: float,
    ) -> Listener:
        listener = Listener(
            user_id,
            push,
            lists=self._changing,
            find_caller=find_caller,
            expires_at=expires_at,
        )
        self._standing[session.key] = session, listener
        self._hub.add(listener)
        return listener

    def _forget(self, key: str, listener: Listener) -> None:
        self._hub.remove(listener)
        standing = self._standing.get(key)
        if standing is not None and standing[1] is listener:
            del self._standing[key]

    def _caller_source(self, caller: Caller, frame: Frame) -> Callable[[], Awaitable[Caller]]:
        return frame.find_caller or partial(self._verifier.verify, caller.presented)

    async def _find_readable(self, caller: Caller, uris: Collection[str]) -> Collection[str]:
        """Give those of the URIs that the caller can read.

        Raises:
            SupabaseError: nobody knows at the moment.
        """
        room = asyncio.Semaphore(ASK_AT_ONCE)

        async def ask(uri: str) -> bool:
            async with room:
                return await self._rights.can_read(caller, uri)

        known = await asyncio.gather(*(ask(uri) for uri in uris))
        return [uri for uri, is_readable in zip(uris, known, strict=True) if is_readable]

    async def _find_tasks(self, caller: Caller, task_ids: Collection[str]) -> Collection[str]:
        """Give those that are the caller's tasks.

        Raises:
            RpcError: nobody knows at the moment.
        """
        try:
            return await self._tasks.find_known(caller.user_id, task_ids)
        except StoreDown as down:
            raise RpcError(INTERNAL_ERROR, "tasks cannot be found now; listen again") from down

    async def _load(self, session: Session) -> list[str]:
        """Give what a session subscribed to.

        Raises:
            StoreDown: nobody knows at the moment.
        """
        return _read_uris(await self._rows.get(session, "listens"))

    async def _edit(self, session: Session, change: Callable[[str | None], str]) -> None:
        try:
            await self._rows.edit(session, "listens", change)
        except StoreDown as exc:
            raise RpcError(INTERNAL_ERROR, "this cannot be remembered now; repeat it") from exc

    def _hear_subscribe(self, said: list[Any]) -> None:
        key, uri = said
        if key in self._standing:
            self._hub.watch(self._standing[key][1], uri)

    def _hear_unsubscribe(self, said: list[Any]) -> None:
        key, uri = said
        if key in self._standing:
            self._hub.unwatch(self._standing[key][1], uri)

    def _hear_stand(self, said: list[Any]) -> None:
        """End the stream of a session that stands here: a later one stands somewhere."""
        key, since = said
        self.streams.drop_standing(key, before=since)

    def _hear_end(self, said: list[Any]) -> None:
        self._sessions.take_end(said[0])
        self.streams.drop_session(said[0])

    def _hear_cancel(self, said: list[Any]) -> None:
        origin, call_id = said
        self._handling.deadlines.cancel(origin, call_id)

    def _hear_gap(self) -> None:
        self._has_gap = True
        if self._reload is None or self._reload.done():
            self._reload = asyncio.ensure_future(self._reload_all())

    async def _reload_all(self) -> None:
        """Look up again what the sessions that stand here subscribed to, until that is known."""
        room = asyncio.Semaphore(ASK_AT_ONCE)

        async def look(session: Session, listener: Listener) -> None:
            async with room:
                try:
                    await self._reload_one(session, listener)
                except StoreDown:
                    self._has_gap = True

        while self._has_gap:
            self._has_gap = False
            await asyncio.gather(*(look(*each) for each in list(self._standing.values())))
            if self._has_gap:
                log.warning("subscriptions.unknown", hint="changes may go unheard until it is")
                await asyncio.sleep(AGAIN_S)

    async def _reload_one(self, session: Session, listener: Listener) -> None:
        before = set(listener.uris)
        found = set(await self._load(session))
        # What was told while it was looked up is newer.
        for uri in before - found:
            self._hub.unwatch(listener, uri)
        added = found - before
        for uri in added:
            self._hub.watch(listener, uri)
        self._hub.suspect(added)


def _session(frame: Frame) -> Session:
    assert frame.session is not None  # noqa: S101 - the revisions with this have sessions
    return frame.session


def _read_uris(kept: str | None) -> list[str]:
    uris: list[str] = [] if kept is None else orjson.loads(kept)
    return uris


def _with(uri: str, kept: str | None) -> str:
    """Give what is kept with one more resource.

    Raises:
        RpcError: it is one too many.
    """
    uris = _read_uris(kept)
    if uri not in uris:
        uris.append(uri)
    if len(uris) > MAX_URIS:
        raise RpcError(INVALID_PARAMS, f"a session may subscribe to {MAX_URIS} resources")
    return orjson.dumps(uris).decode()


def _without(uri: str, kept: str | None) -> str:
    return orjson.dumps([one for one in _read_uris(kept) if one != uri]).decode()
