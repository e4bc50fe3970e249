"""An MCP client in small, as far as a browser is concerned: registers, asks, and waits to be told.

It listens on loopback under a name of its own, so that to a browser it is another site than the
server. Its pages can also do what a hostile site would.
"""

import asyncio
import base64
import hashlib
import html
import secrets
from contextlib import asynccontextmanager
from urllib.parse import urlencode, urlsplit

import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer

DEADLINE_S = 5


class App:
    """One client. `told` are the parameters that came to its callback, the newest last."""

    def __init__(self, server, name, http):
        self.server, self.name, self.http = server, name, http
        self.listener = None
        self.told = []
        self.client_id = self.metadata = self.scope = None
        self.pages = {}
        self._verifier = secrets.token_urlsafe(48)
        self._came = asyncio.Event()

    @property
    def url(self):
        """Not the name of the server, so another site to browsers."""
        return f"http://localhost:{self.listener.port}"

    @property
    def callback(self):
        return f"{self.url}/callback"

    async def discover(self):
        """Find out who authorizes, from the server's documents."""
        place = "/.well-known/oauth-protected-resource/api/mcp"
        resource = (await self.http.get(self.server.url + place)).json()
        parts = urlsplit(resource["authorization_servers"][0])
        place = f"/.well-known/oauth-authorization-server{parts.path}"
        answer = await self.http.get(f"{parts.scheme}://{parts.netloc}{place}")
        answer.raise_for_status()
        self.metadata, self.scope = answer.json(), " ".join(resource["scopes_supported"])

    async def register(self, **metadata):
        body = {
            "client_name": self.name,
            "redirect_uris": [self.callback],
            "token_endpoint_auth_method": "none",
        } | metadata
        answer = await self.http.post(self.metadata["registration_endpoint"], json=body)
        answer.raise_for_status()
        self.client_id = answer.json()["client_id"]

    def link(self, **changed):
        """Give the address to which the client sends its user."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        params = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "state": f"state of {self.name}",
            "scope": self.scope,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "resource": self.server.mcp_url,
        } | changed
        return f"{self.metadata['authorization_endpoint']}?{urlencode(params)}"

    async def answer(self):
        """Wait for the answer that the browser brings, and give its parameters."""
        async with asyncio.timeout(DEADLINE_S):
            await self._came.wait()
        self._came.clear()
        return self.told[-1]

    async def token(self, **params):
        """Ask the token endpoint; gives the whole answer."""
        form = {"client_id": self.client_id, **params}
        return await self.http.post(self.metadata["token_endpoint"], data=form)

    async def redeem(self, code):
        """Trade a code for tokens."""
        answer = await self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.callback,
            code_verifier=self._verifier,
        )
        answer.raise_for_status()
        return answer.json()

    async def call(self, token, tool, **arguments):
        """Call a tool; gives the whole answer."""
        return await self.http.post(
            f"{self.server.mcp_url}/tools/call",
            json={"tool": tool, "arguments": arguments},
            headers={"Authorization": f"Bearer {token}"},
        )

    def hold(self, name, body):
        """Serve a page of this site, and give its address."""
        self.pages[name] = f"<!doctype html><title>{html.escape(name)}</title>{body}"
        return f"{self.url}/{name}"

    async def _callback(self, request):
        self.told.append(dict(request.query))
        self._came.set()
        body = "<!doctype html><title>Connected</title><h1>Connected</h1>"
        body += "<script>if (window.opener) window.opener.postMessage('done', '*')</script>"
        return web.Response(text=body, content_type="text/html")

    async def _page(self, request):
        return web.Response(text=self.pages[request.match_info["name"]], content_type="text/html")

    async def _icon(self, _request):
        return web.Response(status=204)

    def app(self):
        app = web.Application()
        app.router.add_get("/callback", self._callback)
        app.router.add_get("/favicon.ico", self._icon)
        app.router.add_get("/{name}", self._page)
        return app


@asynccontextmanager
async def running_app(server, name):
    """Run a client, registered."""
    async with httpx.AsyncClient() as http:
        app = App(server, name, http)
        app.listener = TestServer(app.app(), host="localhost")
        await app.listener.start_server()
        try:
            await app.discover()
            await app.register()
            yield app
        finally:
            await app.listener.close()
