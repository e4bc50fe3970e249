"""What a client says of itself when it registers, and what it is told.

Tolerant of what does not matter (unknown members, scopes and grant types, null and ""), strict
in where a client may be sent back to: one bad redirect URI fails all.

Source: RFC 7591 sections 2, 3.1 and 3.2; RFC 8252 section 8.4.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from atoms_mcp.oauth.clients import AUTH_METHODS, MAX_NAME_BYTES, NAMELESS, AuthMethod, clean_name
from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.redirects import check_redirect_uri
from atoms_mcp.oauth.scopes import parse_scope, render_scope

MAX_REDIRECT_URIS = 10
# All that there are. Every client gets a refresh token, whether it names that grant or not.
GRANT_TYPES = ("authorization_code", "refresh_token")
RESPONSE_TYPES = ("code",)


@dataclass(frozen=True, slots=True)
class Registration:
    """What is kept of a client that registers."""

    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    scope: str

    def render(self, client_id: str, issued_at: int, secret: str | None) -> dict[str, Any]:
        """Give the answer to the client; a secret never expires.

        Source: RFC 7591 section 3.2.1.
        """
        told: dict[str, Any] = {
            "client_id": client_id,
            "client_id_issued_at": issued_at,
            "client_name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "grant_types": list(GRANT_TYPES),
            "response_types": list(RESPONSE_TYPES),
            "token_endpoint_auth_method": self.auth_method,
            "scope": self.scope,
        }
        if secret is not None:
            told |= {"client_secret": secret, "client_secret_expires_at": 0}
        return told


def parse_registration(metadata: Mapping[str, Any], schemes: Collection[str]) -> Registration:
    """Give what is kept of `metadata`; `schemes` are the private-use ones that are allowed.

    Raises:
        OAuthError: invalid_redirect_uri, invalid_client_metadata.
    """
    given = {name: value for name, value in metadata.items() if value not in (None, "")}
    uris = _read_redirect_uris(given, schemes)
    _check_offer(given, "grant_types", GRANT_TYPES)
    _check_offer(given, "response_types", RESPONSE_TYPES)
    return Registration(
        name=_read_name(given),
        redirect_uris=uris,
        auth_method=_read_method(given),
        scope=render_scope(parse_scope(_read_text(given, "scope"))),
    )


def _read_redirect_uris(given: Mapping[str, Any], schemes: Collection[str]) -> tuple[str, ...]:
    uris = given.get("redirect_uris")
    if not isinstance(uris, list) or not uris or not all(isinstance(uri, str) for uri in uris):
        raise OAuthError("invalid_redirect_uri", "redirect_uris has to be a list of URIs")
    if len(uris) > MAX_REDIRECT_URIS:
        raise OAuthError(
            "invalid_redirect_uri", f"redirect_uris has more than {MAX_REDIRECT_URIS} URIs"
        )
    for number, uri in enumerate(uris, start=1):
        try:
            check_redirect_uri(uri, schemes)
        except ValueError as exc:
            shown = f"{uri[:200]} (number {number})"
            raise OAuthError("invalid_redirect_uri", f"Redirect URI {shown} {exc}") from None
    return tuple(uris)


def _read_name(given: Mapping[str, Any]) -> str:
    name = _read_text(given, "client_name")
    if name is None:
        return NAMELESS
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise _wrong(f"client_name has more than {MAX_NAME_BYTES} bytes")
    return clean_name(name) or NAMELESS


def _read_method(given: Mapping[str, Any]) -> AuthMethod:
    """Give how the client will authenticate; who does not ask for a secret gets none.

    Deviation: the RFC's own default is a secret. Who leaves the member out mostly runs on a
    user's machine, where a secret is none, and not all of them would send it. The answer says
    which it is, and PKCE binds the code to the client either way.
    """
    method = _read_text(given, "token_endpoint_auth_method")
    if method is None:
        return "none"
    for known in AUTH_METHODS:
        if method == known:
            return known
    raise _wrong(f"token_endpoint_auth_method has to be one of {', '.join(AUTH_METHODS)}")


def _check_offer(given: Mapping[str, Any], name: str, ours: Collection[str]) -> None:
    """Refuse a list in which there is nothing that we have; whatever else is in it is ignored."""
    asked = given.get(name, [])
    if not isinstance(asked, list):
        raise _wrong(f"{name} has to be a list")
    if asked and not any(item in ours for item in asked):
        raise _wrong(f"{name} has none of {', '.join(ours)}")


def _read_text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"{name} has to be text")
    return value


def _wrong(description: str) -> OAuthError:
    return OAuthError("invalid_client_metadata", description)
