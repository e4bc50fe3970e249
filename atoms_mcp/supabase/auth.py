"""Supabase Auth, as far as signing in and checking a login need it.

Answers are read into records (`session`, `project`, `authorization`), or refused as
``wrong``; nothing else sees their JSON.

Source: Supabase Auth API, with the error bodies of X-Supabase-Api-Version 2024-01-01.
"""

from typing import Any, Literal
from urllib.parse import quote, urlencode

from atoms_mcp.supabase.authorization import (
    Authorization,
    Consent,
    Decided,
    read_authorization,
    read_consents,
    read_decided,
)
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.project import ProjectSettings, read_project
from atoms_mcp.supabase.session import (
    Factor,
    Session,
    User,
    read_object,
    read_session,
    read_text,
    read_user,
)
from atoms_mcp.supabase.wire import Wire

__all__ = ["Factor", "ProjectSettings", "Session", "SupabaseAuth", "User"]

API_VERSION = {"X-Supabase-Api-Version": "2024-01-01"}
ROOT = "/auth/v1"
CONSENTS = "/user/oauth/grants"
JWKS_PATH = f"{ROOT}/.well-known/jwks.json"

CodeType = Literal["email", "recovery", "signup"]
Scope = Literal["local", "global", "others"]


class SupabaseAuth:
    """The Auth interface of the project. Every method raises `SupabaseError`.

    `redirect_to` is where a link in a mail leads after Supabase has checked it; a project
    that does not allow the address leads to its own site instead, without a word. With a
    `code_challenge` the link brings a code for `exchange_code`, without one it brings tokens
    in the fragment, which no server sees.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.issuer = wire.url + ROOT

    async def sign_in(
        self, email: str, password: str, *, captcha_token: str | None = None
    ) -> Session:
        """Open a session by password. Refusals carry Auth's code ("invalid_credentials")."""
        return await self._token(
            "password", {"email": email, "password": password, **_captcha(captcha_token)}
        )

    async def refresh(self, refresh_token: str) -> Session:
        """Trade a refresh token for a new session record; the old token is spent."""
        return await self._token("refresh_token", {"refresh_token": refresh_token})

    async def exchange_code(self, auth_code: str, verifier: str) -> Session:
        """Trade the code that a provider's or a mail's way back brought, once."""
        return await self._token("pkce", {"auth_code": auth_code, "code_verifier": verifier})

    async def send_code(
        self,
        email: str,
        *,
        create_user: bool = False,
        code_challenge: str | None = None,
        redirect_to: str | None = None,
        captcha_token: str | None = None,
    ) -> None:
        """Mail a code and a link; an unknown address is refused ("otp_disabled")."""
        body = {"email": email, "create_user": create_user}
        await self._mail("otp", body, code_challenge, redirect_to, captcha_token)

    async def verify_code(self, email: str, token: str, kind: CodeType = "email") -> Session:
        """Open a session by a mailed code; wrong, old and unknown are one ("otp_expired")."""
        return read_session(
            await self._post("/verify", {"type": kind, "email": email, "token": token})
        )

    async def sign_up(
        self,
        email: str,
        password: str,
        *,
        captcha_token: str | None = None,
        redirect_to: str | None = None,
        code_challenge: str | None = None,
    ) -> Session | None:
        """Make an account. None: the address has to be confirmed by a mail first.

        None, too, where the account exists already and the project hides that.
        """
        body = {"email": email, "password": password}
        answer = await self._mail("signup", body, code_challenge, redirect_to, captcha_token)
        return read_session(answer) if "access_token" in answer else None

    async def recover(
        self,
        email: str,
        *,
        redirect_to: str | None = None,
        code_challenge: str | None = None,
        captcha_token: str | None = None,
    ) -> None:
        """Mail a way to set a new password; says nothing of whether the account exists."""
        await self._mail("recover", {"email": email}, code_challenge, redirect_to, captcha_token)

    def authorize_url(
        self, provider: str, redirect_to: str, code_challenge: str, scopes: str | None = None
    ) -> str:
        """Give the address at which a browser begins to sign in with an external provider."""
        query = {
            "provider": provider,
            "redirect_to": redirect_to,
            "code_challenge": code_challenge,
            "code_challenge_method": "s256",
        }
        if scopes is not None:
            query["scopes"] = scopes
        return f"{self.issuer}/authorize?{urlencode(query, quote_via=quote, safe='')}"

    async def get_user(self, token: str) -> User:
        """Ask whose access token this is, and whether its session still lives."""
        answer = await self._wire.get("auth", f"{ROOT}/user", _as(token))
        return read_user(read_object(answer.parse()))

    async def update_user(self, token: str, *, password: str) -> User:
        """Set a new password, which ends the user's other sessions."""
        answer = await self._wire.send(
            "auth", "PUT", f"{ROOT}/user", {"password": password}, _as(token)
        )
        return read_user(read_object(answer.parse()))

    async def challenge_factor(self, token: str, factor_id: str) -> str:
        """Begin to ask for a second factor, and give the id of the challenge."""
        path = f"/factors/{_segment(factor_id)}/challenge"
        return read_text(await self._post(path, {}, token), "id")

    async def verify_factor(
        self, token: str, factor_id: str, challenge_id: str, code: str
    ) -> Session:
        """Answer a challenge, from the address it was asked for; the session rises to aal2."""
        path = f"/factors/{_segment(factor_id)}/verify"
        body = {"challenge_id": challenge_id, "code": code}
        return read_session(await self._post(path, body, token))

    async def sign_out(self, token: str, scope: Scope = "local") -> None:
        """End this session ("local"), the user's others ("others") or all ("global").

        One that is over already is what was wanted.
        """
        target = f"{ROOT}/logout?scope={scope}"
        try:
            await self._wire.send("auth", "POST", target, headers=_as(token))
        except SupabaseError as exc:
            if not exc.ends_session:
                raise

    async def get_authorization(self, token: str, authorization_id: str) -> Authorization | Decided:
        """Ask what a client wants of this user, at Supabase's own OAuth 2.1 server.

        The request becomes this user's; nobody else is told of it from then on.
        """
        answer = await self._wire.get("auth", ROOT + _authorization(authorization_id), _as(token))
        return read_authorization(read_object(answer.parse()))

    async def decide_authorization(
        self, token: str, authorization_id: str, *, approve: bool
    ) -> Decided:
        """Say yes or no to it, once, and give where the browser has to go."""
        path = f"{_authorization(authorization_id)}/consent"
        body = {"action": "approve" if approve else "deny"}
        return read_decided(await self._post(path, body, token))

    async def list_consents(self, token: str) -> tuple[Consent, ...]:
        """Give what this user has allowed clients at Supabase's own OAuth 2.1 server."""
        answer = await self._wire.get("auth", f"{ROOT}{CONSENTS}", _as(token))
        return read_consents(answer.parse())

    async def revoke_consent(self, token: str, client_id: str) -> None:
        """Take back what a client was allowed there; its sessions end."""
        target = f"{ROOT}{CONSENTS}?client_id={quote(client_id, safe='')}"
        await self._wire.send("auth", "DELETE", target, headers=_as(token))

    async def fetch_jwks(self) -> dict[str, Any]:
        """Give the key set; `keys` is a list, empty where the project signs by a secret."""
        jwks = read_object((await self._wire.get("auth", JWKS_PATH)).parse())
        if not isinstance(jwks.get("keys"), list):
            raise SupabaseError("wrong", "the key set has no list of keys")
        return jwks

    async def project_settings(self) -> ProjectSettings:
        """Ask which ways to sign in the project offers."""
        answer = await self._wire.get("auth", f"{ROOT}/settings", API_VERSION)
        return read_project(read_object(answer.parse()))

    async def health(self) -> None:
        """Return if Auth is well."""
        read_object((await self._wire.get("auth", f"{ROOT}/health", API_VERSION)).parse())

    async def _token(self, grant_type: str, body: dict[str, Any]) -> Session:
        return read_session(await self._post(f"/token?grant_type={grant_type}", body))

    async def _mail(
        self,
        path: str,
        body: dict[str, Any],
        code_challenge: str | None,
        redirect_to: str | None,
        captcha_token: str | None,
    ) -> dict[str, Any]:
        """Post what may send a mail with a link in it."""
        sent = {**body, **_captcha(captcha_token)}
        if code_challenge is not None:
            sent |= {"code_challenge": code_challenge, "code_challenge_method": "s256"}
        query = "" if redirect_to is None else f"?redirect_to={quote(redirect_to, safe='')}"
        return await self._post(f"/{path}{query}", sent)

    async def _post(
        self, path: str, body: dict[str, Any], token: str | None = None
    ) -> dict[str, Any]:
        headers = API_VERSION if token is None else _as(token)
        answer = await self._wire.send("auth", "POST", ROOT + path, body, headers)
        return read_object(answer.parse())


def _as(token: str) -> dict[str, str]:
    return {**API_VERSION, "Authorization": f"Bearer {token}"}


def _captcha(token: str | None) -> dict[str, Any]:
    return {} if token is None else {"gotrue_meta_security": {"captcha_token": token}}


def _authorization(authorization_id: str) -> str:
    return f"/oauth/authorizations/{_segment(authorization_id)}"


def _segment(value: str) -> str:
    """Encode one segment of a path; dots too, so that none leads out of its folder."""
    return quote(value, safe="").replace(".", "%2E")
