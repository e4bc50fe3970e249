"""The real web application before a double of Supabase, with two small tools."""

import orjson
from aiohttp.test_utils import TestClient, TestServer, get_unused_port_socket

from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.engine.footing import Footing
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.sessions.session import Sessions
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.identity.access import AccessTokens
from atoms_mcp.identity.attempts import Attempts
from atoms_mcp.identity.browser import BrowserSessions
from atoms_mcp.identity.chains import Chains
from atoms_mcp.identity.clients import Clients, load_clients
from atoms_mcp.identity.connections import Connections
from atoms_mcp.identity.grants import Grants
from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.identity.ledger import Ledger
from atoms_mcp.identity.quota import Quota
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.sign_in import SignIn
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.store.local import LocalStore
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.rest import Rest
from atoms_mcp.supabase.wire import Wire
from atoms_mcp.web.forms import FORMS, Forms
from atoms_mcp.web.guard import parse_origins
from atoms_mcp.web.keys import ENGINE
from atoms_mcp.web.readiness import Readiness
from atoms_mcp.web.routes import Parts, build_web
from atoms_mcp.web.site import Sites

OBJECT = {"type": "object", "properties": {}, "additionalProperties": False}


async def _wait_for_nothing(_seconds):
    """Stand in for the floors of answer times, which are timed elsewhere."""


async def whoami(context, _arguments):
    return {"user_id": context.caller.user_id, "email": context.caller.email}


async def rows(context, _arguments):
    return {"rows": (await context.send(RestRequest("GET", "items"))).data}


async def broken(_context, _arguments):
    raise LookupError("an internal detail")


def tool(handler, scope="atoms:read"):
    return Tool(
        name=handler.__name__,
        title=handler.__name__,
        description="A tool of the tests.",
        input_schema=OBJECT,
        output_schema={"type": "object"},
        annotations={},
        scope=lambda _arguments: scope,
        handler=handler,
    )


NO_MORE = Offer()


class WebDouble:
    """One running server. `url` is as its clients know it."""

    def __init__(  # noqa: PLR0913 - each test says what matters to it
        self,
        supabase,
        clock,
        *,
        store=None,
        secrets=(b"k" * 32,),
        documents=None,
        routes=(),
        offer=NO_MORE,
        **environ,
    ):
        self.supabase = supabase
        self.clock = clock
        self.offer = offer
        self.settings = supabase.settings(**environ)
        parse_origins(self.settings.allowed_origins)  # before there is a socket to close
        self.socket = get_unused_port_socket("127.0.0.1")
        self.port = self.socket.getsockname()[1]
        self.wire = Wire(self.settings)
        self.store = store or LocalStore(now=clock)
        self.seal = Seal(secrets)
        self.sites = Sites(self.settings, self.port)
        self.auth = SupabaseAuth(self.wire)
        self.rest = Rest(self.wire)
        self.jwks = Jwks(self.auth, now=clock)
        self.chains = Chains(self.auth, self.store, self.seal, clock)
        self.access = AccessTokens(self.seal, self.chains.holders, self.sites.issuers, clock)
        self.verifier = Verifier(
            self.settings.auth_mode,
            self.jwks,
            self.auth,
            access=self.access,
            accepts_jwt=self.settings.accept_supabase_jwt == "on",
            session_check_s=self.settings.session_check_s,
            now=clock,
        )
        self.readiness = Readiness(self.auth, self.jwks, self.store, now=clock)
        self.connections = Connections(self.rest)
        self.ledger = Ledger(self.connections)
        self.browsers = BrowserSessions(self.seal, self.chains, clock)
        self.grants = Grants(
            self.seal,
            self.store,
            self.chains,
            self.browsers,
            access=self.access,
            verifier=self.verifier,
            ledger=self.ledger,
            now=clock,
        )
        self.clients = Clients(
            self.seal,
            documents=documents,
            configured=load_clients(self.settings.clients_file, self.settings.redirect_schemes),
            schemes=self.settings.redirect_schemes,
            can_register=self.settings.client_registration == "on",
            quota=Quota("clients", self.settings.registrations_per_address),
            now=clock,
        )
        self.app = build_web(self._parts(), routes)
        self.app[FORMS] = Forms(self.seal, clock)
        self.client = TestClient(TestServer(self.app, socket_factory=lambda *_where: self.socket))

    def _parts(self):
        tools = (tool(whoami), tool(rows), tool(broken), tool(writes, "atoms:write"))
        attempts = Attempts(
            per_account=self.settings.login_failures_per_account,
            per_address=self.settings.login_failures_per_address,
        )
        return Parts(
            settings=self.settings,
            sites=self.sites,
            seal=self.seal,
            store=self.store,
            engine=Engine(
                Offer(tuple(tools)) + self.offer,
                Footing(
                    self.rest,
                    self.verifier,
                    Sessions(self.seal, self.store),
                    self.seal,
                    self.store,
                ),
            ),
            verifier=self.verifier,
            auth=self.auth,
            sign_in=SignIn(self.auth, attempts, failure_floor_s=0, sleep=_wait_for_nothing),
            clients=self.clients,
            browsers=self.browsers,
            grants=self.grants,
            connections=self.connections,
            readiness=self.readiness,
        )

    @property
    def engine(self):
        return self.app[ENGINE]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def challenge(self):
        return (
            f'Bearer resource_metadata="{self.url}/.well-known/oauth-protected-resource/api/mcp", '
            'scope="atoms:read atoms:write"'
        )

    async def start(self):
        await self.client.start_server()
        return self

    async def close(self):
        self.engine.listening.drain()
        await self.client.close()
        await self.engine.close()
        await self.ledger.close()
        await self.wire.close()
        await self.store.close()

    async def ask(self, method, path, *, token=None, json=None, headers=None, **more):
        """Send one request; give the answer with its body read and parsed where it is JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if json is not None:
            more["data"] = orjson.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        answer = await self.client.request(
            method, path, headers=sent, allow_redirects=False, **more
        )
        raw = await answer.read()
        is_json = answer.content_type == "application/json" and raw
        answer.told = orjson.loads(raw) if is_json else raw
        return answer

    async def call(self, tool_name, *, token=None, headers=None, **arguments):
        return await self.ask(
            "POST",
            "/api/mcp/tools/call",
            token=token,
            headers=headers,
            json={"tool": tool_name, "arguments": arguments},
        )


async def writes(_context, _arguments):
    return {"ok": True}


def assert_problem(answer, status, error):
    """Check the one shape of errors, and give its message."""
    assert answer.status == status
    assert list(answer.told) == ["error", "message", "hint"]
    assert answer.told["error"] == error
    assert all(isinstance(text, str) and text for text in answer.told.values())
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.told["message"]
