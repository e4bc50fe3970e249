"""A load generator of one process: keep-alive connections that each send, await, send again.

It writes fixed bytes and reads no more of an answer than its status and length,
so that it costs far less than the server which it measures.
"""

import asyncio
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run gave: answers a second, median and 99th percentile in ms, and all answers."""

    per_second: float
    p50_ms: float
    p99_ms: float
    answers: int


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self, request: bytes, latencies_s: list[float], stop_at: float) -> None:
        self.request = request
        self.latencies_s = latencies_s
        self.stop_at = stop_at
        self.buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send the request once more, or close when the time is over."""
        self.sent_at = time.perf_counter()
        if self.sent_at >= self.stop_at:
            self.transport.close()
            return
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Count an answer once its whole body is there."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.transport.abort()
            self.done.set_exception(RuntimeError(self.buffer[:2000].decode()))
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self.buffer = b""
        self.latencies_s.append(time.perf_counter() - self.sent_at)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """End this connection's part of the run."""
        if not self.done.done():
            self.done.set_result(None)


async def _stay_awake() -> None:
    while True:  # noqa: ASYNC110 - being busy is the point
        await asyncio.sleep(0)


async def measure(
    port: int, request: bytes, *, connections: int = 32, seconds: float = 3.0
) -> Measured:
    """Load 127.0.0.1:`port` for `seconds` and give what it answered."""
    latencies_s: list[float] = []
    started_at = time.perf_counter()
    loop = asyncio.get_running_loop()
    clients = [
        (
            await loop.create_connection(
                lambda: Connection(request, latencies_s, started_at + seconds), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    # This process never sleeps: a server that is slower than the load would otherwise pay for
    # waking it with every answer, and a quick one would not.
    awake = asyncio.create_task(_stay_awake())
    await asyncio.gather(*(client.done for client in clients))
    awake.cancel()
    elapsed_s = time.perf_counter() - started_at
    ordered = sorted(latencies_s)
    return Measured(
        per_second=len(ordered) / elapsed_s,
        p50_ms=ordered[len(ordered) // 2] * 1000,
        p99_ms=ordered[int(len(ordered) * 0.99)] * 1000,
        answers=len(ordered),
    )


if __name__ == "__main__":
    # Reads one request from standard input, so that the load runs in a process of its own.
    result = asyncio.run(
        measure(int(sys.argv[1]), sys.stdin.buffer.read(), seconds=float(sys.argv[2]))
    )
    print(f"{result.per_second} {result.p50_ms} {result.p99_ms} {result.answers}")
