"""An answer that is a stream of events, for as long as there is something to say.

Bytes go to the transport as they come: an open stream has no task and no buffer of its own.
Who does not read is let go before the server fills up; what was said meanwhile is lost, or kept
by the session's stream for who comes back.

Source: WHATWG HTML, Server-sent events; MCP 2026-07-28 and 2025-11-25, basic/transports.
"""

import asyncio
from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from atoms_mcp.web.boundary import REQUEST_ID_HEADER
from atoms_mcp.web.keys import EXCHANGE, LOAD
from atoms_mcp.web.problem import SERVER
from atoms_mcp.web.pulse import PULSE, QUIET_LOOKS

EVENT_STREAM: Final[dict[str, str]] = {
    hdrs.CONTENT_TYPE: "text/event-stream",
    hdrs.CACHE_CONTROL: "no-cache",
    # Proxies of nginx's kind hold an answer back until it ends, unless they are told not to.
    "X-Accel-Buffering": "no",
}
# What may wait for a reader, beyond what the system buffers; one message may be larger.
MAX_UNSENT_BYTES: Final = 256 * 1024
# How long a reader may take for what waits, until there is room again.
SLOW_S: Final = 30.0
RETRY_MS: Final = 1000
COMMENT: Final = b":\n\n"


class EventStream(web.StreamResponse):
    """One open stream of events on one connection. `stalled_at` is in looks of the pulse."""

    def __init__(self) -> None:
        super().__init__(headers=EVENT_STREAM)
        self._transport: asyncio.Transport | None = None
        self._is_chunked = True
        self._said_at = 0
        self._unsent_bytes = 0
        self._is_done = False
        self._waiter: asyncio.Future[None] | None = None

    async def open(self, request: web.Request) -> None:
        """Send the head; from now on something can be said.

        Where the client has left already, all of it goes nowhere, and that is no fault.
        """
        # The boundary adds these to answers that are yet to begin.
        self.headers[REQUEST_ID_HEADER] = request[EXCHANGE].request_id
        self.headers[hdrs.SERVER] = SERVER
        if request.version >= HttpVersion11:
            self.enable_chunked_encoding()
        else:
            self._is_chunked = False
            self.force_close()
        try:
            await self.prepare(request)
        except ConnectionError:
            self._is_done = True
            return
        self._pulse = request.app[PULSE]
        self._said_at = self._pulse.turn
        self._transport = request.transport
        self._pulse.add(self)
        self._load = request.app[LOAD]
        self._load.streams += 1

    @property
    def is_gone(self) -> bool:
        """Whether nobody can hear it any more."""
        return self._transport is None or self._transport.is_closing()

    def put(self, message: bytes, event_id: str = "") -> None:
        """Send one event, without waiting; one without a message is but an id to come back with."""
        head = b"id: %b\n" % event_id.encode() if event_id else b""
        if message:
            # Encoded JSON has no line ends.
            self._write(b"%bevent: message\ndata: %b\n\n" % (head, message))
        else:
            self._write(b"%bretry: %d\ndata: \n\n" % (head, RETRY_MS))

    def finish(self) -> None:
        """Say nothing more; who waits for the end of the stream goes on."""
        if not self._is_done:
            self._is_done = True
            self._pulse.remove(self)
            self._load.streams -= 1
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def cut(self) -> None:
        """End the answer here and now, while its request is still worked on."""
        if not self._is_done and not self.is_gone:
            assert self._transport is not None  # noqa: S101 - it is not gone
            if self._is_chunked:
                self._transport.write(b"0\r\n\r\n")
            # The next request on this connection would wait for the end of this one.
            self._transport.close()
        self.finish()

    async def wait(self) -> None:
        """Wait until it is finished, or nobody hears it any more."""
        if not self._is_done:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self.finish()

    async def make_room(self) -> None:
        """Wait until the reader has taken most of what waits for it, or is let go."""
        if self._transport is None or self._payload_writer is None:
            return
        try:
            async with asyncio.timeout(SLOW_S):
                await self._payload_writer.drain()
        except ConnectionError:
            self.finish()
        except TimeoutError:
            self._let_go()

    def look(self, turn: int) -> None:
        """Find out whether somebody is still there, and keep a quiet stream alive."""
        if self.is_gone:
            self.finish()
        elif turn - self._said_at >= QUIET_LOOKS:
            assert self._transport is not None  # noqa: S101 - it is not gone
            unsent_bytes = self._transport.get_write_buffer_size()
            if unsent_bytes and unsent_bytes >= self._unsent_bytes > 0:
                self._let_go()  # nothing was read since the last time
            else:
                self._unsent_bytes = unsent_bytes
                self._write(COMMENT)

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if self._is_done or transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._let_go()
            return
        self._said_at = self._pulse.turn
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def _let_go(self) -> None:
        """Close the connection at once; what waits is thrown away."""
        assert self._transport is not None  # noqa: S101 - there is something that waits
        self._transport.abort()
        self.finish()
