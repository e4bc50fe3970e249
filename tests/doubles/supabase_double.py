"""A Supabase that does as it is told: the wire contract in small, and every way to break it."""

import asyncio
import base64
import hashlib
import json
import time
import uuid
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm

from atoms_mcp.settings import ServerSettings, load

ANON_KEY = "sb_publishable_of_the_double"
HS256_SECRET = "a-secret-of-the-project-with-enough-characters"


class SigningPair:
    """An ES256 pair with its id."""

    def __init__(self, kid):
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self):
        public = json.loads(ECAlgorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "alg": "ES256", "use": "sig", "key_ops": ["verify"]}


def sign(claims, key, algorithm, **header):
    """Sign anything as anything."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    headers = {name: value for name, value in header.items() if value is not None}
    return PyJWS().encode(payload, key, algorithm, headers=headers)


def forge(header, claims, signature=b""):
    """Put a token together that nobody signed."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class Double:
    """One project. `faults` maps a path to a handler that takes its place."""

    def __init__(self):
        self.pair = SigningPair("first")
        self.jwks = [self.pair.jwk]
        self.user_id = str(uuid.UUID(int=7))
        self.email = "ada@acme.example"
        self.password = "correct-horse-demo"
        self.ended = set()
        self.faults = {}
        self.seen = []
        self.server = None
        self.released = asyncio.Event()
        self.refresh_token = "refresh0"
        self.now = time.time
        # What /settings says, the codes that are right, and what was mailed to whom.
        self.project = {
            "external": {"email": True, "phone": False, "anonymous_users": False, "github": True},
            "disable_signup": False,
            "mailer_autoconfirm": True,
        }
        self.code = "123456"
        self.totp_code = "654321"
        self.mailed = []
        self.factors = []
        self.challenges = {}
        # Codes of finished ways back, with the challenge that each was begun with.
        self.flows = {}
        self.passwords = []
        self.authorizations = {}

    @property
    def url(self):
        return str(self.server.make_url("")).rstrip("/")

    @property
    def issuer(self):
        return f"{self.url}/auth/v1"

    def settings(self, **environ):
        return load(
            ServerSettings,
            {"SUPABASE_URL": self.url, "SUPABASE_ANON_KEY": ANON_KEY, **environ},
        )

    def count(self, path):
        return sum(seen.path == path for seen in self.seen)

    def claims(self, **changed):
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "sub": self.user_id,
            "aud": "authenticated",
            "exp": now + 3600,
            "iat": now,
            "email": self.email,
            "role": "authenticated",
            "session_id": "session-1",
            "is_anonymous": False,
        } | changed
        return {name: value for name, value in claims.items() if value is not ...}

    def token(self, pair=None, **changed):
        pair = pair or self.pair
        return sign(self.claims(**changed), pair.private, "ES256", kid=pair.kid)

    def user(self):
        user = {"id": self.user_id, "email": self.email, "is_anonymous": False, "aud": "x"}
        return user | ({"factors": self.factors} if self.factors else {})

    def enroll(self, kind="totp", status="verified", name="Phone"):
        """Give the user a second factor, and its id."""
        factor_id = str(uuid.UUID(int=100 + len(self.factors)))
        self.factors.append(
            {"id": factor_id, "factor_type": kind, "status": status, "friendly_name": name}
        )
        return factor_id

    def app(self):
        app = web.Application(middlewares=[self._break])
        app.router.add_get("/auth/v1/.well-known/jwks.json", self._jwks)
        app.router.add_get("/auth/v1/user", self._user)
        app.router.add_get("/auth/v1/health", self._health)
        app.router.add_get("/auth/v1/settings", self._settings)
        app.router.add_put("/auth/v1/user", self._change_user)
        app.router.add_post("/auth/v1/otp", self._otp)
        app.router.add_post("/auth/v1/recover", self._recover)
        app.router.add_post("/auth/v1/signup", self._signup)
        app.router.add_post("/auth/v1/verify", self._verify)
        app.router.add_post("/auth/v1/factors/{id}/challenge", self._challenge)
        app.router.add_post("/auth/v1/factors/{id}/verify", self._verify_factor)
        app.router.add_get("/auth/v1/oauth/authorizations/{id}", self._authorization)
        app.router.add_post("/auth/v1/oauth/authorizations/{id}/consent", self._consent)
        app.router.add_post("/auth/v1/token", self._token)
        app.router.add_post("/auth/v1/logout", self._logout)
        app.router.add_route("*", "/rest/v1/{rest:.*}", self._rest)
        return app

    @web.middleware
    async def _break(self, request, handler):
        await request.read()
        self.seen.append(request)
        return await self.faults.get(request.path, handler)(request)

    async def _jwks(self, _request):
        return web.json_response({"keys": self.jwks})

    async def _health(self, _request):
        return web.json_response({"name": "GoTrue"})

    async def _user(self, request):
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        if claims.get("session_id") in self.ended:
            return refusal(403, "session_not_found")
        return web.json_response(self.user())

    async def _settings(self, _request):
        return web.json_response(self.project)

    async def _token(self, request):
        body = await request.json()
        grant_type = request.query["grant_type"]
        if grant_type == "password":
            if (body["email"], body["password"]) != (self.email, self.password):
                return refusal(400, "invalid_credentials", "Invalid login credentials")
        elif grant_type == "pkce":
            challenge = self.flows.pop(body["auth_code"], None)
            if challenge is None:
                return refusal(404, "flow_state_not_found")
            if challenge != s256(body["code_verifier"]):
                return refusal(400, "bad_code_verifier")
        elif body["refresh_token"] != self.refresh_token:
            return refusal(400, "refresh_token_not_found")
        return self.signed_in()

    def signed_in(self, **claims):
        """Answer as every way to sign in does."""
        self.refresh_token = f"refresh{int(self.refresh_token.removeprefix('refresh')) + 1}"
        return web.json_response(
            {
                "access_token": self.token(**claims),
                "token_type": "bearer",
                "expires_in": 3600,
                "expires_at": self.claims()["exp"],
                "refresh_token": self.refresh_token,
                "user": self.user(),
            }
        )

    async def _otp(self, request):
        body = await request.json()
        if body["email"] != self.email:
            return refusal(422, "otp_disabled", "Signups not allowed for otp")
        self.mailed.append(body)
        return web.json_response({})

    async def _recover(self, request):
        body = await request.json()
        if body["email"] == self.email:
            self.mailed.append(body)
        return web.json_response({})

    async def _signup(self, request):
        body = await request.json()
        is_known = body["email"] == self.email
        if len(body["password"]) < 6:
            return web.json_response(
                {
                    "code": "weak_password",
                    "message": "Password should be at least 6 characters.",
                    "weak_password": {"reasons": ["length"]},
                },
                status=422,
            )
        if self.project["mailer_autoconfirm"]:
            if is_known:
                return refusal(422, "user_already_exists", "User already registered")
            return self.signed_in(email=body["email"])
        if not is_known:
            self.mailed.append(body)
        return web.json_response({"id": str(uuid.uuid4()), "email": body["email"]})

    async def _verify(self, request):
        body = await request.json()
        if (body["email"], body["token"]) != (self.email, self.code):
            return refusal(403, "otp_expired", "Token has expired or is invalid")
        return self.signed_in(aal="aal1")

    async def _change_user(self, request):
        self.passwords.append((await request.json())["password"])
        return web.json_response(self.user())

    async def _challenge(self, request):
        if request.match_info["id"] not in {factor["id"] for factor in self.factors}:
            return refusal(404, "mfa_factor_not_found")
        challenge_id = str(uuid.uuid4())
        self.challenges[challenge_id] = request.match_info["id"]
        return web.json_response({"id": challenge_id, "type": "totp", "expires_at": 1})

    async def _verify_factor(self, request):
        body = await request.json()
        if self.challenges.pop(body["challenge_id"], None) != request.match_info["id"]:
            return refusal(422, "mfa_challenge_expired")
        if body["code"] != self.totp_code:
            return refusal(422, "mfa_verification_failed")
        return self.signed_in(aal="aal2")

    async def _authorization(self, request):
        told = self.authorizations.get(request.match_info["id"])
        if told is None:
            return refusal(404, "oauth_authorization_not_found")
        return web.json_response(told)

    async def _consent(self, request):
        action = (await request.json())["action"]
        return web.json_response({"redirect_url": f"https://client.example/cb?{action}"})

    async def _logout(self, _request):
        self.ended.add("session-1")
        return web.Response(status=204)

    async def _rest(self, _request):
        return web.json_response([{"id": 1}], headers={"Content-Range": "0-0/573"})

    async def hang(self, _request):
        """Answer nothing until the test is over."""
        await self.released.wait()
        return web.Response(status=500)


def s256(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def refusal(status, code, message="no"):
    return web.json_response({"code": code, "message": message}, status=status)


def answering(status=200, body=b"", content_type="application/json", **headers):
    """A handler that always says the same."""

    async def answer(_request):
        return web.Response(
            status=status,
            body=body,
            content_type=content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return answer


async def reset(request):
    """Drop the connection without a word."""
    request.transport.abort()
    return web.Response()


async def half(request):
    """Promise more than is sent."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'{"id": "')
    request.transport.close()
    return response


HTML = b"<html><body>Bad gateway</body></html>"
# What an upstream can do instead of answering, and of which kind that is.
FAULTS = {
    "500": (answering(500, b'{"code":"unexpected_failure","message":"no"}'), "wrong"),
    "502-html": (answering(502, HTML, "text/html"), "wrong"),
    "503": (answering(503, b"{}"), "down"),
    "504": (answering(504, b"{}"), "slow"),
    "429": (answering(429, b"{}", Retry_After="7"), "busy"),
    "reset": (reset, "down"),
    "half": (half, "wrong"),
    "garbage": (answering(200, b"\x00\xff{"), "wrong"),
    "html": (answering(200, HTML, "text/html"), "wrong"),
    "empty": (answering(200, b""), "wrong"),
    "null": (answering(200, b"null"), "wrong"),
    "list": (answering(200, b"[]"), "wrong"),
    "redirect": (answering(302, b"", Location="http://127.0.0.1:1/stolen"), "wrong"),
    "html-403": (answering(403, HTML, "text/html"), "wrong"),
}


@asynccontextmanager
async def running_double():
    double = Double()
    double.server = TestServer(double.app())
    await double.server.start_server()
    try:
        yield double
    finally:
        double.released.set()
        await double.server.close()


@pytest.fixture
async def supabase():
    """A project that behaves, until told otherwise."""
    async with running_double() as double:
        yield double


@pytest.fixture(autouse=True)
def _no_waiting_between_tries():
    import stamina  # noqa: PLC0415 - the fixture's own

    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class Clock:
    """A time that moves when told."""

    def __init__(self, now=None):
        self.now = time.time() if now is None else now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()
