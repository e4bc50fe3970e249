"""Tool calls over 20,000 requirements in one project, through server, gateway and PostgreSQL.

Prints the median and the slowest of each, in ms, as a client on the same machine sees them.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import httpx

REQUIREMENTS = 20_000
CHUNK = 1000
ROUNDS = 20
WORDS = [
    "brake",
    "steering",
    "battery",
    "sensor",
    "driver",
    "torque",
    "vehicle",
    "shall",
    "respond",
    "within",
    "limit",
    "warning",
    "camera",
    "lane",
    "speed",
    "pressure",
    "temperature",
    "circuit",
    "redundant",
    "signal",
    "fault",
    "state",
    "diagnostic",
]
ACCOUNT = {"email": "ada@acme.example", "password": "correct-horse-demo"}


def sentence(number: int) -> str:
    """Give some believable words, the same in each run."""
    return " ".join(WORDS[(number * step + step) % len(WORDS)] for step in range(1, 13))


class Bench:
    """A signed-in user of a running server."""

    def __init__(self, url: str, stack: dict[str, Any]) -> None:
        self.http = httpx.Client(timeout=60)
        self.url = url
        self.stack = stack
        session = self.http.post(f"{url}/auth/login", json=ACCOUNT).raise_for_status().json()
        self.http.headers["Authorization"] = f"Bearer {session['access_token']}"

    def call(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - tool arguments are JSON
        """Call entity_tool and give its structured content."""
        answer = self.http.post(
            f"{self.url}/api/mcp/tools/call", json={"tool": "entity_tool", "arguments": arguments}
        ).raise_for_status()
        result: dict[str, Any] = answer.json()
        if result.get("isError"):
            raise RuntimeError(result["content"][0]["text"])
        content: dict[str, Any] = result["structuredContent"]
        return content

    def fill(self) -> None:
        """Put the requirements into a new project, by bulk inserts past the tool's batch limit."""
        self.call(
            operation="create",
            entity_type="project",
            parent="acme",
            data={"title": "Load", "key": "LOAD"},
        )
        self.call(
            operation="create",
            entity_type="document",
            parent="acme/LOAD",
            data={"title": "All of them"},
        )
        document = self.rest("GET", "documents?key=eq.LOAD-DOC-1").json()[0]
        started_at = time.perf_counter()
        for first in range(0, REQUIREMENTS, CHUNK):
            self.rest(
                "POST",
                "requirements",
                json=[
                    {
                        "project_id": document["project_id"],
                        "document_id": document["id"],
                        "name": f"Requirement {number} {sentence(number)[:40]}",
                        "description": sentence(number * 7),
                    }
                    for number in range(first, first + CHUNK)
                ],
            )
        print(f"{REQUIREMENTS} rows inserted in {time.perf_counter() - started_at:.1f} s")

    def rest(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - as httpx
        """Ask the REST gateway as the same user."""
        return self.http.request(
            method,
            f"{self.stack['url']}/rest/v1/{path}",
            headers={"apikey": self.stack["anon_key"]},
            **more,
        ).raise_for_status()


def show(what: str, call: Callable[[int], object], limit_ms: int, rounds: int = ROUNDS) -> None:
    """Time `call` and print one line."""
    call(-1)
    times_ms = []
    for number in range(rounds):
        started_at = time.perf_counter()
        call(number)
        times_ms.append((time.perf_counter() - started_at) * 1000)
    median = statistics.median(times_ms)
    print(
        f"{what:32} median {median:7.1f} ms   slowest {max(times_ms):7.1f} ms   aim {limit_ms} ms"
    )


def measure(bench: Bench) -> None:
    """Run all of it."""
    bench.fill()
    wanted = {"entity_type": "requirement", "parent": "acme/LOAD"}
    show("first page of a list", lambda _: bench.call(operation="list", **wanted), 100)
    show(
        "first page, filtered",
        lambda _: bench.call(operation="list", filters={"status": ["draft"]}, **wanted),
        100,
    )
    show(
        "search",
        lambda n: bench.call(operation="search", query=f"brake {WORDS[n % len(WORDS)]}", **wanted),
        150,
    )
    show(
        "batch create of 100",
        lambda n: bench.call(
            operation="create",
            entity_type="requirement",
            parent="LOAD-DOC-1",
            items=[{"title": f"Batch {n} row {row}"} for row in range(100)],
        ),
        500,
        rounds=5,
    )


def main() -> None:
    """Start a stack and a server of our own, measure, stop both."""
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "ATOMS_STATE_DIR": folder,
            "ATOMS_LOCAL_PORT": "0",
            "ATOMS_FASTMCP_PORT": "0",
            "ATOMS_RATE_LIMITS": "off",
        }
        command = [sys.executable, "-m", "atoms_mcp"]
        stack = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "local", "--json"], env=env, stdout=subprocess.PIPE, text=True
        )
        assert stack.stdout  # noqa: S101 - it is a pipe
        where = json.loads(stack.stdout.readline())
        env["NEXT_PUBLIC_SUPABASE_URL"] = where["url"]
        env["NEXT_PUBLIC_SUPABASE_ANON_KEY"] = where["anon_key"]
        server = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "serve"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert server.stdout  # noqa: S101 - it is a pipe
        try:
            url = server.stdout.readline().split()[-1].removesuffix("/api/mcp")
            measure(Bench(url, where))
        finally:
            for process in (server, stack):
                process.send_signal(signal.SIGINT)
                process.wait(10)


if __name__ == "__main__":
    main()
