"""An app and a user's consent page in front of the OAuth server of a test's gateway."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from auth_world import bearer

BACK = "http://127.0.0.1:5/back"
VERIFIER = "v" * 43


def read_query(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class App:
    """One registered app, and a person who may let it have something."""

    person: object
    token: str = ""
    registered: dict | None = None

    @property
    def id(self):
        return self.registered["client_id"]

    async def register(self, **more):
        body = {"redirect_uris": [BACK], "token_endpoint_auth_method": "none", **more}
        answer = await self.send("post", "/oauth/clients/register", json=body)
        self.registered = await answer.json()
        return answer

    async def send(self, method, path, **more):
        """Ask as an app, which knows no key of the project."""
        return await self.person.client.request(
            method, f"/auth/v1{path}", allow_redirects=False, headers={"apikey": ""}, **more
        )

    async def ask(self, **more):
        query = {
            "client_id": self.id,
            "redirect_uri": BACK,
            "code_challenge": VERIFIER,
            "code_challenge_method": "plain",
            "state": "s1",
            **more,
        }
        return await self.send("get", f"/oauth/authorize?{urlencode(query)}")

    async def asked(self, **more):
        """Ask, and give the id that the consent page is told."""
        answer = await self.ask(**more)
        return read_query(answer.headers["Location"])["authorization_id"]

    async def read(self, authorization_id, token=None, **headers):
        return await self.person.client.get(
            f"/auth/v1/oauth/authorizations/{authorization_id}",
            headers={**bearer(token or self.token), **headers},
        )

    async def decide(self, authorization_id, action="approve", token=None, **headers):
        return await self.person.client.post(
            f"/auth/v1/oauth/authorizations/{authorization_id}/consent",
            json={"action": action},
            headers={**bearer(token or self.token), **headers},
        )

    async def approved(self, **more):
        """Go the whole way, and give the code."""
        asked = await self.asked(**more)
        told = await (await self.read(asked)).json()
        if "redirect_url" not in told:
            told = await (await self.decide(asked)).json()
        return read_query(told["redirect_url"])["code"]

    async def redeem(self, code, **more):
        form = {
            "grant_type": "authorization_code",
            "client_id": self.id,
            "code": code,
            "code_verifier": VERIFIER,
            **more,
        }
        return await self.send("post", "/oauth/token", data=form)
