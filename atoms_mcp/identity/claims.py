"""What a Supabase access token has to say of itself before anybody acts on it.

Pure: the signature was checked elsewhere, and the time comes in as an argument.

Source: RFC 7519 section 4.1; Supabase Auth, access-token claims.
"""

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.caller import ALL_SCOPES, Caller

AUDIENCE = "authenticated"
ROLE = "authenticated"
# For clocks that differ. An expired token gets none: its holder was told when it ends.
LEEWAY_S = 30
PARTS_OF_A_JWT = 3
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class InvalidToken(AtomsError):  # noqa: N818 - says what is the case
    """The token is not accepted. `reason` is safe to show to whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_claims(claims: Mapping[str, Any], *, issuer: str, now: float, token: str) -> Caller:
    """Give the caller whom the claims of `token` describe.

    Raises:
        InvalidToken: a claim is missing, of the wrong type, or says otherwise.
    """
    if claims.get("iss") != issuer:
        raise InvalidToken("issued by somebody else")
    audience = claims.get("aud")
    if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidToken("meant for somebody else")
    expires_at = _time(claims, "exp")
    if expires_at is None or now >= expires_at:
        raise InvalidToken("no expiry" if expires_at is None else "expired")
    for name in ("nbf", "iat"):
        begins_at = _time(claims, name)
        if begins_at is not None and begins_at > now + LEEWAY_S:
            raise InvalidToken("not valid yet")
    return Caller(
        user_id=_subject(claims),
        email=_text(claims, "email") or "",
        role=_role(claims),
        session_id=_text(claims, "session_id"),
        scopes=ALL_SCOPES,
        expires_at=int(expires_at),
        token=token,
        # Of Supabase's own OAuth server; its scopes know nothing of ours, so all are granted.
        client_id=_text(claims, "client_id"),
    )


def peek(token: str) -> Mapping[str, Any]:
    """Give the claims of an access token that Supabase itself has just handed out to us.

    Nothing is checked, so nobody else's token may come here. {} for what is no JWT.
    """
    body = token.split(".")[1] if token.count(".") == PARTS_OF_A_JWT - 1 else ""
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not UUID.fullmatch(subject):
        raise InvalidToken("not the token of a user")
    return subject


def _role(claims: Mapping[str, Any]) -> str:
    """Refuse keys of the project (anon, service_role) and users who never said who they are."""
    if claims.get("role") != ROLE:
        raise InvalidToken("not the token of a signed-in user")
    if claims.get("is_anonymous", False) is not False:
        raise InvalidToken("anonymous users are not accepted")
    return ROLE


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidToken(f"{name} is not a time")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
