"""What comes to the token and the revocation endpoint: a grant, and who presents it.

Source: RFC 6749 sections 2.3.1, 3.2, 4.1.3 and 6; RFC 7009 section 2.1; RFC 7636 section 4.5.
"""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from atoms_mcp.oauth import pkce
from atoms_mcp.oauth.clients import AuthMethod
from atoms_mcp.oauth.errors import UNAUTHORIZED, OAuthError
from atoms_mcp.oauth.pairs import Doubled, Pairs, get_one, parse_pairs

FORM = "application/x-www-form-urlencoded"
BASIC_CHALLENGE = 'Basic realm="atoms-mcp", charset="UTF-8"'
KNOWN = (
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "resource",
    "scope",
    "client_id",
    "client_secret",
    "token",
    "token_type_hint",
)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who says to ask.

    `secrets` are all spellings that the client can have meant: in a Basic header some clients
    percent-encode theirs and some do not. None at all is a public client.
    """

    client_id: str
    secrets: tuple[str, ...] = field(repr=False)
    method: AuthMethod


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """A code to be redeemed. Nothing of it is checked but its form."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str | None
    resource: str | None


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """A refresh token to be traded."""

    refresh_token: str = field(repr=False)
    resource: str | None
    scope: str | None


def parse_form(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Give the parameters of a form; `content_type` is without its parameters.

    Raises:
        OAuthError: invalid_request; no form, unreadable, or a known parameter came twice.
    """
    if content_type.lower() != FORM:
        raise OAuthError("invalid_request", f"The body has to be {FORM}")
    pairs = parse_pairs(body)
    try:
        for name in KNOWN:
            if name != "resource":
                get_one(pairs, name)
    except Doubled as exc:
        raise OAuthError("invalid_request", str(exc)) from None
    return pairs


def read_grant(pairs: Pairs) -> CodeGrant | RefreshGrant:
    """Give what is to be traded for a token; `pairs` come from `parse_form`.

    Raises:
        OAuthError: unsupported_grant_type, invalid_request, invalid_grant, invalid_target.
    """
    kind = _need(pairs, "grant_type")
    if kind == "authorization_code":
        return _read_code(pairs)
    if kind == "refresh_token":
        return RefreshGrant(
            refresh_token=_need(pairs, "refresh_token"),
            resource=_read_resource(pairs),
            scope=get_one(pairs, "scope"),
        )
    raise OAuthError(
        "unsupported_grant_type", "grant_type has to be authorization_code or refresh_token"
    )


def read_revocation(pairs: Pairs) -> str:
    """Give the token to be revoked; what kind it is shows by itself, so a hint is ignored.

    Raises:
        OAuthError: invalid_request; there is none.
    """
    return _need(pairs, "token")


def read_credentials(pairs: Pairs, authorization: str | None) -> ClientCredentials:
    """Give who asks, by the form or by a Basic `authorization` header.

    Another scheme in that header is ignored: some clients send the header of their other
    requests here as well, and it would prove nothing.

    Raises:
        OAuthError: invalid_request; nobody, or in two ways. invalid_client; unreadable.
    """
    client_id = get_one(pairs, "client_id")
    secret = get_one(pairs, "client_secret")
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        basic = _read_basic(encoded.strip())
        if secret is not None or client_id not in {None, basic.client_id}:
            raise OAuthError("invalid_request", "Authenticate the client in one way only")
        return basic
    if client_id is None:
        raise OAuthError("invalid_request", "client_id is missing")
    if secret is None:
        return ClientCredentials(client_id, (), "none")
    return ClientCredentials(client_id, (secret,), "client_secret_post")


def _read_code(pairs: Pairs) -> CodeGrant:
    """Give the code and its proof; a verifier that can be none is a wrong one."""
    code, verifier = _need(pairs, "code"), _need(pairs, "code_verifier")
    if not pkce.is_well_formed(verifier):
        raise OAuthError("invalid_grant", "code_verifier has to be 43 to 128 characters")
    return CodeGrant(
        code=code,
        verifier=verifier,
        redirect_uri=get_one(pairs, "redirect_uri"),
        resource=_read_resource(pairs),
    )


def _read_resource(pairs: Pairs) -> str | None:
    """Give the resource. Several would be allowed by RFC 8707; here a token is for one."""
    values = [value for name, value in pairs if name == "resource" and value]
    if len(values) > 1:
        raise OAuthError("invalid_target", "A token is for one resource; name one")
    return values[0] if values else None


def _read_basic(encoded: str) -> ClientCredentials:
    """Read name and secret; both were form-encoded first, says the RFC, and by many were not.

    What this server hands out reads the same either way; a secret of the operator's may not.
    """
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    name, colon, secret = text.partition(":")
    if not colon or not name:
        raise OAuthError(
            "invalid_client",
            "The Authorization header cannot be read",
            status=UNAUTHORIZED,
            challenge=BASIC_CHALLENGE,
        )
    secrets = tuple(dict.fromkeys((secret, unquote_plus(secret)))) if secret else ()
    return ClientCredentials(unquote_plus(name), secrets, "client_secret_basic")


def _need(pairs: Pairs, name: str) -> str:
    value = get_one(pairs, name)
    if value is None:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value
