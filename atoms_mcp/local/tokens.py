"""The gateway's tokens: access tokens (JWT, ES256) and refresh tokens (signed counters).

No database and no clock here: what is known comes in, what is true comes out.

Source: RFC 7519; RFC 7515.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from atoms_mcp.errors import AtomsError
from atoms_mcp.local.keys import ALGORITHM, KeyRing

AUDIENCE = "authenticated"
REFRESH = re.compile(r"[A-Za-z0-9_-]{55}")
REFRESH_LAYOUT = struct.Struct(">B16sI")  # version, session, counter
REFRESH_VERSION = 2
SIGNATURE_BYTES = 16
CHECKSUM_BYTES = 4
COUNTER_LIMIT = 2**32


class TokenError(AtomsError):
    """A token is not good; `is_stale` tells a right one at the wrong time from a wrong one."""

    def __init__(self, reason: str, *, is_stale: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_stale = is_stale


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token says before its signature is checked (which takes the session's key)."""

    session_id: uuid.UUID
    counter: int
    signature: bytes


def sign_access_token(ring: KeyRing, claims: Mapping[str, Any]) -> str:
    """Sign `claims` with the newest key."""
    key = ring.signer()
    return jwt.encode(
        dict(claims), key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": "JWT"}
    )


def read_access_token(
    ring: KeyRing, token: str, now: float, *, leeway_s: float = 0
) -> dict[str, Any]:
    """Give the claims of a token that one of our keys signed.

    The algorithm is the key's, whatever the header says. `aud` and `iss` are left to the
    caller: Auth and REST judge them differently.

    Raises:
        TokenError: with a text that is safe to show.
    """
    parts = token.count(".") + 1
    if parts != 3:  # noqa: PLR2004 - header, payload, signature
        raise TokenError(f"Expected 3 parts in JWT; got {parts}")
    try:
        key = ring.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise TokenError("No suitable key or wrong key type")
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidTokenError as exc:
        raise TokenError("JWT cryptographic operation failed") from exc
    _check_times(claims, now, leeway_s)
    return claims


def _check_times(claims: Mapping[str, Any], now: float, leeway_s: float) -> None:
    times = {name: claims.get(name) for name in ("exp", "nbf", "iat")}
    for name, value in times.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise TokenError(f'The JWT "{name}" claim must be a number')
    if times["exp"] is not None and now > times["exp"] + leeway_s:
        raise TokenError("JWT expired", is_stale=True)
    if times["nbf"] is not None and now < times["nbf"] - leeway_s:
        raise TokenError("JWT not yet valid", is_stale=True)
    # A second of grace even without leeway: issue times are whole seconds.
    if times["iat"] is not None and now < times["iat"] - max(leeway_s, 1):
        raise TokenError("JWT issued at future", is_stale=True)


def sign_refresh_token(session_id: uuid.UUID, counter: int, key: bytes) -> str:
    """Make the refresh token that `counter` stands for; `key` is the session's own."""
    body = REFRESH_LAYOUT.pack(REFRESH_VERSION, session_id.bytes, counter % COUNTER_LIMIT)
    signed = body + _signature(body, key)
    return base64.urlsafe_b64encode(signed + _checksum(signed)).rstrip(b"=").decode()


def read_refresh_token(text: str) -> RefreshToken:
    """Take a refresh token apart.

    Raises:
        TokenError: not in our format, or damaged.
    """
    if not REFRESH.fullmatch(text):
        raise TokenError("Refresh token is not valid")
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except binascii.Error as exc:  # pragma: no cover - the pattern leaves nothing to refuse
        raise TokenError("Refresh token is not valid") from exc
    signed, checksum = raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]
    version, session, counter = REFRESH_LAYOUT.unpack(signed[: REFRESH_LAYOUT.size])
    if version != REFRESH_VERSION or checksum != _checksum(signed):
        raise TokenError("Refresh token is not valid")
    return RefreshToken(uuid.UUID(bytes=session), counter, signed[REFRESH_LAYOUT.size :])


def is_signed_by(token: RefreshToken, key: bytes) -> bool:
    """Tell whether the session's own key made this refresh token."""
    body = REFRESH_LAYOUT.pack(REFRESH_VERSION, token.session_id.bytes, token.counter)
    return hmac.compare_digest(token.signature, _signature(body, key))


def _signature(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _checksum(signed: bytes) -> bytes:
    return zlib.crc32(signed).to_bytes(CHECKSUM_BYTES, "big")
