"""Clients nobody here wrote, with a bearer header and over stdio."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

ROOT = Path(__file__).parent.parent.parent
MCP_1_PYTHON = ROOT / ".venv-mcp1" / "bin" / "python"
LIST = {"operation": "list", "entity_type": "project"}
MODES = ["auto", "legacy", "2026-07-28"]


async def use(client):
    """List the tools, call one well and one badly; give what came of it."""
    tools = await client.list_tools()
    listed = await client.call_tool("entity_tool", LIST)
    refused = await client.call_tool("entity_tool", LIST | {"entity_type": "projekt"})
    return [tool.name for tool in tools.tools], listed, refused


def check(outcome):
    names, listed, refused = outcome
    assert names == ["entity_tool", "workspace_tool"]
    assert "VEH" in [item["key"] for item in listed.structured_content["items"]]
    assert json.loads(listed.content[0].text) == listed.structured_content
    assert not listed.is_error
    assert refused.is_error
    assert refused.content[0].text.startswith("invalid_argument: ")


@pytest.mark.requirement("tools-structured-text")
@pytest.mark.parametrize("mode", MODES)
async def test_the_python_client_works_over_http_with_a_bearer_header(server, tokens, mode):
    headers = {"Authorization": f"Bearer {tokens['ada']}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(server.mcp_url, http_client=http)
        async with Client(transport, mode=mode) as client:
            check(await use(client))


@pytest.mark.requirement("auth-stdio")
@pytest.mark.parametrize("mode", MODES)
async def test_the_python_client_works_over_stdio_with_a_token(stack, tokens, mode):
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "atoms_mcp", "stdio"],
        env={**stack.env, "ATOMS_ACCESS_TOKEN": tokens["ada"]},
    )
    async with Client(command, mode=mode) as client:
        check(await use(client))


OLD_CLIENT = """
import asyncio, json, sys
import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

async def main(url, token):
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        async with streamable_http_client(url, http_client=http) as (read, write, _):
            async with ClientSession(read, write) as session:
                opened = await session.initialize()
                tools = await session.list_tools()
                listed = await session.call_tool(
                    "entity_tool", {"operation": "list", "entity_type": "project"})
                await session.send_ping()
                print(json.dumps({"revision": opened.protocolVersion,
                                  "tools": [tool.name for tool in tools.tools],
                                  "listed": listed.structuredContent,
                                  "text": listed.content[0].text}))

asyncio.run(main(*sys.argv[1:]))
"""


def test_the_1_x_python_client_works_over_http(server, tokens):
    done = subprocess.run(  # noqa: S603 - our own text
        [MCP_1_PYTHON, "-c", OLD_CLIENT, server.mcp_url, tokens["ada"]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["revision"] == "2025-11-25"
    assert seen["tools"] == ["entity_tool", "workspace_tool"]
    assert "VEH" in [item["key"] for item in seen["listed"]["items"]]
    assert json.loads(seen["text"]) == seen["listed"]
