"""Requests a second of an authenticated call of a trivial tool, beside a raw aiohttp handler.

The raw handler is the ceiling: it parses the JSON, finds the same token in the same cache of
verified tokens, and answers a fixed result. Both servers run alone on one core, in turns, with
the load in a process of its own; the ratio of the medians is what counts, absolute figures move
with the machine.
"""

import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from atoms_mcp import app, logs
from atoms_mcp.engine.context import Context
from atoms_mcp.engine.tool import Tool
from atoms_mcp.identity.caller import READ_SCOPE
from atoms_mcp.settings import ServerSettings, load

ROUNDS = 5
SECONDS = 2.0
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
    async with app.serving(settings, [TRIVIAL]) as url:
        yield int(url.split(":")[2].split("/")[0])


@asynccontextmanager
async def running_raw(settings: ServerSettings) -> AsyncIterator[int]:
    """Serve the ceiling; gives the port."""
    core = app.build_core(settings)

    async def handle(request: web.Request) -> web.Response:
        _, _, token = request.headers["Authorization"].partition(" ")
        message = orjson.loads(await request.read())
        await core.verifier.verify(token)
        body = orjson.dumps({"jsonrpc": "2.0", "id": message["id"], "result": RAW_RESULT})
        return web.Response(body=body, content_type="application/json")

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
    """Run one server until its standard input ends."""
    logs.configure("json", "info")
    async with running(settings) as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def project() -> AsyncIterator[tuple[dict[str, str], str]]:
    """Publish one signing key as a Supabase project does; gives settings and a token."""
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
        "sub": "6b1f8f5e-1111-4222-8333-444455556666",
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
    }
    yield environ, jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k"})
    await runner.cleanup()


class Server:
    """One of the two servers, in a process of its own."""

    def __init__(self, kind: str, environ: Mapping[str, str], log: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, __file__, kind],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("wb"),
        )
        assert self.process.stdout  # noqa: S101 - it is a pipe
        self.port = int(self.process.stdout.readline())

    async def load(self, request: bytes) -> float:
        """Load it for a while; gives answers a second."""
        load = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "load.py"),
            str(self.port),
            str(SECONDS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await load.communicate(request)
        return float(out.split()[0])

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
    rates: dict[str, list[float]] = {"ours": [], "raw": []}
    for _ in range(ROUNDS):
        rates["ours"].append(await ours.load(compose(ours.port, token, extra, params)))
        rates["raw"].append(await raw.load(compose(raw.port, token, extra, params)))
    own, ceiling = (statistics.median(rates[name]) for name in ("ours", "raw"))
    print(f"{era}   ours {own:7.0f}/s   raw {ceiling:7.0f}/s   ratio {own / ceiling:.2f}")


async def main() -> None:
    """Measure both eras."""
    print(f"tools/call, jwt mode, {CONNECTIONS} connections, medians of {ROUNDS} x {SECONDS:.0f} s")
    with tempfile.TemporaryDirectory() as folder:
        async with project() as (environ, token):
            ours = Server("ours", environ, Path(folder) / "ours.log")
            raw = Server("raw", environ, Path(folder) / "raw.log")
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
