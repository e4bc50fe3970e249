"""What can be said to the client of a POST before its answer: then the answer is a stream.

Nothing is opened before something is said. In a session each message gets an id, so that a client
whose connection broke can come back for the rest.

Source: MCP 2026-07-28 and 2025-11-25, basic/transports, Sending Messages to the Server.
"""

import asyncio
from contextlib import suppress

from aiohttp import hdrs, web

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.engine.sessions.streams import Stream
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.headers import PROTOCOL_VERSION, SESSION_ID
from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.protocol.listening import POLLING
from atoms_mcp.protocol.revisions import stateless
from atoms_mcp.web.accept import takes_events
from atoms_mcp.web.keys import ENGINE, EXCHANGE
from atoms_mcp.web.stream import EventStream


class PostVoice:
    """The voice of one POST."""

    # Most have nothing to say; these are the class's until one has.
    _events: EventStream | None = None
    _lock: asyncio.Lock | None = None
    _kept: Stream | None = None
    _is_resumable = False
    _counted: Caller | None = None
    opening: asyncio.Task[None] | None = None

    def __init__(self, request: web.Request) -> None:
        self._request = request

    @property
    def is_open(self) -> bool:
        """Whether something was said, so that the answer has begun."""
        return self._events is not None

    async def open(self, caller: Caller) -> None:
        """Begin the answer, as one more stream of a user until the request is done.

        Raises:
            RpcError: there are too many, or the server is about to stop.
        """
        if self._events is None:
            if self._counted is None:
                self._request.app[ENGINE].listening.admit(caller)
                self._counted = caller
            try:
                await self._open()
            except BaseException:
                self._leave()
                raise

    async def send(self, message: bytes) -> None:
        """Send one message, and wait until there is room for more."""
        events = self._events or await self._open()
        self._put(events, message)
        await events.make_room()

    def push(self, message: bytes) -> None:
        """Send one message without waiting; there has to be one before that was sent."""
        assert self._events is not None  # noqa: S101 - that one has opened it
        self._put(self._events, message)

    def keep_alive(self) -> None:
        """Begin the answer, if the client takes events: comments then keep it from giving up.

        `opening` is that while it is under way; a plain answer must not come in between.
        """
        caller = self._request[EXCHANGE].caller
        takes = takes_events(self._request.headers.get(hdrs.ACCEPT))
        if self._lock is None and caller is not None and takes:
            self.opening = asyncio.ensure_future(self._begin(caller))

    async def _begin(self, caller: Caller) -> None:
        with suppress(RpcError):  # one stream too many: it stays quiet
            await self.open(caller)

    async def release(self) -> None:
        """Let the client go, if it knows to come back; what follows is kept for it."""
        events = self._events or await self._open()
        if self._is_resumable:
            events.cut()

    def finish(self, message: bytes | None) -> web.StreamResponse:
        """Send the answer, if there is one, and give the whole as what answers the request."""
        assert self._events is not None  # noqa: S101 - otherwise there is a plain answer
        if self._kept is not None:
            self._request.app[ENGINE].listening.streams.end(self._kept, message)
        elif message is not None:
            self._events.put(message)
        self._events.finish()
        self._leave()
        return self._events

    def break_off(self) -> None:
        """End what may have begun, as there will be no answer."""
        if self.opening is not None:
            self.opening.cancel()
        if self._events is not None:
            self._events.cut()
        self._leave()

    def _leave(self) -> None:
        if self._counted is not None:
            self._request.app[ENGINE].listening.leave(self._counted)
            self._counted = None

    def _put(self, events: EventStream, message: bytes) -> None:
        if self._kept is None:
            events.put(message)
        else:
            self._request.app[ENGINE].listening.streams.send(self._kept, message)

    async def _open(self) -> EventStream:
        """Begin the answer; of several members of a batch one does it for all."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self._events is None:
                session = await self._find_session()
                events = EventStream()
                await events.open(self._request)
                if session is not None:
                    self._kept = self._request.app[ENGINE].listening.begin(session, events)
                    self._is_resumable = session.revision >= POLLING
                self._events = events
            return self._events

    async def _find_session(self) -> Session | None:
        """Give the session of the request, which the engine has found before."""
        headers, caller = self._request.headers, self._request[EXCHANGE].caller
        session_id = headers.get(SESSION_ID)
        # Without a session, or in a revision that knows none, nothing is kept.
        if session_id is None or caller is None or headers.get(PROTOCOL_VERSION) in stateless.NAMES:
            return None
        frame = Frame("", headers=headers, caller=caller, session_id=session_id)
        return await self._request.app[ENGINE].find_session(frame)
