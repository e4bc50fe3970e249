"""What an authenticated call of a trivial tool costs, beside a raw aiohttp handler.

The raw handler is the ceiling: a plain application that finds the same token in the same cache of
verified tokens, reads the JSON, and answers a fixed result, as aiohttp's documentation writes it.
Both servers take turns on one core, in many short rounds, with the load on another one. What
counts is the ratio of the CPU time that their processes spend on a request, round by round:
requests a second move with whatever else the machine does.
"""

import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from atoms_mcp import app, logs
from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.identity.caller import READ_SCOPE
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.settings import ServerSettings, load

ROUNDS = 24
SECONDS = 0.3
CONNECTIONS = 32
HERE = Path(__file__).parent
RAW_RESULT = {"content": [{"type": "text", "text": '{"ok":true}'}], "isError": False}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
MODERN_HEADERS = {
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "trivial",
}


async def answer(_context: Context, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Do nothing."""
    return {"ok": True}


def read_scope(_arguments: Mapping[str, Any]) -> str:
    """Give the scope of every call."""
    return READ_SCOPE


TRIVIAL = Tool(
    name="trivial",
    title="Trivial",
    description="Does nothing.",
    input_schema={"type": "object", "properties": {}, "additionalProperties": False},
    output_schema={"type": "object"},
    annotations={"readOnlyHint": True},
    scope=read_scope,
    handler=answer,
)


@asynccontextmanager
async def running_ours(settings: ServerSettings) -> AsyncIterator[int]:
    """Serve as production does, with one more tool; gives the port."""
    async with app.serving(settings, Offer((TRIVIAL,))) as url:
        yield int(url.split(":")[2].split("/")[0])


@asynccontextmanager
async def running_raw(settings: ServerSettings) -> AsyncIterator[int]:
    """Serve the ceiling; gives the port."""
    core = app.build_core(settings)

    async def handle(request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise web.HTTPUnauthorized
        try:
            await core.verifier.verify(token)
        except InvalidToken:
            raise web.HTTPUnauthorized from None
        message = await request.json(loads=orjson.loads)
        if message["jsonrpc"] != "2.0" or message["method"] != "tools/call":
            raise web.HTTPBadRequest
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": RAW_RESULT}
        return web.json_bytes_response(answer, dumps=orjson.dumps)

    application = web.Application()
    application.router.add_post(settings.http_path, handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()
    await core.wire.close()


Running = Callable[[ServerSettings], AbstractAsyncContextManager[int]]


async def serve(running: Running, settings: ServerSettings) -> None:
    """Run one server until its standard input ends, and tell its CPU time when asked."""
    logs.configure("json", "info")
    async with running(settings) as port:
        print(port, flush=True)
        await asyncio.to_thread(tell_cpu_time)


def tell_cpu_time() -> None:
    """Answer each line of standard input with the CPU time of this process, in seconds."""
    for _ in sys.stdin:
        print(time.process_time(), flush=True)


@asynccontextmanager
async def project(users: int = 1) -> AsyncIterator[tuple[dict[str, str], list[str]]]:
    """Publish one signing key as a Supabase project does; gives settings and a token a user."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k", "alg": "ES256"}

    async def keys(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [public]})

    application = web.Application()
    application.router.add_get("/auth/v1/.well-known/jwks.json", keys)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    now = int(time.time())
    claims = {
        "iss": f"{url}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "email": "bench@example.com",
        "session_id": "6b1f8f5e-1111-4222-8333-444455557777",
        "iat": now,
        "exp": now + 3600,
    }
    environ = {
        "NEXT_PUBLIC_SUPABASE_URL": url,
        "NEXT_PUBLIC_SUPABASE_ANON_KEY": "sb_publishable_bench",
        "ATOMS_FASTMCP_AUTH_MODE": "jwt",
        "ATOMS_FASTMCP_PORT": "0",
        "ATOMS_SECRET_KEY": secrets.token_hex(32),
        # One user calls more often than any user may.
        "ATOMS_RATE_LIMITS": "off",
    }
    subjects = [f"6b1f8f5e-1111-4222-8333-{number:012d}" for number in range(users)]
    yield (
        environ,
        [
            jwt.encode({**claims, "sub": subject}, key, algorithm="ES256", headers={"kid": "k"})
            for subject in subjects
        ],
    )
    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Round:
    """What one round gave: requests a second, and the server's CPU time for each of them."""

    per_second: float
    cpu_us: float


class Server:
    """One of the servers of a benchmark, in a process of its own."""

    def __init__(
        self, kind: str, environ: Mapping[str, str], log: Path, script: str = __file__
    ) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - a benchmark of ours
            [sys.executable, script, kind],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("wb"),
        )
        assert self.process.stdout  # noqa: S101 - it is a pipe
        self.port = int(self.process.stdout.readline())

    def read_cpu_s(self) -> float:
        """Ask for the CPU time that it has spent."""
        assert self.process.stdin  # noqa: S101 - it is a pipe
        assert self.process.stdout  # noqa: S101 - it is a pipe
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    async def load(self, request: bytes) -> Round:
        """Load it for a while."""
        before_s = self.read_cpu_s()
        load = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "load.py"),
            str(self.port),
            str(SECONDS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await load.communicate(request)
        per_second, _, _, answers = map(float, out.split())
        return Round(per_second, (self.read_cpu_s() - before_s) / answers * 1e6)

    def stop(self) -> None:
        """End it."""
        self.process.communicate()


def compose(port: int, token: str, extra: Mapping[str, str], params: dict[str, Any]) -> bytes:
    """Give one tools/call as bytes."""
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    body = orjson.dumps(message)
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": str(len(body)),
        **extra,
    }
    lines = ["POST /api/mcp HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def open_session(port: int, token: str) -> str:
    """Do the handshake of 2025-11-25 and give the session id."""
    import aiohttp  # noqa: PLC0415 - only the measuring process needs a client

    opening = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    }
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(
            f"http://127.0.0.1:{port}/api/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening},
        ) as response,
    ):
        return response.headers["Mcp-Session-Id"]


async def compare(era: str, ours: Server, raw: Server, token: str) -> None:
    """Alternate the two and print one line."""
    if era == "2026-07-28":
        extra, params = MODERN_HEADERS, {"name": "trivial", "arguments": {}, "_meta": META}
    else:
        session = await open_session(ours.port, token)
        extra = {"MCP-Protocol-Version": era, "Mcp-Session-Id": session}
        params = {"name": "trivial", "arguments": {}}
    rounds: dict[str, list[Round]] = {"ours": [], "raw": []}
    for _ in range(ROUNDS):
        rounds["ours"].append(await ours.load(compose(ours.port, token, extra, params)))
        rounds["raw"].append(await raw.load(compose(raw.port, token, extra, params)))
    shown = "   ".join(
        f"{name} {statistics.median(each.per_second for each in them):6.0f}/s"
        f" {statistics.median(each.cpu_us for each in them):5.1f} us"
        for name, them in rounds.items()
    )
    ratio = statistics.median(
        ceiling.cpu_us / own.cpu_us
        for own, ceiling in zip(rounds["ours"], rounds["raw"], strict=True)
    )
    print(f"{era}   {shown}   ratio of CPU times {ratio:.2f}")


def share_cores(servers: Sequence[Server]) -> None:
    """Give the servers one core and this process and its loads another, where there are two."""
    if not hasattr(os, "sched_setaffinity"):
        return
    first, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(0, {first})
        for server in servers:
            os.sched_setaffinity(server.process.pid, {others[-1]})


async def main() -> None:
    """Measure both eras."""
    print(
        f"tools/call, jwt mode, {CONNECTIONS} connections, medians of {ROUNDS} x {SECONDS} s: "
        "requests a second and CPU time of each"
    )
    with tempfile.TemporaryDirectory() as folder:
        async with project() as (environ, (token,)):
            ours = Server("ours", environ, Path(folder) / "ours.log")
            raw = Server("raw", environ, Path(folder) / "raw.log")
            share_cores((ours, raw))
            try:
                for era in ("2026-07-28", "2025-11-25"):
                    await compare(era, ours, raw, token)
            finally:
                ours.stop()
                raw.stop()


def run(main_coroutine: Any) -> None:  # noqa: ANN401 - a coroutine of any kind
    """Run on uvloop, as the commands do."""
    import uvloop  # noqa: PLC0415 - a measurement is for platforms that have it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main_coroutine)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kinds: dict[str, Running] = {"ours": running_ours, "raw": running_raw}
        run(serve(kinds[sys.argv[1]], load(ServerSettings, os.environ)))
    else:
        run(main())
