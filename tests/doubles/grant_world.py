"""Grants with all they stand on, before a double of Supabase; and clients that ask for them."""

import base64
import hashlib
import secrets

from atoms_mcp.identity.access import AccessTokens
from atoms_mcp.identity.browser import BrowserSessions
from atoms_mcp.identity.chains import Chains
from atoms_mcp.identity.grants import Grants
from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.oauth.authorize import AuthorizationRequest
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.token_request import CodeGrant, RefreshGrant
from atoms_mcp.store.local import LocalStore
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.wire import Wire

ISSUER = "https://mcp.example.com"
RESOURCE = f"{ISSUER}/api/mcp"
CALLBACK = "http://127.0.0.1:3334/callback"
BOTH = ("atoms:read", "atoms:write")


def new_pair():
    """Give a PKCE verifier and its challenge."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def client(client_id="a-client", **more):
    known = {"name": "Inspector", "redirect_uris": (CALLBACK,), "auth_method": "none"}
    return Client(client_id, **{**known, "origin": "registered", **more})


class Notes:
    """A ledger that notes what it was told."""

    def __init__(self):
        self.told = []

    def record(self, connection, token):
        self.told.append(("record", connection, token))

    def touch(self, gid, token):
        self.told.append(("touch", gid, token))

    def remove(self, gid, token):
        self.told.append(("remove", gid, token))

    async def clear(self, token):
        self.told.append(("clear", token))


class GrantWorld:
    """One process. `store` is shared by those that are replicas of each other."""

    def __init__(self, supabase, clock, *, store=None, secrets=(b"k" * 32,), mode="simple"):
        supabase.now = clock
        self.supabase = supabase
        self.clock = clock
        self.wire = Wire(supabase.settings())
        self.store = store or LocalStore(now=clock)
        self.seal = Seal(secrets)
        self.auth = SupabaseAuth(self.wire)
        self.chains = Chains(self.auth, self.store, self.seal, clock)
        self.browsers = BrowserSessions(self.seal, self.chains, clock)
        self.access = AccessTokens(self.seal, self.chains.holders, {RESOURCE: ISSUER}, clock)
        self.verifier = Verifier(
            mode, Jwks(self.auth, now=clock), self.auth, access=self.access, now=clock
        )
        self.notes = Notes()
        self.grants = Grants(
            self.seal,
            self.store,
            self.chains,
            self.browsers,
            access=self.access,
            verifier=self.verifier,
            ledger=self.notes,
            now=clock,
        )
        self.browser = None

    async def close(self):
        await self.wire.close()
        await self.store.close()

    async def sign_in(self):
        """Sign in at a browser; give its session."""
        session = await self.auth.sign_in(self.supabase.email, self.supabase.password)
        self.browser, _cookie = await self.browsers.start(session)
        return self.browser

    async def consent(self, asking=None, scopes=BOTH, **changed):
        """Let the user agree; give a grant that redeems the code."""
        if self.browser is None:
            await self.sign_in()
        verifier, challenge = new_pair()
        request = AuthorizationRequest(
            **{
                "client": asking or client(),
                "redirect_uri": CALLBACK,
                "has_redirect_uri": True,
                "state": None,
                "scopes": scopes,
                "code_challenge": challenge,
                "resource": RESOURCE,
                **changed,
            }
        )
        code = await self.grants.issue_code(request, scopes, self.browser, ISSUER)
        return CodeGrant(code, verifier, CALLBACK, None)

    async def connect(self, asking=None, scopes=BOTH):
        """Go the whole way; give the tokens."""
        return await self.grants.redeem(await self.consent(asking, scopes), asking or client())

    async def refresh(self, answer, asking=None, scope=None, resource=None):
        token = getattr(answer, "refresh_token", answer)
        grant = RefreshGrant(token, resource, scope)
        return await self.grants.refresh(grant, asking or client())
