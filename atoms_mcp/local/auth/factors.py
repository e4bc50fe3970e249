"""Second factors: enrolled, challenged, verified, removed. TOTP only.

Source: Supabase Auth API (multi-factor authentication).
"""

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import factor_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.bearers import Bearer, read_uuid
from atoms_mcp.local.auth.body import get_text, read_object
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.factor_store import Challenge, Factor
from atoms_mcp.local.auth.limits import take
from atoms_mcp.local.auth.totp import SECRET_BYTES, is_right, render_secret, render_uri

CHALLENGE_S = 300
FACTOR_LIMIT = 10


class Factors:
    """Handlers of /factors."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Give the endpoints, below the path of Auth."""
        return [
            web.post("/factors", self.enroll),
            web.post("/factors/{factor}/challenge", self.challenge),
            web.post("/factors/{factor}/verify", self.verify),
            web.delete("/factors/{factor}", self.remove),
        ]

    async def enroll(self, request: web.Request) -> web.Response:
        """Begin with a new factor: POST /factors. It counts once it is verified.

        Deviation: `qr_code` is empty; whoever wants a picture draws it from `uri`.
        """
        take(self._context.limits.factors, request.remote)
        bearer = await self._context.bearers.authenticate(request)
        body = await read_object(request)
        _check_type(get_text(body, "factor_type"))
        name = get_text(body, "friendly_name")
        _check_enrolment(bearer, name)
        secret = render_secret(secrets.token_bytes(SECRET_BYTES))
        issuer = get_text(body, "issuer") or urlsplit(self._context.options.site_url).netloc
        try:
            async with self._context.pool.acquire() as connection:
                factor_id = await factor_store.add_factor(
                    connection, bearer.user.id, name=name or None, secret=secret
                )
        except asyncpg.UniqueViolationError as exc:
            raise _taken(name) from exc
        uri = render_uri(secret, issuer=issuer, account=bearer.user.email)
        return json_response(
            {
                "id": str(factor_id),
                "type": "totp",
                "friendly_name": name,
                "totp": {"qr_code": "", "secret": secret, "uri": uri},
            }
        )

    async def challenge(self, request: web.Request) -> web.Response:
        """Prepare for a code: POST /factors/{id}/challenge."""
        take(self._context.limits.factors, request.remote)
        bearer = await self._context.bearers.authenticate(request)
        now = self._context.at()
        async with self._context.pool.acquire() as connection, connection.transaction():
            factor = await _find(connection, request, bearer)
            challenge_id = await factor_store.add_challenge(
                connection, factor.id, ip=request.remote or "", at=now
            )
        expires_at = int(now.timestamp()) + CHALLENGE_S
        return json_response({"id": str(challenge_id), "type": "totp", "expires_at": expires_at})

    async def verify(self, request: web.Request) -> web.Response:
        """Take a code, and lift the login to aal2: POST /factors/{id}/verify.

        The first right code makes the factor count. The user's logins that showed one factor
        only are over.
        """
        take(self._context.limits.factors, request.remote)
        bearer = await self._context.bearers.authenticate(request)
        body = await read_object(request)
        code = get_text(body, "code")
        if not code:
            raise AuthError(400, "validation_failed", "Code needs to be non-empty")
        async with self._context.pool.acquire() as connection, connection.transaction():
            factor = await _find(connection, request, bearer)
            challenge_id = read_uuid(get_text(body, "challenge_id"))
            challenge = challenge_id and await factor_store.get_challenge(
                connection, challenge_id, factor.id
            )
            now = self._context.at()
            challenge = _check_challenge(challenge or None, request.remote or "", now)
            if not is_right(factor.secret, code, now.timestamp()):
                raise AuthError(422, "mfa_verification_failed", "Invalid TOTP code entered")
            await factor_store.use_challenge(connection, challenge.id, now)
            await factor_store.mark_verified(connection, factor)
            answer = await self._lift(connection, bearer)
        return json_response(answer)

    async def remove(self, request: web.Request) -> web.Response:
        """Take a factor away: DELETE /factors/{id}."""
        bearer = await self._context.bearers.authenticate(request)
        async with self._context.pool.acquire() as connection, connection.transaction():
            factor = await _find(connection, request, bearer)
            if factor.is_verified and bearer.level != "aal2":
                raise AuthError(
                    422, "insufficient_aal", "AAL2 required to unenroll verified factor"
                )
            await factor_store.remove_factor(connection, factor.id)
        return json_response({"id": str(factor.id)})

    async def _lift(self, connection: asyncpg.Connection, bearer: Bearer) -> dict[str, Any]:
        if bearer.session_id is None:
            raise AuthError(403, "session_not_found", "A second factor belongs to a session")
        answer = await self._context.sessions.lift(connection, bearer.session_id, "totp")
        await auth_store.end_low_sessions(connection, bearer.user.id)
        return answer


async def _find(connection: asyncpg.Connection, request: web.Request, bearer: Bearer) -> Factor:
    factor_id: uuid.UUID | None = read_uuid(request.match_info["factor"])
    if factor_id is None:
        raise AuthError(404, "validation_failed", "factor_id must be an UUID")
    factor = await factor_store.get_factor(connection, factor_id, bearer.user.id)
    if factor is None:
        raise AuthError(404, "mfa_factor_not_found", "Factor not found")
    return factor


def _check_type(factor_type: str) -> None:
    if factor_type in {"phone", "webauthn"}:
        raise AuthError(
            422, f"mfa_{factor_type}_enroll_not_enabled", f"MFA enroll is disabled: {factor_type}"
        )
    if factor_type != "totp":
        raise AuthError(
            400, "validation_failed", "factor_type needs to be totp, phone, or webauthn"
        )


def _check_enrolment(bearer: Bearer, name: str) -> None:
    user = bearer.user
    if user.is_anonymous:
        raise AuthError(403, "no_authorization", "Anonymous user not allowed to perform action")
    if any(name and factor["friendly_name"] == name for factor in user.factors):
        raise _taken(name)
    if len(user.factors) >= FACTOR_LIMIT:
        raise AuthError(
            422,
            "too_many_enrolled_mfa_factors",
            "Maximum number of verified factors reached, unenroll to continue",
        )
    if user.has_second_factor() and bearer.level != "aal2":
        raise AuthError(403, "insufficient_aal", "AAL2 required to enroll a new factor")


def _check_challenge(challenge: Challenge | None, ip: str, now: datetime) -> Challenge:
    if challenge is None:
        raise AuthError(
            422, "mfa_factor_not_found", "MFA factor with the provided challenge ID not found"
        )
    if challenge.verified_at is not None or challenge.ip != ip:
        raise AuthError(
            422, "mfa_ip_address_mismatch", "Challenge and verify IP addresses mismatch."
        )
    if now - challenge.created_at > timedelta(seconds=CHALLENGE_S):
        raise AuthError(
            422,
            "mfa_challenge_expired",
            f"MFA challenge {challenge.id} has expired, verify against another challenge or "
            "create a new challenge.",
        )
    return challenge


def _taken(name: str) -> AuthError:
    return AuthError(
        422,
        "mfa_factor_name_conflict",
        f'A factor with the friendly name "{name}" for this user already exists',
    )
