"""How each client is connected: what to paste where, with the URL of this server in it.

Pure. What is said around it is in `texts.toml`, under `guide.<id>`.

Source: the documentation of each client; `scripts` and `tests` run those that can be run.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from atoms_mcp.settings import is_loopback

NAME = "atoms"
PLACEHOLDERS = ("you@example.com", "your-password")
TAKE_TOKEN = r"""sed 's/.*"access_token":"\([^"]*\)".*/\1/'"""  # noqa: S105 - a command
CALL = '{"tool": "entity_tool", "arguments": {"operation": "list", "entity_type": "project"}}'
PYTHON = """\
import asyncio, os
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

URL = "{url}"
HEADERS = {{"Authorization": f"Bearer {{os.environ['TOKEN']}}"}}
PROJECTS = {{"operation": "list", "entity_type": "project"}}

async def main():
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        transport = streamable_http_client(URL, http_client=http)
        async with Client(transport) as client:
            found = await client.call_tool("entity_tool", PROJECTS)
            print(found.structured_content)

asyncio.run(main())"""
JAVASCRIPT = """\
import {{ Client, StreamableHTTPClientTransport }} from "@modelcontextprotocol/client";

const url = new URL("{url}");
const headers = {{ Authorization: `Bearer ${{process.env.TOKEN}}` }};
const projects = {{ operation: "list", entity_type: "project" }};

const client = new Client({{ name: "my-script", version: "1.0.0" }});
await client.connect(new StreamableHTTPClientTransport(url, {{ requestInit: {{ headers }} }}));
const found = await client.callTool({{ name: "entity_tool", arguments: projects }});
console.log(found.structuredContent);
await client.close();"""


@dataclass(frozen=True, slots=True)
class Guide:
    """One client. `pastes` are texts to copy; each has its sentence `guide.<id>.<key>`.

    `has_more` says that there is a last one, `guide.<id>.more`.
    """

    id: str
    pastes: tuple[tuple[str, str], ...]
    has_more: bool = False


def make_guides(url: str, *, takes_jwt: bool) -> Iterator[Guide]:
    """Give the guides for the MCP endpoint at `url`.

    Those that use a token of `/auth/login` are left out where such tokens are not taken.
    """
    yield Guide(
        "claude_code", (("run", f"claude mcp add --transport http {NAME} {url}"),), has_more=True
    )
    yield Guide("claude", (("paste", url),) if _is_public(url) else ())
    server = {"type": "http", "url": url}
    yield Guide(
        "vscode",
        (
            ("run", f"code --add-mcp '{json.dumps({'name': NAME, **server})}'"),
            ("file", _json({"servers": {NAME: server}})),
        ),
    )
    remote = ["-y", "mcp-remote", url, *_remote_flags(url)]
    bridged = _json({"mcpServers": {NAME: {"command": "npx", "args": remote}}})
    yield Guide("cursor", (("file", _json({"mcpServers": {NAME: {"url": url}}})),), has_more=True)
    yield Guide(
        "inspector", (("run", "npx @modelcontextprotocol/inspector"), ("paste", url)), has_more=True
    )
    yield Guide("remote", (("file", bridged), ("run", f"npx {' '.join(remote)}")))
    local = {"command": "atoms-mcp", "args": ["stdio"]}
    yield Guide(
        "stdio", (("run", "atoms-mcp login"), ("file", _json({"mcpServers": {NAME: local}})))
    )
    if takes_jwt:
        yield Guide("curl", (("login", _login(url)), ("call", _call(url))))
        yield Guide("python", (("install", "pip install mcp"), ("code", PYTHON.format(url=url))))
        install = "npm install @modelcontextprotocol/client"
        yield Guide("javascript", (("install", install), ("code", JAVASCRIPT.format(url=url))))


def _is_public(url: str) -> bool:
    """Tell whether a vendor's network may reach it: by https, and not under a loopback name."""
    parts = urlsplit(url)
    return parts.scheme == "https" and not is_loopback(parts.hostname or "")


def _remote_flags(url: str) -> list[str]:
    parts = urlsplit(url)
    is_plain = parts.scheme == "http" and not is_loopback(parts.hostname or "")
    return ["--allow-http"] if is_plain else []


def _login(url: str) -> str:
    parts = urlsplit(url)
    email, password = PLACEHOLDERS
    return (
        f"export TOKEN=$(curl -s {parts.scheme}://{parts.netloc}/auth/login \\\n"
        f"  --data-urlencode 'email={email}' \\\n"
        f"  --data-urlencode 'password={password}' \\\n"
        f"  | {TAKE_TOKEN})"
    )


def _call(url: str) -> str:
    return (
        f'curl -s {url}/tools/call -H "Authorization: Bearer $TOKEN" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{CALL}'"
    )


def _json(data: object) -> str:
    return json.dumps(data, indent=2)
