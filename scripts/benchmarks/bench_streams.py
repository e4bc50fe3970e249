"""What idle listen streams cost: memory for each, and one notification to all of them.

1,000 and then 5,000 streams of `subscriptions/listen` (2026-07-28) stand open in one process.
Memory is the difference of its resident size, divided by the streams that make it. The cost of a
notification is the processor time that the process spends from the call that causes it until the
last stream has heard it. Ours is the whole server, a token checked for each stream; the peers
(`aiohttp-tiny-mcp`, the official SDK) serve the smallest application that can do the same,
without authentication.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson
from bench_http import META, Server, project, run, serve, share_cores

from atoms_mcp import app
from atoms_mcp.engine.context import Context
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.settings import ServerSettings, load

COUNTS = (1_000, 5_000)
# What the first streams cost is the server's, not theirs.
FIRST = 200
PER_USER = 200
AT_ONCE = 50
ROUNDS = 7
# For all of one server's streams; who needs longer could not serve so many.
LIMIT_S = 240
TARGET_KIB = 30
CHANGED = b"notifications/tools/list_changed"
ACKNOWLEDGED = b"notifications/subscriptions/acknowledged"
TOUCH = "touch"


async def touch(context: Context, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Say that the tools changed."""
    await context.publish(Change("tools"))
    return {"ok": True}


@asynccontextmanager
async def running_ours(settings: ServerSettings) -> AsyncIterator[int]:
    """Serve as production does, with one more tool; gives the port."""
    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    tool = Tool(TOUCH, "Says that the tools changed.", touch, nothing)
    async with app.serving(settings, Offer(tools=(tool,), changing=("tools",))) as url:
        yield int(url.split(":")[2].split("/")[0])


@asynccontextmanager
async def running_tiny(_settings: ServerSettings) -> AsyncIterator[int]:
    """Serve with aiohttp-tiny-mcp; gives the port."""
    from aiohttp import web  # noqa: PLC0415 - each server imports its own libraries alone
    from aiohttp_tiny_mcp import Endpoint, Registry  # noqa: PLC0415 - as above
    from aiohttp_tiny_mcp.storage import hub  # noqa: PLC0415 - as above
    from pydantic import BaseModel  # noqa: PLC0415 - as above

    registry = Registry("bench", "1.0")

    class Nothing(BaseModel):
        pass

    @registry.tool
    async def touch(args: Nothing) -> str:  # noqa: ARG001 - the library looks at it
        """Say that the tools changed."""
        message = {"jsonrpc": "2.0", "method": CHANGED.decode()}
        await registry.hub.publish(hub.topic(hub.NOTIFICATIONS), message)
        return "ok"

    runner = web.AppRunner(Endpoint(registry).app("/api/mcp"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def running_sdk(_settings: ServerSettings) -> AsyncIterator[int]:
    """Serve with the official SDK; gives the port."""
    import uvicorn  # noqa: PLC0415 - each server imports its own libraries alone
    from mcp.server.lowlevel import Server as LowServer  # noqa: PLC0415 - as above
    from mcp.server.subscriptions import (  # noqa: PLC0415 - as above
        InMemorySubscriptionBus,
        ListenHandler,
        ToolsListChanged,
    )
    from mcp_types import CallToolResult, TextContent  # noqa: PLC0415 - as above

    bus = InMemorySubscriptionBus()

    async def call_tool(_context: Any, _params: Any) -> CallToolResult:  # noqa: ANN401 - theirs
        await bus.publish(ToolsListChanged())
        return CallToolResult(content=[TextContent(type="text", text="ok")])

    server = LowServer(
        "bench",
        on_call_tool=call_tool,
        on_subscriptions_listen=ListenHandler(bus, max_subscriptions=COUNTS[-1] * 2),
    )
    application = server.streamable_http_app(streamable_http_path="/api/mcp")
    config = uvicorn.Config(application, port=0, log_level="error", backlog=1024)
    serving = uvicorn.Server(config)
    task = asyncio.create_task(serving.serve())
    while not serving.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    yield serving.servers[0].sockets[0].getsockname()[1]
    serving.should_exit = True
    serving.force_exit = True
    await task


KINDS: dict[str, Callable[[ServerSettings], AbstractAsyncContextManager[int]]] = {
    "ours": running_ours,
    "aiohttp-tiny-mcp": running_tiny,
    "official SDK": running_sdk,
}


class Ear(asyncio.Protocol):
    """One connection with one request; counts what comes that it waits for."""

    def __init__(self, request: bytes, wanted: bytes) -> None:
        self.request = request
        self.wanted = wanted
        self.rest = b""
        self.heard = asyncio.Event()
        self.fault = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Look for what is waited for; only so much is kept as could be the beginning of it."""
        whole = self.rest + data
        if self.wanted in whole:
            self.heard.set()
            whole = b""
        self.rest = whole[-400:]

    def connection_lost(self, _exc: Exception | None) -> None:
        """Say so to who waits."""
        self.fault = f"closed after {self.rest[-300:]!r}"
        self.heard.set()

    def expect(self, wanted: bytes) -> None:
        """Wait for something else from now on."""
        self.wanted = wanted
        self.heard.clear()

    async def wait(self) -> None:
        """Wait until it was heard."""
        await self.heard.wait()
        if self.fault:
            raise RuntimeError(self.fault)


def compose(port: int, token: str, method: str, params: dict[str, Any]) -> bytes:
    """Give one request of 2026-07-28 as bytes."""
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {**params, "_meta": META}}
    body = orjson.dumps(message)
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": str(len(body)),
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
    }
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    lines = ["POST /api/mcp HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read_kib(server: Server) -> float:
    """Give the resident size of a server's process."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


async def listen(server: Server, tokens: list[str], count: int, ears: list[Ear]) -> None:
    """Open `count` more streams, some at a time."""
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(AT_ONCE)

    async def open_one(number: int) -> None:
        token = tokens[number // PER_USER]
        wanted = {"notifications": {"toolsListChanged": True}}
        request = compose(server.port, token, "subscriptions/listen", wanted)
        async with room:
            make = partial(Ear, request, ACKNOWLEDGED)
            _, ear = await loop.create_connection(make, "127.0.0.1", server.port)
            ears.append(ear)
            await ear.wait()

    first = len(ears)
    await asyncio.gather(*(open_one(number) for number in range(first, first + count)))


async def notify(server: Server, token: str, ears: list[Ear]) -> tuple[float, float]:
    """Cause one notification; gives the processor time and the time until all had it, in ms."""
    for ear in ears:
        ear.expect(CHANGED)
    request = compose(server.port, token, "tools/call", {"name": TOUCH, "arguments": {}})
    before_s, began_at = server.read_cpu_s(), time.perf_counter()
    loop = asyncio.get_running_loop()
    make = partial(Ear, request, b'"result"')
    _, caller = await loop.create_connection(make, "127.0.0.1", server.port)
    await caller.wait()
    await asyncio.gather(*(ear.wait() for ear in ears))
    took_ms = (time.perf_counter() - began_at) * 1000
    spent_ms = (server.read_cpu_s() - before_s) * 1000
    caller.transport.abort()
    return spent_ms, took_ms


async def measure(server: Server, kind: str, tokens: list[str]) -> None:
    """Print what the streams of one server cost: with some, and with many."""
    ears: list[Ear] = []
    await listen(server, tokens, FIRST, ears)
    await notify(server, tokens[-1], ears)
    before_kib = read_kib(server)
    for count in COUNTS:
        await listen(server, tokens, count + FIRST - len(ears), ears)
        idle_kib = (read_kib(server) - before_kib) / count
        costs = [await notify(server, tokens[-1], ears) for _ in range(ROUNDS)]
        used_kib = (read_kib(server) - before_kib) / count
        spent_ms, took_ms = (statistics.median(each) for each in zip(*costs, strict=True))
        print(
            f"{kind:17} {count:5} streams: {idle_kib:5.1f} KiB each ({used_kib:.1f} after "
            f"{ROUNDS} notifications)   one notification to all: {spent_ms:6.1f} ms of processor "
            f"time, {took_ms:6.1f} ms until the last has it",
            flush=True,
        )
    for ear in ears:
        ear.transport.abort()


async def main() -> None:
    """Measure all three, one after the other."""
    print(
        f"{COUNTS[-1]} listen streams in one process; target: at most {TARGET_KIB} KiB each, "
        "and below both peers"
    )
    users = (COUNTS[-1] + FIRST) // PER_USER + 1
    with tempfile.TemporaryDirectory() as folder:
        async with project(users) as (environ, tokens):
            for number, kind in enumerate(KINDS):
                log = Path(folder) / f"{number}.log"
                server = Server(kind, environ, log, __file__)
                share_cores((server,))
                try:
                    async with asyncio.timeout(LIMIT_S):
                        await measure(server, kind, tokens)
                except (RuntimeError, TimeoutError, OSError) as exc:
                    print(f"{kind:17} could not do more within {LIMIT_S} s: {exc!r}")
                    print(log.read_text(encoding="utf-8")[-1000:])
                finally:
                    server.process.kill()
                    server.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(serve(KINDS[sys.argv[1]], load(ServerSettings, os.environ)))
    else:
        run(main())
