"""The connections of the server: when one is given up, and what is said to what is no HTTP.

aiohttp parses, serves and keeps connections alive; it does not bound how long a head may take to
come, nor how long an answer may wait for its reader, and its own refusals name the library and
repeat what was sent.

Source: RFC 9112 sections 2.2, 3 and 9.5; RFC 9110 section 15.5.9; RFC 6585 section 5.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.http_parser import RawRequestMessage

from atoms_mcp.web.problem import SERVER
from atoms_mcp.web.shortcut import Shortcuts

HEAD_S: Final = 10.0
KEEPALIVE_S: Final = 75.0
# How long an answer may lie here while its reader takes nothing of it.
UNREAD_S: Final = 30.0
# How long to read on after an early refusal, so that it arrives: a reset would overtake it.
LINGER_S: Final = 3.0

# One more for fields than for the first line tells which of the two was too long.
MAX_LINE_BYTES: Final = 8190
MAX_FIELD_BYTES: Final = 8191
MAX_FIELDS: Final = 128
MAX_HEAD_BYTES: Final = 64 * 1024

_REFUSALS: Final = {
    400: (
        "malformed_request",
        "This is not a well-formed HTTP request.",
        "Send HTTP/1.1, each header once, and a body whose length is told in one way.",
    ),
    408: (
        "head_timeout",
        f"The head of the request did not arrive within {HEAD_S:g} seconds.",
        "Send it in one go.",
    ),
    414: (
        "address_too_long",
        f"The address is longer than {MAX_LINE_BYTES} bytes.",
        "Send what is long in the body of a POST.",
    ),
    431: (
        "headers_too_large",
        f"A header is longer than {MAX_LINE_BYTES} bytes, or there are more than {MAX_FIELDS}.",
        "Send fewer and shorter headers, above all fewer cookies.",
    ),
    500: (
        "internal_error",
        "Something is wrong on this side.",
        "Try again; if it goes on, tell the operator of the server.",
    ),
}

log = structlog.get_logger(__name__)


def _compose(status: int) -> bytes:
    error, message, hint = _REFUSALS[status]
    body = orjson.dumps({"error": error, "message": message, "hint": hint})
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nServer: {SERVER}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + body


class Refusal(web.StreamResponse):
    """One of the fixed answers, after which the connection is closed."""

    def __init__(self, status: int) -> None:
        super().__init__(status=status)
        self._whole = _compose(status)
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send all of it; there need not be a request that it answers."""
        await request.writer.write(self._whole)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the end has been sent."""


class Connection(web.RequestHandler):
    """One connection, from when it is made until it is lost."""

    __slots__ = ("_head_bytes", "_head_timer", "_unread_bytes", "_unread_timer")

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        options: dict[str, Any] = {
            "loop": loop,
            "keepalive_timeout": KEEPALIVE_S,
            "lingering_time": LINGER_S,
            "access_log": None,
            # Compressed bodies are refused; unpacked or not, nobody reads on.
            "auto_decompress": False,
            "max_line_size": MAX_LINE_BYTES,
            "max_field_size": MAX_FIELD_BYTES,
            "max_headers": MAX_FIELDS,
        }
        super().__init__(server, **options)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._head_timer = self._loop.call_later(HEAD_S, self._give_up_head)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._stop_head_timer()
        self._stop_unread_timer()

    def data_received(self, data: bytes) -> None:
        """Take what has come: heads, bodies, or parts of them."""
        super().data_received(data)
        if self._messages:
            if self._head_timer is not None:
                self._stop_head_timer()
            if self._current_request is not None:
                self._break_off_body()
        elif self._waiter is not None:
            self._wait_for_rest(len(data))

    def _wait_for_rest(self, size_bytes: int) -> None:
        """Bound a head that has begun, in time and in size."""
        if self._close:  # refused already
            return
        if self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_S, self._give_up_head)
        self._head_bytes += size_bytes
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head(431)

    def _give_up_head(self) -> None:
        """Close; who has sent nothing at all (browsers connect ahead) is not told why."""
        self._head_timer = None
        if self._head_bytes:
            self._refuse_head(408)
        else:
            self.force_close()

    def _refuse_head(self, status: int) -> None:
        """Refuse what has come so far, and take the rest without looking until it has arrived."""
        _tell(status)
        self._stop_head_timer()
        if self.transport is not None:
            self.transport.write(_compose(status))
            self.transport.write_eof()
        self.close()
        self._head_timer = self._loop.call_later(LINGER_S, self.force_close)

    def _stop_head_timer(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _break_off_body(self) -> None:
        """Tell who reads a body that the rest of it cannot be parsed: nothing more will come."""
        request = self._current_request
        assert request is not None  # noqa: S101 - the caller has looked
        is_fault = not isinstance(self._messages[-1][0], RawRequestMessage)
        if is_fault and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError("malformed"))
            # There is nothing to read on for, and what follows is no request of its own.
            self._lingering_time = 0.0

    def pause_writing(self) -> None:
        """Begin to watch whether the reader takes what lies here."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Stop watching."""
        super().resume_writing()
        self._stop_unread_timer()

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _watch_reader(self) -> None:
        transport = self.transport
        if transport is not None:
            self._unread_bytes = transport.get_write_buffer_size()
            self._unread_timer = self._loop.call_later(UNREAD_S, self._look_at_reader)

    def _look_at_reader(self) -> None:
        """Cut off who has taken nothing since the last look."""
        transport = self.transport
        if transport is None or transport.get_write_buffer_size() < self._unread_bytes:
            self._watch_reader()
        else:
            log.info("connection.cut", reason="unread", waiting_bytes=self._unread_bytes)
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it repeats what was sent
    ) -> web.StreamResponse:
        """Give the answer to what is no HTTP, or to an error that nothing else has caught.

        Raises:
            ConnectionError: an answer has begun.
        """
        if status == HTTPStatus.BAD_REQUEST:
            status = _find_status(exc)
            _tell(status)
        else:
            status = 500
            log.error("request.failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        return Refusal(status)


async def listen(runner: web.AppRunner, listener: socket.socket, *, backlog: int) -> asyncio.Server:
    """Serve the application of a runner that is set up, on a bound socket."""
    loop = asyncio.get_running_loop()
    server = runner.server
    assert server is not None  # noqa: S101 - it is set up
    search: Any = server.request_handler  # typed for the requests of any server
    server.request_handler = Shortcuts(search).handle  # type: ignore[assignment] # the same
    return await loop.create_server(
        lambda: Connection(server, loop), sock=listener, backlog=backlog
    )


def _find_status(exc: BaseException | None) -> int:
    """Give the status for what the parser refused."""
    if isinstance(exc, LineTooLong):
        return 414 if exc.args[1] == MAX_LINE_BYTES else 431
    if isinstance(exc, BadHttpMessage) and exc.message.startswith("Too many headers"):
        return 431
    return 400


def _tell(status: int) -> None:
    log.info("request.refused", status=status, error_code=_REFUSALS[status][0])
