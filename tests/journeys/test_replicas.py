"""Two processes behind a balancer, with one secret key and one Redis: neither needs the other.

They share no file. What one of them began the other one goes on with, and what one ended is over.
"""

import asyncio
import itertools
import secrets
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from app_double import running_app
from person import Person

DEADLINE_S = 5
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "date"}
NAME = "Crosswise"


class Balancer:
    """The public address. `who` is the replica that gets the next request; None means in turn."""

    def __init__(self, port, ports):
        self.ports = ports
        self.who = None
        self.served = []
        self._turn = itertools.count()
        self.server = TestServer(self._app(), host="127.0.0.1", port=port)
        self._session = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def mcp_url(self):
        return f"{self.url}/api/mcp"

    def _app(self):
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._pass)
        return app

    async def _pass(self, request):
        number = next(self._turn) % len(self.ports) if self.who is None else self.who
        self.served.append((number, request.path))
        async with self._session.request(
            request.method,
            f"http://127.0.0.1:{self.ports[number]}{request.raw_path}",
            headers=request.headers,
            data=await request.read(),
            allow_redirects=False,
        ) as answer:
            kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP]
            body = await answer.read()
            response = web.Response(status=answer.status, body=body)
            response.headers.clear()
            response.headers.extend(kept)
            return response

    async def __aenter__(self):
        await self.server.start_server()
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_exc):
        await self._session.close()
        await self.server.close()


@pytest.fixture(scope="module")
def replicas(start_server, stack, free_port, _redis_server, tmp_path_factory):
    """Start two servers for one public address; give its port, and theirs."""
    _redis_server.start()
    public, *ports = (free_port() for _ in range(3))
    key = secrets.token_hex(32)
    for port in ports:
        start_server(
            stack,
            ATOMS_FASTMCP_PORT=str(port),
            ATOMS_FASTMCP_BASE_URL=f"http://127.0.0.1:{public}",
            ATOMS_SECRET_KEY=key,
            ATOMS_REDIS_URL=_redis_server.url,
            ATOMS_STATE_DIR=str(tmp_path_factory.mktemp("replica")),
            # Revocations elsewhere are looked up with every request.
            ATOMS_SESSION_CHECK_S="0",
        )
    return public, ports


@pytest.fixture
async def balancer(replicas):
    async with Balancer(*replicas) as balancer:
        yield balancer


@pytest.fixture
async def app(balancer):
    """A client that is registered, of which neither replica keeps anything."""
    async with running_app(balancer, NAME) as app:
        yield app


async def approve(app):
    """Let a person sign in and agree, each page served by the other replica; give the code."""
    where = await asyncio.to_thread(Person().approve, app.link())
    told = dict(parse_qsl(urlsplit(where).query))
    assert told["iss"] == app.server.url
    return told["code"]


async def status_at(balancer, number, app, token):
    balancer.who = number
    answer = await app.call(token, "entity_tool", operation="list", entity_type="project")
    return answer.status_code


@pytest.mark.requirement("base-any-connection")
async def test_one_flow_is_served_crosswise(balancer, app):
    code = await approve(app)
    pages = [who for who, path in balancer.served if path != "/oauth/register"]
    assert set(pages) == {0, 1}

    balancer.who = 1
    tokens = await app.redeem(code)
    for number in (0, 1):
        assert await status_at(balancer, number, app, tokens["access_token"]) == 200
    for number in (0, 1, 0):
        balancer.who = number
        answer = await app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert answer.status_code == 200
        tokens = answer.json()
        assert await status_at(balancer, 1 - number, app, tokens["access_token"]) == 200

    balancer.who = 1
    form = {"token": tokens["refresh_token"], "client_id": app.client_id}
    assert (await app.http.post(f"{balancer.url}/oauth/revoke", data=form)).status_code == 200
    assert await status_at(balancer, 0, app, tokens["access_token"]) == 401
    balancer.who = 0
    again = await app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


async def test_a_code_is_used_once_in_all_replicas_together(balancer, app):
    balancer.who = 0
    code = await approve(app)
    tokens = await app.redeem(code)
    assert await status_at(balancer, 0, app, tokens["access_token"]) == 200

    balancer.who = 1
    with pytest.raises(httpx.HTTPStatusError):
        await app.redeem(code)

    assert await status_at(balancer, 0, app, tokens["access_token"]) == 401
    again = await app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


async def test_refreshes_at_both_at_once_leave_both_good(balancer, app):
    tokens = await app.redeem(await approve(app))
    asked = (
        app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        for _ in range(6)
    )
    answers = [answer.json() for answer in await asyncio.gather(*asked)]

    for number, answer in enumerate(answers):
        assert await status_at(balancer, number % 2, app, answer["access_token"]) == 200
    balancer.who = None
    for answer in (answers[0], answers[-1]):
        renewed = await app.token(grant_type="refresh_token", refresh_token=answer["refresh_token"])
        assert renewed.status_code == 200


async def test_what_is_connected_is_on_the_users_list(balancer, app, stack):
    balancer.who = 0
    await app.redeem(await approve(app))
    login = await app.http.post(
        f"{balancer.url}/auth/login", json={"email": Person().email, "password": Person().password}
    )
    headers = {
        "apikey": stack.anon_key,
        "Authorization": f"Bearer {login.json()['access_token']}",
    }
    async with asyncio.timeout(DEADLINE_S):
        while True:
            rows = await app.http.get(f"{stack.url}/rest/v1/mcp_grants", headers=headers)
            if any(row["client_name"] == NAME for row in rows.json()):
                return
            await asyncio.sleep(0)
