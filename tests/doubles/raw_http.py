"""Talks to a server byte for byte, as no well-behaved client would; serves as production does."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from aiohttp import web
from web_double import WebDouble

from atoms_mcp.web.connection import listen

DEADLINE_S = 5


@dataclass
class Raw:
    """One server that is served on connections of ours, and its address."""

    double: WebDouble
    runner: web.AppRunner

    @property
    def host(self):
        return f"Host: 127.0.0.1:{self.double.port}"

    def head(self, line, *fields):
        """Give a head as bytes; `fields` are whole lines."""
        return "\r\n".join([line, self.host, *fields, "", ""]).encode("latin-1")

    def open(self):
        return asyncio.open_connection("127.0.0.1", self.double.port)

    async def say(self, *parts):
        """Send the parts one after another; give all that comes until the server closes."""
        reader, writer = await self.open()
        try:
            async with asyncio.timeout(DEADLINE_S):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    # Let it be read before there is more.
                    await asyncio.sleep(0.01)
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving_raw(double):
    """Serve the application of a double that has not been started."""
    runner = web.AppRunner(double.app, shutdown_timeout=0.1)
    await runner.setup()
    server = await listen(runner, double.socket, backlog=100)
    try:
        yield Raw(double, runner)
    finally:
        server.close()
        await runner.cleanup()
        await double.close()


def split(answers):
    """Give the answers of a connection, each as (status, headers, body)."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        length = int(headers.get("content-length", 0))
        found.append((int(first.split()[1]), headers, rest[:length]))
        answers = rest[length:]
    return found


def told(answer):
    return orjson.loads(answer[2])
