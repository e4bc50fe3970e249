"""A whole answer that goes out in one piece.

aiohttp prepares a response for cookies, compression, ranges and chunks; what MCP answers has none
of them, and that work is a tenth of what a short request costs (`scripts/bench http`). Wherever
something is out of the ordinary, aiohttp's own way is taken.
"""

from collections.abc import Mapping

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

STATUS_OK = 200


class Answer(web.StreamResponse):
    """A response with a body of bytes, to a request that is not HEAD."""

    _send_headers_immediately = False  # they can wait for the body, it follows at once
    _is_sent = False

    def __init__(
        self, body: bytes, *, status: int = STATUS_OK, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status=status, headers=headers)
        self._whole = body

    @property
    def prepared(self) -> bool:
        """Tell whether the head is out, so that nothing can be added to it."""
        return self._is_sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        """Tell whether the connection stays open."""
        return True if self._is_sent else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send head and body at once, where nothing speaks against it."""
        body = self._whole
        transport = request.transport
        if (
            transport is None
            or self._status != STATUS_OK
            or request.version != HttpVersion11
            or not request.keep_alive
            # Only CORS adds headers to every response of an application, for pages of others.
            or hdrs.ORIGIN in request.headers
        ):
            self.content_length = len(body)
            return await super().prepare(request)
        lines = "".join([f"{name}: {value}\r\n" for name, value in self._headers.items()])
        head = (
            f"HTTP/1.1 200 OK\r\n{lines}"
            f"Date: {rfc822_formatted_time()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        transport.write(head.encode("latin-1") + body)
        self._is_sent = True
        if request.protocol.writing_paused:
            # Who asks and asks and does not read: what comes next has to wait for what is here.
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002 - the body is known
        """End the response, unless it has ended."""
        if not self._is_sent:
            await super().write_eof(self._whole)
