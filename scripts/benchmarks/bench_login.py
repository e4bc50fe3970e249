"""What a login costs at our door beside the same at Supabase's own, the embedded gateway's here.

Both are asked in turn in one run, one by one and eight at a time; limits are on. The own share
is what a login's log line says: the whole time less that spent upstream. Where Redis is
installed, a second server counts failures in it. Password hashing fills cores; it is kept to
one half of them, as a project elsewhere would not take ours.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

WARM_UP = 2
SINGLE = 60
BATCHES = 15
TOGETHER = 8
AIM_MS = 5
ACCOUNT = {"email": "ada@acme.example", "password": "correct-horse-demo"}
COMMAND = (sys.executable, "-m", "atoms_mcp")


class Door:
    """One address that takes ACCOUNT and gives a session."""

    def __init__(self, name: str, url: str, headers: Mapping[str, str]) -> None:
        self.name = name
        self.url = url
        self.headers = headers
        self.times_ms: list[float] = []

    async def login(self, http: httpx.AsyncClient) -> None:
        """Sign in once and keep how long it took."""
        began_at = time.perf_counter()
        answer = await http.post(self.url, json=ACCOUNT, headers=self.headers)
        answer.raise_for_status()
        self.times_ms.append((time.perf_counter() - began_at) * 1000)


def show(name: str, times_ms: Sequence[float], aim: str = "") -> None:
    """Print one line."""
    p99 = statistics.quantiles(times_ms, n=100, method="inclusive")[98]
    median = statistics.median(times_ms)
    print(f"  {name:26} p50 {median:7.2f} ms   p99 {p99:7.2f} ms   {aim}")


class OwnShare:
    """Reads from a server's log what each login cost there beside the time upstream."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.seen = 0

    def read(self, count: int) -> list[float]:
        """Give the share of the newest logins, in ms; lines are written a moment late."""
        give_up_at = time.monotonic() + 5
        while time.monotonic() < give_up_at:
            lines = [json.loads(line) for line in self.log.read_text().splitlines()]
            logins = [line for line in lines if line.get("path") == "/auth/login"][self.seen :]
            if len(logins) >= count:
                self.seen += len(logins)
                return [line["ms"] - line["upstream_ms"] for line in logins]
            time.sleep(0.05)
        raise RuntimeError("the log has no lines of these logins")


async def measure(doors: Sequence[Door], shares: Mapping[Door, OwnShare]) -> None:
    """Run all of it."""
    async with httpx.AsyncClient(timeout=60) as http:
        for title, rounds, together in (
            ("to warm up", WARM_UP, TOGETHER),
            ("one by one", SINGLE, 1),
            (f"{TOGETHER} at a time", BATCHES, TOGETHER),
        ):
            for _ in range(rounds):
                for door in doors:
                    await asyncio.gather(*(door.login(http) for _ in range(together)))
            tell(title, doors, shares)


def tell(title: str, doors: Sequence[Door], shares: Mapping[Door, OwnShare]) -> None:
    """Print what was measured and begin anew."""
    print(title)
    for door in doors:
        show(door.name, door.times_ms)
        if door in shares:
            show("  own share", shares[door].read(len(door.times_ms)), f"aim {AIM_MS} ms")
        door.times_ms.clear()


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], log: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command for as long as the context lasts."""
    with ExitStack() as exits:
        errors = subprocess.DEVNULL if log is None else exits.enter_context(log.open("w"))
        process = subprocess.Popen(  # noqa: S603 - our own command, or Debian's
            command, env=dict(env), stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def read_line(process: subprocess.Popen[str], wanted: str) -> str:
    """Give the first line of output that has `wanted` in it."""
    assert process.stdout  # noqa: S101 - it is a pipe
    for line in process.stdout:
        if wanted in line:
            return line
    raise RuntimeError(f"{process.args!r} has ended")


def share_cores(stack: int) -> None:
    """Give one half of the cores to the process `stack`, the other one to us and what follows."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(stack, cores[: len(cores) // 2])
        os.sched_setaffinity(0, cores[len(cores) // 2 :])


def start_redis(exits: ExitStack, folder: Path) -> str | None:
    """Give the URL of a Redis of our own; None where it is not installed."""
    command = shutil.which("redis-server")
    if command is None:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    redis = exits.enter_context(running([command, *options], os.environ))
    read_line(redis, "Ready to accept connections")
    return f"redis://127.0.0.1:{port}/0"


def start_server(
    exits: ExitStack, name: str, env: Mapping[str, str], log: Path
) -> tuple[Door, OwnShare]:
    """Start a server that logs to `log`."""
    server = exits.enter_context(running([*COMMAND, "serve"], env, log))
    url = read_line(server, "http").split()[-1].removesuffix("/api/mcp")
    return Door(name, f"{url}/auth/login", {}), OwnShare(log)


def main() -> None:
    """Start a stack and servers of our own, measure, stop them."""
    with tempfile.TemporaryDirectory() as made, ExitStack() as exits:
        folder = Path(made)
        env = {
            **os.environ,
            "ATOMS_STATE_DIR": made,
            "ATOMS_LOCAL_PORT": "0",
            "ATOMS_FASTMCP_PORT": "0",
            "ATOMS_LOG_FORMAT": "json",
        }
        # The gateway's own limits are meant for the addresses of people.
        stack = exits.enter_context(
            running([*COMMAND, "local", "--json"], {**env, "ATOMS_RATE_LIMITS": "off"})
        )
        share_cores(stack.pid)
        where: dict[str, Any] = json.loads(read_line(stack, "{"))
        env["NEXT_PUBLIC_SUPABASE_URL"] = where["url"]
        env["NEXT_PUBLIC_SUPABASE_ANON_KEY"] = where["anon_key"]
        token_url = f"{where['url']}/auth/v1/token?grant_type=password"
        doors = [Door("Supabase's /token", token_url, {"apikey": where["anon_key"]})]
        shares = {}
        door, share = start_server(exits, "/auth/login", env, folder / "server.log")
        doors.append(door)
        shares[door] = share
        redis_url = start_redis(exits, folder)
        if redis_url is not None:
            env["ATOMS_REDIS_URL"] = redis_url
            door, share = start_server(exits, "/auth/login, Redis", env, folder / "redis.log")
            doors.append(door)
            shares[door] = share
        asyncio.run(measure(doors, shares))


if __name__ == "__main__":
    main()
