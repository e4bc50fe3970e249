"""Supabase Auth, as far as signing in and checking a login need it.

Answers are read into records here, or refused as ``wrong``; nothing else sees their JSON.

Source: Supabase Auth API, with the error bodies of X-Supabase-Api-Version 2024-01-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

API_VERSION = {"X-Supabase-Api-Version": "2024-01-01"}
ROOT = "/auth/v1"
JWKS_PATH = f"{ROOT}/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class User:
    """A user as Auth knows them; `email` is empty for one who has none."""

    id: str
    email: str
    is_anonymous: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A login: what Supabase answers to a sign-in or a refresh.

    `expires_in_s` is the life of the access token when it was issued, `expires_at` its end in
    Unix seconds. A refresh token is good for one use.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int
    expires_at: int
    user: User


class SupabaseAuth:
    """The Auth interface of the project. Every method raises `SupabaseError`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.issuer = wire.url + ROOT

    async def sign_in(
        self, email: str, password: str, *, captcha_token: str | None = None
    ) -> Session:
        """Open a session by password. Refusals carry Auth's code ("invalid_credentials")."""
        body: dict[str, Any] = {"email": email, "password": password}
        if captcha_token is not None:
            body["gotrue_meta_security"] = {"captcha_token": captcha_token}
        return await self._token("password", body)

    async def refresh(self, refresh_token: str) -> Session:
        """Trade a refresh token for a new session record; the old token is spent."""
        return await self._token("refresh_token", {"refresh_token": refresh_token})

    async def get_user(self, token: str) -> User:
        """Ask whose access token this is, and whether its session still lives."""
        answer = await self._wire.get("auth", f"{ROOT}/user", _as(token))
        return _read_user(_object(answer.parse()))

    async def sign_out(self, token: str, scope: str = "local") -> None:
        """End this session ("local"), the user's others ("others") or all ("global")."""
        await self._wire.send(
            "auth", "POST", f"{ROOT}/logout?scope={quote(scope, safe='')}", headers=_as(token)
        )

    async def fetch_jwks(self) -> dict[str, Any]:
        """Give the key set; `keys` is a list, empty where the project signs by a secret."""
        jwks = _object((await self._wire.get("auth", JWKS_PATH)).parse())
        if not isinstance(jwks.get("keys"), list):
            raise SupabaseError("wrong", "the key set has no list of keys")
        return jwks

    async def settings(self) -> dict[str, Any]:
        """Give the project's public Auth settings."""
        return _object((await self._wire.get("auth", f"{ROOT}/settings", API_VERSION)).parse())

    async def health(self) -> None:
        """Return if Auth is well."""
        _object((await self._wire.get("auth", f"{ROOT}/health", API_VERSION)).parse())

    async def _token(self, grant_type: str, body: dict[str, Any]) -> Session:
        target = f"{ROOT}/token?grant_type={grant_type}"
        answer = await self._wire.send("auth", "POST", target, body, API_VERSION)
        return _read_session(_object(answer.parse()))


def _as(token: str) -> dict[str, str]:
    return {**API_VERSION, "Authorization": f"Bearer {token}"}


def _object(parsed: object) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        raise SupabaseError("wrong", "the answer is not a JSON object")
    return parsed


def _read_session(body: Mapping[str, Any]) -> Session:
    return Session(
        access_token=_text(body, "access_token"),
        refresh_token=_text(body, "refresh_token"),
        expires_in_s=_number(body, "expires_in"),
        expires_at=_number(body, "expires_at"),
        user=_read_user(_object(body.get("user"))),
    )


def _read_user(body: Mapping[str, Any]) -> User:
    email = body.get("email")
    return User(
        id=_text(body, "id"),
        email=email if isinstance(email, str) else "",
        is_anonymous=body.get("is_anonymous") is True,
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise SupabaseError("wrong", f"the answer has no {name}")
    return value


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SupabaseError("wrong", f"the answer has no {name}")
    return value
