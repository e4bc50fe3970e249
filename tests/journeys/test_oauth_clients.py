"""Clients nobody here wrote, with nothing but the URL: they find the way to sign in by themselves.

Each one signs in once, calls a tool, goes on when its token has expired, and goes on when the
server was started anew meanwhile.
"""

import asyncio
import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import httpx2
import pytest
from fastmcp import Client as FastClient
from fastmcp.client.auth import OAuth
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from person import Person

ROOT = Path(__file__).parent.parent.parent
MCP_1_PYTHON = ROOT / ".venv-mcp1" / "bin" / "python"
DOUBLES = ROOT / "tests" / "doubles"
TOKEN_LIFE_S = 4
EXPIRED_S = 6
CALLBACK = "http://127.0.0.1:33418/callback"
LIST = {"operation": "list", "entity_type": "project"}


@pytest.fixture(scope="module")
def brief_stack(start_stack, tmp_path_factory):
    """A project whose access tokens live for moments only."""
    folder = tmp_path_factory.mktemp("brief")
    return start_stack(folder, ATOMS_LOCAL_TOKEN_LIFE_S=str(TOKEN_LIFE_S))


class Restartable:
    """A server that comes back at the same address."""

    def __init__(self, start_server, stack, port):
        self._start = lambda: start_server(stack, ATOMS_FASTMCP_PORT=str(port))
        self.server = self._start()

    @property
    def url(self):
        return self.server.mcp_url

    def restart(self):
        assert self.server.process.stop() == 0
        self.server = self._start()

    async def wait_for_expiry(self, token):
        """Return once the server takes a token for expired."""
        async with asyncio.timeout(EXPIRED_S), httpx.AsyncClient() as http:
            while True:
                status = await http.get(
                    f"{self.server.url}/auth/status", headers={"Authorization": f"Bearer {token}"}
                )
                if not status.json()["authenticated"]:
                    return
                await asyncio.sleep(0.1)


@pytest.fixture
def restartable(start_server, brief_stack, free_port):
    return Restartable(start_server, brief_stack, free_port())


class Kept:
    """A client's storage."""

    def __init__(self):
        self.tokens = self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def parameters_of(url):
    return dict(httpx.URL(url).params)


def make_provider(url, kept, person):
    arrived = asyncio.Queue()

    async def open_browser(where):
        await arrived.put(await asyncio.to_thread(person.approve, where))

    async def wait_for_callback():
        back = parameters_of(await arrived.get())
        told = {name: back.get(name) for name in ("code", "state", "iss")}
        return AuthorizationCodeResult(**told)

    metadata = OAuthClientMetadata(client_name="Peer", redirect_uris=[CALLBACK])
    return OAuthClientProvider(url, metadata, kept, open_browser, wait_for_callback)


async def list_projects(url, provider):
    """Connect by the official client, which signs in where it has to, and call a tool."""
    async with (
        httpx2.AsyncClient(auth=provider, timeout=20) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        listed = await client.call_tool("entity_tool", LIST)
    assert "VEH" in [item["key"] for item in listed.structured_content["items"]]


async def test_the_python_client_signs_in_at_supabases_own_server(delegated):
    person, kept = Person(), Kept()
    provider = make_provider(delegated.mcp_url, kept, person)

    for _ in range(2):
        await list_projects(delegated.mcp_url, provider)

    assert (person.visits, person.typed) == (1, 1)
    # It is Supabase's own token, which says whose it is.
    claims = kept.tokens.access_token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["client_id"] == kept.client.client_id


@pytest.mark.requirement("auth-short-tokens")
@pytest.mark.slow
async def test_the_python_client_signs_in_from_the_url_alone_and_stays(restartable):
    person, kept = Person(), Kept()
    provider = make_provider(restartable.url, kept, person)

    async def call():
        await list_projects(restartable.url, provider)

    await call()
    first = kept.tokens
    await restartable.wait_for_expiry(first.access_token)
    await call()
    assert kept.tokens.access_token != first.access_token
    await restartable.wait_for_expiry(kept.tokens.access_token)
    restartable.restart()
    await call()

    assert person.visits == 1
    assert first.scope.split()[:2] == ["atoms:read", "atoms:write"]
    assert first.expires_in <= TOKEN_LIFE_S


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using in-memory token storage")
async def test_the_fastmcp_client_signs_in_from_the_url_alone_and_stays(restartable, monkeypatch):
    person, auth = Person(), OAuth()
    # It asks the desktop for a browser and waits at its own port for what comes back.
    with ThreadPoolExecutor(1) as desktop:
        browse = lambda url: desktop.submit(lambda: person.visit(person.approve(url)))  # noqa: E731
        monkeypatch.setattr("webbrowser.open", browse)

        async def call():
            async with FastClient(restartable.url, auth=auth) as client:
                listed = await client.call_tool("entity_tool", LIST)
                assert "VEH" in [item["key"] for item in listed.structured_content["items"]]
            return auth.context.current_tokens.access_token

        token = await call()
        await restartable.wait_for_expiry(token)
        token = await call()
        await restartable.wait_for_expiry(token)
        restartable.restart()
        await call()

    assert person.visits == 1


OLD_CLIENT = """
import asyncio, json, sys
import httpx
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from person import Person
from urllib.parse import parse_qsl, urlsplit

class Kept:
    tokens = client = None
    async def get_tokens(self): return self.tokens
    async def set_tokens(self, tokens): self.tokens = tokens
    async def get_client_info(self): return self.client
    async def set_client_info(self, client): self.client = client

async def main(url, callback):
    person, kept, arrived = Person(), Kept(), []

    async def open_browser(where):
        arrived.append(await asyncio.to_thread(person.approve, where))

    async def wait_for_callback():
        back = dict(parse_qsl(urlsplit(arrived.pop()).query))
        return back["code"], back["state"]

    metadata = OAuthClientMetadata(client_name="Older peer", redirect_uris=[callback])
    auth = OAuthClientProvider(url, metadata, kept, open_browser, wait_for_callback)
    for _ in range(3):
        async with httpx.AsyncClient(auth=auth, timeout=20) as http:
            async with streamable_http_client(url, http_client=http) as (read, write, _):
                async with ClientSession(read, write) as session:
                    await session.initialize()
                    listed = await session.call_tool(
                        "entity_tool", {"operation": "list", "entity_type": "project"})
        print(json.dumps({"visits": person.visits, "token": kept.tokens.access_token,
                          "listed": listed.structuredContent}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_the_older_python_client_signs_in_from_the_url_alone_and_stays(restartable):
    process = await asyncio.create_subprocess_exec(
        MCP_1_PYTHON,
        "-c",
        OLD_CLIENT,
        restartable.url,
        CALLBACK,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(DOUBLES)},
    )
    told = []
    for is_restarted in (True, False):
        told.append(json.loads(await process.stdout.readline()))
        await restartable.wait_for_expiry(told[-1]["token"])
        if is_restarted:
            restartable.restart()
        process.stdin.write(b"\n")
    told.append(json.loads(await process.stdout.readline()))
    process.stdin.write(b"\n")
    await process.wait()

    assert [each["visits"] for each in told] == [1, 1, 1]
    assert len({each["token"] for each in told}) == 3
    assert all("VEH" in [item["key"] for item in each["listed"]["items"]] for each in told)
