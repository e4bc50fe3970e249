"""Whether a login is only half of one: a second factor is enrolled and was not asked for yet.

Source: Supabase Auth (`aal` of the access token, `factors` of the user); NIST SP 800-63B.
"""

import base64
import binascii

import orjson

from atoms_mcp.supabase.auth import Factor, Session

TOTP = "totp"
# What a token says after a second factor.
RAISED = frozenset({"aal2", "aal3"})


def needs_second_factor(session: Session) -> Factor | None:
    """Give the factor to ask for before anything is done with this login, or None.

    One whose codes an authenticator shows comes first, since that is what can be asked for
    here; a factor of another type says by its type that it cannot.
    """
    verified = [factor for factor in session.user.factors if factor.is_verified]
    if not verified or _read_level(session.access_token) in RAISED:
        return None
    return next((factor for factor in verified if factor.type == TOTP), verified[0])


def _read_level(access_token: str) -> str:
    """Read the claim `aal`, or nothing.

    The token came from Supabase itself just now, so its signature is not looked at.
    """
    _, _, rest = access_token.partition(".")
    payload = rest.partition(".")[0]
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        return ""
    level = claims.get("aal") if isinstance(claims, dict) else None
    return level if isinstance(level, str) else ""
