"""What a client may be allowed to do, and how that is written.

Source: RFC 6749 section 3.3; MCP 2026-07-28 authorization, scope selection.
"""

from collections.abc import Iterable

from atoms_mcp.oauth.errors import OAuthError

READ_SCOPE = "atoms:read"
WRITE_SCOPE = "atoms:write"
# Asks for a refresh token, which every client gets; it allows nothing by itself.
OFFLINE = "offline_access"
# In the order in which they are written.
SCOPES = (READ_SCOPE, WRITE_SCOPE)
ALL_SCOPES = frozenset(SCOPES)


def parse_scope(text: str | None) -> tuple[str, ...]:
    """Give the scopes that `text` asks for, in one order.

    Unknown ones are left out: clients ask for `openid` and `profile` out of habit. Who asks
    for none of ours asks for all of them; the user can still narrow that.
    """
    asked = (text or "").split()
    known = tuple(scope for scope in SCOPES if scope in asked) or SCOPES
    return (*known, OFFLINE) if OFFLINE in asked else known


def expand(scopes: Iterable[str]) -> frozenset[str]:
    """Give all that is allowed by `scopes`: writing implies reading."""
    allowed = ALL_SCOPES.intersection(scopes)
    return ALL_SCOPES if WRITE_SCOPE in allowed else allowed


def narrow(granted: Iterable[str], text: str | None) -> tuple[str, ...]:
    """Give what is left of `granted` for a refresh that asks for `text`; never more.

    Clients repeat the scope of their first request although the user granted less, so what
    was not granted is left out, too; only asking for nothing else fails.

    Raises:
        OAuthError: invalid_scope; nothing of what is asked for was granted.

    Source: RFC 6749 sections 3.3 and 6.
    """
    granted = tuple(granted)
    asked = [scope for scope in (text or "").split() if scope in ALL_SCOPES]
    if not asked:
        return granted
    allowed = expand(granted)
    left = tuple(scope for scope in SCOPES if scope in asked and scope in allowed)
    if not left:
        raise OAuthError("invalid_scope", f"Only {render_scope(granted)} was granted")
    return (*left, OFFLINE) if OFFLINE in granted else left


def render_scope(scopes: Iterable[str]) -> str:
    """Give the scopes as one text, in one order."""
    given = set(scopes)
    return " ".join(scope for scope in (*SCOPES, OFFLINE) if scope in given)
