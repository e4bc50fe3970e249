"""What attacks on messages, bodies, connections and sessions cost, each figure beside its bound.

The whole server runs in a process of its own, as in production, and is attacked over loopback.
Memory is how far its resident size is above that of the idle server, at the worst moment of each
attack and with all that earlier ones left behind; others are one who calls a tool all the while.
Ends with status 1 where a bound is missed. T16 to T24 are the threats that
tests/requirements.toml names; the rest of them are no matter of figures, and of tests alone.
"""

import asyncio
import gzip
import os
import socket
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from bench_http import (
    META,
    MODERN_HEADERS,
    TRIVIAL,
    Server,
    compose,
    open_session,
    project,
    run,
    running_ours,
    serve,
)

from atoms_mcp.settings import ServerSettings, load

MIB = 1024 * 1024
ANSWER_LIMIT_S = 60
T16_S, T17_MIB, T19_CLOSED_S, T19_OTHERS_S, T24_MIB = 2.0, 80.0, 35.0, 2.0, 80.0
SLOW = 300
FLOOD = 20_000
TRICKLE_S = 1.0

Part = bytes
Attack = Callable[[], Awaitable[None]]


def deep(opening: bytes, closing: bytes, count: int) -> bytes:
    """Give a call whose argument is nested so often."""
    return call(opening * count + b"1" + closing * count)


def call(arguments: bytes) -> bytes:
    """Give a call with arguments that no encoder would write."""
    return (
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"trivial",'
        b'"arguments":{"a":%b},"_meta":%b}}' % (arguments, orjson.dumps(META))
    )


MALFORMED = {
    "nested lists": deep(b"[", b"]", 400_000),
    "nested objects": deep(b'{"a":', b"}", 150_000),
    "lists that do not end": b"[" * 1_000_000,
    "a number of 6,000 digits": call(b"9" * 6_000),
    "a number of 900,000 digits": call(b"9" * 900_000),
    "an exponent of 6,000 digits": call(b"1e" + b"9" * 6_000),
    "NaN": call(b"NaN"),
    "one key 100,000 times": call(b'{"k":1' + b',"k":1' * 100_000 + b"}"),
    "50,000 keys": call(b"{%b}" % b",".join(b'"k%d":1' % n for n in range(50_000))),
    "escapes": call(b'"%b"' % (b"\\u0041" * 150_000)),
    "escaped keys": call(b"{%b}" % b",".join(b'"\\u0041%d":1' % n for n in range(50_000))),
    "half a surrogate": call(b'"\\ud800"'),
    "invalid UTF-8": call(b'"' + b"\xff" * 500_000 + b'"'),
    "a string that does not end": call(b'"' + b"a" * 1_000_000)[:-3],
    "white space": b" " * 1_000_000 + call(b"1"),
    "a batch of 20,000": b"[%b]"
    % b",".join([b'{"jsonrpc":"2.0","id":1,"method":"ping"}'] * 20_000),
}


@dataclass
class Target:
    """The server, how to speak to it, and whether all bounds held so far."""

    server: Server
    token: str
    idle_kib: int = 0
    missed: list[str] = field(default_factory=list)

    def head(self, *lines: str, first: str = "POST /api/mcp HTTP/1.1") -> bytes:
        """Give a head of an authenticated request, with these lines besides."""
        known = [
            first,
            f"Host: 127.0.0.1:{self.server.port}",
            f"Authorization: Bearer {self.token}",
            "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
        ]
        return "\r\n".join([*known, *lines, "", ""]).encode("latin-1")

    def post(self, body: bytes, *lines: str) -> bytes:
        """Give a whole request of 2026-07-28."""
        mirrored = (f"{name}: {value}" for name, value in MODERN_HEADERS.items())
        return self.head(f"Content-Length: {len(body)}", *mirrored, *lines) + body

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect."""
        return await asyncio.open_connection("127.0.0.1", self.server.port, limit=16 * MIB)

    async def say(self, *parts: Part) -> int:
        """Send these, as long as they are taken, and give the status of the first answer."""
        reader, writer = await self.open()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return int((await reader.readline()).split()[1])
        except (ConnectionError, IndexError):
            return 0
        finally:
            writer.transport.abort()

    def tell(self, threat: str, what: str, figure: float, bound: float, unit: str) -> None:
        """Print one figure beside its bound."""
        verdict = "" if figure < bound else "   MISSED"
        print(f"{threat}  {what:58} {figure:8.2f} {unit:3} (< {bound:g}){verdict}", flush=True)
        if verdict:
            self.missed.append(f"{threat} {what}")

    @asynccontextmanager
    async def watch_memory(self, threat: str, what: str, bound_mib: float) -> AsyncIterator[None]:
        """Tell by how much the server's resident size is above its first at the worst moment."""
        process = Path(f"/proc/{self.server.process.pid}")
        # Which lets the highest size begin anew: see proc(5).
        (process / "clear_refs").write_text("5", encoding="ascii")
        yield
        grown_kib = read_status(process, "VmHWM") - self.idle_kib
        self.tell(threat, what, grown_kib / 1024, bound_mib, "MiB")

    @asynccontextmanager
    async def watch_others(self, threat: str, what: str) -> AsyncIterator[None]:
        """Tell how long the slowest call of somebody else takes meanwhile."""
        worst_s, is_over = 0.0, False

        async def go_on() -> None:
            nonlocal worst_s
            request = self.call_of_another()
            while not is_over:
                began_at = time.perf_counter()
                status = await self.say(request)
                worst_s = max(worst_s, time.perf_counter() - began_at)
                if status != 200:  # noqa: PLR2004 - what others get is an answer
                    self.missed.append(f"{threat} {what}: others got {status}")
                await asyncio.sleep(0.02)

        task = asyncio.ensure_future(go_on())
        yield
        is_over = True
        await task
        self.tell(threat, f"{what}: the slowest call of others", worst_s, T19_OTHERS_S, "s")

    def call_of_another(self) -> bytes:
        """Give a call that has nothing wrong."""
        params = {"name": TRIVIAL.name, "arguments": {}, "_meta": META}
        return compose(self.server.port, self.token, MODERN_HEADERS, params)


def read_status(process: Path, name: str) -> int:
    """Give a size of a process in KiB."""
    status = (process / "status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0])


async def attack_messages(target: Target) -> None:
    """T16: each malformed message on its own; none is answered with a 5xx."""
    worst: tuple[float, str] = (0.0, "")
    async with target.watch_others("T16", "malformed messages"):
        for name, body in MALFORMED.items():
            began_at = time.perf_counter()
            status = await target.say(target.post(body))
            worst = max(worst, (time.perf_counter() - began_at, name))
            if not 200 <= status < 500:  # noqa: PLR2004 - any answer but a fault of ours
                target.missed.append(f"T16 {name}: answered with {status}")
    target.tell("T16", f"malformed messages: slowest answer ({worst[1]})", worst[0], T16_S, "s")


async def attack_sizes(target: Target) -> None:
    """T17: bodies, heads and rows of requests that are too large, each kind several times."""
    chunked = target.head("Transfer-Encoding: chunked")
    megabyte = b"100000\r\n%b\r\n" % (b" " * MIB)
    bomb = gzip.compress(b" " * 50 * MIB)
    many = [f"X-{number}: y" for number in range(10_000)]
    trailers = b"0\r\n" + b"X: y\r\n" * 100_000
    kinds: dict[str, tuple[int, tuple[Part, ...]]] = {
        "1 GB declared": (50, (target.head("Content-Length: 1000000000"),)),
        "20 MB in chunks": (10, (chunked, *([megabyte] * 20))),
        "1 MB in chunks of a byte": (4, (chunked, *([b"1\r\n \r\n" * 1000] * 1000))),
        "gzip bombs": (20, (target.post(bomb, "Content-Encoding: gzip"),)),
        "10,000 headers": (20, (target.head(*many),)),
        "a header of 1 MB": (20, (target.head("X: " + "y" * MIB),)),
        "trailers without end": (20, (chunked, trailers)),
    }
    for what, (count, parts) in kinds.items():
        async with target.watch_memory("T17", f"{count} x {what}: memory", T17_MIB):
            await asyncio.gather(*(target.say(*parts) for _ in range(count)))
    async with target.watch_memory("T17", "100 x rows of requests, unread: memory", T17_MIB):
        await asyncio.gather(*(push_rows(target) for _ in range(100)))


async def push_rows(target: Target) -> None:
    """Send requests without reading an answer, until no more are taken."""
    _, writer = await target.open()
    row = target.call_of_another() * 200
    try:
        for _ in range(50):
            writer.write(row)
            async with asyncio.timeout(1):
                await writer.drain()
    except (TimeoutError, ConnectionError):
        pass
    writer.transport.abort()


async def attack_connections(target: Target) -> None:
    """T19: those who are slow, silent, half gone or reset."""
    post = target.head("Content-Length: 1000")
    kinds: dict[str, tuple[Part, Part]] = {
        "silent": (b"", b""),
        "slow heads": (target.head()[:60], b"x"),
        "slow bodies": (post, b" "),
        "half open": (target.head("Expect: 100-continue", "Content-Length: 9"), b""),
    }
    for what, (first, then) in kinds.items():
        async with target.watch_others("T19", f"{SLOW} {what}"):
            times = await asyncio.gather(*(hold_on(target, first, then) for _ in range(SLOW)))
        target.tell("T19", f"{SLOW} {what}: the last one is let go", max(times), T19_CLOSED_S, "s")
    async with target.watch_others("T19", "3,000 resets"):
        for _ in range(100):
            await asyncio.gather(*(reset(target, post + b" ") for _ in range(30)))


async def hold_on(target: Target, first: Part, then: Part) -> float:
    """Say something, then hardly anything; give how long that was borne, in seconds."""
    reader, writer = await target.open()
    began_at = time.perf_counter()
    closed = asyncio.ensure_future(reader.read())
    writer.write(first)
    try:
        while not closed.done() and time.perf_counter() - began_at < ANSWER_LIMIT_S:
            await asyncio.wait([closed], timeout=TRICKLE_S)
            if then and not closed.done():
                writer.write(then)
        await asyncio.gather(closed, return_exceptions=True)
        return time.perf_counter() - began_at
    finally:
        writer.transport.abort()


async def reset(target: Target, part: Part) -> None:
    """Begin a request, and be gone as a machine is that knows nothing of it."""
    _, writer = await target.open()
    writer.write(part)
    await writer.drain()
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def attack_sessions(target: Target) -> None:
    """T24: thousands of sessions, notifications, cursors and states."""
    session = await open_session(target.server.port, target.token)
    known = (f"Mcp-Session-Id: {session}", "MCP-Protocol-Version: 2025-11-25")
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}}
    requests = {
        "initialize": ({"id": 1, "method": "initialize", "params": opening}, ()),
        "notifications": ({"method": "notifications/initialized"}, known),
        "cancellations": (
            {"method": "notifications/cancelled", "params": {"requestId": 1}},
            known,
        ),
        "forged cursors": ({"id": 1, "method": "tools/list", "params": {"cursor": "x"}}, known),
    }
    for what, (message, lines) in requests.items():
        body = orjson.dumps({"jsonrpc": "2.0", **message})
        request = target.head(f"Content-Length: {len(body)}", *lines) + body
        async with target.watch_memory("T24", f"{FLOOD} x {what}: memory", T24_MIB):
            await asyncio.gather(*(flood(target, request, FLOOD // 20) for _ in range(20)))
    async with target.watch_others("T24", f"{FLOOD} notifications"):
        await asyncio.gather(*(flood(target, request, FLOOD // 20) for _ in range(20)))


async def flood(target: Target, request: Part, count: int) -> None:
    """Send a request again and again over one connection."""
    reader, writer = await target.open()
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
    writer.transport.abort()


async def main() -> list[str]:
    """Attack one server in all ways; gives what missed its bound."""
    with tempfile.TemporaryDirectory() as folder:
        async with project() as (environ, (token,)):
            server = Server("ours", environ, Path(folder) / "ours.log", __file__)
            target = Target(server, token)
            try:
                await target.say(target.call_of_another())
                target.idle_kib = read_status(Path(f"/proc/{server.process.pid}"), "VmRSS")
                await attack_messages(target)
                await attack_sizes(target)
                await attack_connections(target)
                await attack_sessions(target)
            finally:
                server.stop()
            return target.missed


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(serve(running_ours, load(ServerSettings, os.environ)))
    else:
        faults: list[str] = []

        async def attack() -> None:
            """Keep what was missed."""
            faults.extend(await main())

        run(attack())
        for fault in faults:
            print(f"missed: {fault}")
        sys.exit(bool(faults))
