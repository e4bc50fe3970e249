"""What an app asks for at /oauth/authorize: read and judged, nothing done.

Source: Supabase Auth API (OAuth 2.1 server); RFC 8707 section 2.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from atoms_mcp.errors import AtomsError
from atoms_mcp.local.auth.oauth_store import Authorization, Client
from atoms_mcp.local.auth.pkce import LEAST_CHARS, METHODS, MOST_CHARS

SCOPES = frozenset({"openid", "profile", "email", "phone", "offline_access"})
DEFAULT_SCOPE = "email"


class RequestError(AtomsError):
    """An app asked wrongly; its own redirect URI is told, as invalid_request."""


def read_request(
    query: Mapping[str, str], client: Client, *, authorization_id: str, until: datetime
) -> Authorization:
    """Give the request, pending until `until`.

    `client` was found and the redirect URI held against its own before.

    Raises:
        RequestError: with what is wrong.
    """
    if query.get("response_type", "code") not in {"", "code"}:
        raise RequestError("only response_type=code is supported")
    scope = query.get("scope", "").strip() or DEFAULT_SCOPE
    for one in scope.split():
        if one not in SCOPES:
            raise RequestError(f"unsupported scope: {one}")
    challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "")
    _check_challenge(challenge, method.lower())
    resource = query.get("resource", "")
    _check_resource(resource)
    return Authorization(
        id=authorization_id,
        client_id=client.id,
        redirect_uri=query["redirect_uri"],
        scope=scope,
        state=query.get("state") or None,
        resource=resource or None,
        nonce=query.get("nonce") or None,
        code_challenge=challenge,
        code_challenge_method=method.lower(),
        expires_at=until,
    )


def _check_challenge(challenge: str, method: str) -> None:
    if not challenge or not method:
        raise RequestError("PKCE flow requires both code_challenge and code_challenge_method")
    if method not in METHODS:
        raise RequestError("code_challenge_method must be 'S256' or 'plain'")
    if not LEAST_CHARS <= len(challenge) <= MOST_CHARS:
        raise RequestError(
            f"code_challenge must be between {LEAST_CHARS} and {MOST_CHARS} characters"
        )


def _check_resource(resource: str) -> None:
    try:
        parts = urlsplit(resource)
    except ValueError as exc:
        raise RequestError("resource must be a valid URI") from exc
    if not resource:
        return
    if not parts.scheme:
        raise RequestError("resource must be an absolute URI")
    if parts.fragment:
        raise RequestError("resource must not include a fragment component")
    if parts.query:
        raise RequestError("resource must not include a query component")
