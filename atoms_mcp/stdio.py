"""MCP over stdin and stdout: one message a line, for the one user who started the process.

The engine is the same as over HTTP. Requests are worked on side by side and answered as they
are done; stdout carries MCP and nothing else, whoever prints.

Source: MCP 2026-07-28 and 2025-11-25, basic/transports (stdio).
"""

import asyncio
import os
import queue
import secrets
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import count
from types import NoneType
from typing import Any, Final

import structlog

from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.engine.frame import CallerSource, Frame
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Call,
    RpcError,
    parse,
    read,
    render_error,
)
from atoms_mcp.protocol.lines import LineSplitter

MAX_LINE_BYTES: Final = 1024 * 1024
MAX_AT_ONCE: Final = 100
MAX_WAITING: Final = 100
CHUNK_BYTES: Final = 64 * 1024
CHUNKS_AHEAD: Final = 4
MAX_UNREAD: Final = 1000

CANCELLED: Final = "notifications/cancelled"

Write = Callable[[bytes], Awaitable[None]]
Begin = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

log = structlog.get_logger(__name__)


async def run(
    engine: Engine, find_caller: CallerSource, *, max_line_bytes: int = MAX_LINE_BYTES
) -> None:
    """Serve this process's stdin and stdout until stdin ends, stdout breaks or a signal comes."""
    loop = asyncio.get_running_loop()
    stdout = _Out(_take_stdout())

    async def write(line: bytes) -> None:
        try:
            await stdout.write(line)
        except OSError:  # the client has closed its end: nobody is left to serve
            serving.cancel()

    serving = asyncio.ensure_future(
        serve(engine, _read_chunks(), write, find_caller, max_line_bytes=max_line_bytes)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


async def serve(
    engine: Engine,
    chunks: AsyncIterator[bytes],
    write: Write,
    find_caller: CallerSource,
    *,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> None:
    """Answer every line that the chunks make, until they end.

    `find_caller` is asked for every tool call, so that a refreshed login is used. Work that is
    open when the input ends is finished first, but for what waits for the client, of which
    nothing more will come; when this task is cancelled, all is stopped.
    """
    splitter = LineSplitter(max_line_bytes)
    async with asyncio.TaskGroup() as group:
        connection = _Connection(engine, write, find_caller, group.create_task)
        async for chunk in chunks:
            for line in splitter.feed(chunk):
                await connection.take(line)
        for line in splitter.end():
            await connection.take(line)
        engine.drain()


class _Connection:
    """What is kept between the lines of the one client.

    `begin` lets something be worked on beside.
    """

    def __init__(
        self, engine: Engine, write: Write, find_caller: CallerSource, begin: Begin
    ) -> None:
        self._engine = engine
        self._write = write
        self._find_caller = find_caller
        self._origin = secrets.token_hex(8)
        self._voice = _LineVoice(write)
        self._session: Session | None = None
        self._begin = begin
        self._room = asyncio.Semaphore(MAX_AT_ONCE)
        self._seats = asyncio.Semaphore(MAX_WAITING)
        # What waits for room, by the type and value of the id of its request.
        self._waiting: dict[asyncio.Task[None], tuple[type, object]] = {}
        self._numbers = count(1)

    async def take(self, line: bytes | None) -> None:
        """Begin with a line; None stands for one that was too long to be kept.

        Waits while too many requests wait for room already. What is no request never does: it
        may be what those at work wait for, or let them end.
        """
        if not self._room.locked():
            await self._room.acquire()
            self._begin(self._work(line))
            return
        call = None if line is None else _peek(line)
        if call is None or call.id is not None:
            await self._seats.acquire()
            task = self._begin(self._work_later(line))
            self._waiting[task] = (NoneType, None) if call is None else _key(call.id)
            task.add_done_callback(self._leave_seat)
            return
        if call.method == CANCELLED:
            wanted = _key(call.params.get("requestId"))
            for task in [one for one, key in self._waiting.items() if key == wanted]:
                task.cancel()
        self._begin(self._answer(line))

    async def _work_later(self, line: bytes | None) -> None:
        await self._room.acquire()
        self._leave_seat(asyncio.current_task())
        await self._work(line)

    def _leave_seat(self, task: asyncio.Task[None] | None) -> None:
        if task is not None and self._waiting.pop(task, None) is not None:
            self._seats.release()

    async def _work(self, line: bytes | None) -> None:
        """Answer a line for which there is room, and give that back."""
        try:
            await self._answer(line)
        finally:
            self._room.release()

    async def _answer(self, line: bytes | None) -> None:
        """Answer a line; a cancelled request gets no answer, whoever cancelled it."""
        with suppress(asyncio.CancelledError):
            body = await self._find_answer(line)
            if body is not None:
                await self._write(body + b"\n")

    async def _find_answer(self, line: bytes | None) -> bytes | None:
        if line is None:
            fault = RpcError(INVALID_REQUEST, "the line is too long")
            return render_error(fault, None, with_null_id=True)
        try:
            return await self._ask(line)
        except Exception:
            # Somebody waits for this: over HTTP it would have been a status at least.
            log.exception("line.failed")
            return _apologize(line)

    async def _ask(self, line: bytes) -> bytes | None:
        # Lines are begun in their order, and an opening is done without a pause: so the next
        # line finds the session that it opened.
        reply = await self._engine.answer(
            line,
            Frame(
                request_id=f"stdio-{os.getpid()}-{next(self._numbers)}",
                find_caller=self._find_caller,
                session=self._session,
                origin=self._origin,
                voice=self._voice,
            ),
        )
        self._session = reply.session or self._session
        return reply.body


def _apologize(line: bytes) -> bytes | None:
    """Give the answer to a request that could not be worked on; notifications have none."""
    try:
        call = read(parse(line))
    except RpcError:
        return None
    if call is None or call.id is None:
        return None
    return render_error(RpcError(INTERNAL_ERROR, "internal error"), call.id, with_null_id=True)


def _peek(line: bytes) -> Call | None:
    """Give the call of a line before its turn; None for one that will be refused.

    The answer to a request of ours is taken for a notification, which it is like: none answers it.
    """
    try:
        return read(parse(line)) or Call("", {}, None)
    except RpcError:
        return None


def _key(call_id: object) -> tuple[type, object]:
    return type(call_id), call_id


class _LineVoice:
    """Says something on the way to an answer, a line each."""

    # A line promises nothing: whatever comes of the request is a line of its own.
    is_open = False

    def __init__(self, write: Write) -> None:
        self._write = write
        self._pushed: set[asyncio.Task[None]] = set()

    async def open(self, caller: Caller) -> None:
        """Do nothing: all is said on the one connection."""

    async def send(self, message: bytes) -> None:
        """Write one message."""
        await self._write(message + b"\n")

    def push(self, message: bytes) -> None:
        """Write one message soon; none while a client has left too many of them unread."""
        if len(self._pushed) < MAX_UNREAD:
            task = asyncio.ensure_future(self.send(message))
            self._pushed.add(task)
            task.add_done_callback(self._pushed.discard)

    def keep_alive(self) -> None:
        """Do nothing: what is quiet here is not lost."""

    async def release(self) -> None:
        """Do nothing: a client that left would not come back."""


class _Out:
    """Writes to a descriptor from a thread: one that nobody reads must not stop the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="stdout", daemon=True).start()

    async def write(self, data: bytes) -> None:
        """Write all of it, in one piece.

        Raises:
            OSError: nobody can read it.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.put((data, done))
        await done

    def _work(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            while True:
                data, done = self._waiting.get()
                fault = self._write_all(data)
                self._loop.call_soon_threadsafe(_settle, done, fault)

    def _write_all(self, data: bytes) -> OSError | None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as exc:
            return exc
        return None


def _settle(done: asyncio.Future[None], fault: OSError | None) -> None:
    if done.done():  # cancelled meanwhile
        return
    if fault is None:
        done.set_result(None)
    else:
        done.set_exception(fault)


def _take_stdout() -> int:
    """Give a descriptor of our own for stdout, and lead what anybody prints to stderr."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    return stdout


async def _read_chunks() -> AsyncIterator[bytes]:
    """Give what stdin gives, read in a thread: a file or a terminal cannot be waited for otherwise.

    Reads only a few chunks ahead, so that a flood stays in the pipe.
    """
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(CHUNKS_AHEAD)

    def work() -> None:
        with suppress(RuntimeError):  # the loop has ended
            while True:
                room.acquire()
                chunk = os.read(0, CHUNK_BYTES)
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
                if not chunk:
                    return

    threading.Thread(target=work, name="stdin", daemon=True).start()
    while chunk := await chunks.get():
        room.release()
        yield chunk
