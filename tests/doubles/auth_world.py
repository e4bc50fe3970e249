"""What the tests of Auth work with: a clock to turn, a REST that echoes, and people."""

import time
from dataclasses import dataclass, field

from aiohttp import web

from atoms_mcp.local.gateway import AUTH

ANON_KEY = "sb_publishable_for_tests"
ISSUER = "http://127.0.0.1:1/auth/v1"
PASSWORD = "correct horse"


class Clock:
    """Now, until it is turned."""

    def __init__(self):
        self.offset_s = 0.0

    def __call__(self):
        return time.time() + self.offset_s

    def advance(self, seconds):
        self.offset_s += seconds


class EchoRest:
    """Says who it was asked as, and what."""

    async def handle(self, request, claims):
        if request.match_info["tail"] == "fail":
            raise RuntimeError("planted")
        if request.match_info["tail"] == "large":
            raise web.HTTPRequestEntityTooLarge(1, 2)
        return web.json_response(
            {
                "claims": dict(claims),
                "tail": request.match_info["tail"],
                "query": request.query_string,
                "body": await request.text(),
            }
        )


@dataclass
class Person:
    """An account of a test's own, and what it does."""

    client: object
    email: str
    password: str = field(default=PASSWORD, repr=False)

    async def post(self, path, body=None, token=None, headers=None):
        headers = {**bearer(token), **(headers or {})}
        return await self.client.post(AUTH + path, json=body, headers=headers)

    async def get(self, path, token=None):
        return await self.client.get(AUTH + path, headers=bearer(token))

    async def put(self, path, body, token=None):
        return await self.client.put(AUTH + path, json=body, headers=bearer(token))

    async def sign_up(self, **more):
        body = {"email": self.email, "password": self.password, **more}
        return await (await self.post("/signup", body)).json()

    async def sign_in(self, password=None):
        body = {"email": self.email, "password": password or self.password}
        return await self.post("/token?grant_type=password", body)

    async def refresh(self, token):
        return await self.post("/token?grant_type=refresh_token", {"refresh_token": token})


def bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}
