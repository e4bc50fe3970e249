"""Apps of the OAuth server: how they register, and how they show who they are.

Source: Supabase Auth API (OAuth 2.1 server); its rules, which are not quite those of RFC 7591.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from aiohttp import hdrs, web

from atoms_mcp.local.auth import oauth_store
from atoms_mcp.local.auth.bearers import read_uuid
from atoms_mcp.local.auth.body import get_text
from atoms_mcp.local.auth.errors import AuthError, OAuthShapeError
from atoms_mcp.local.auth.oauth_store import CONFIDENTIAL, PUBLIC, Client
from atoms_mcp.local.auth.user import render_time

GRANT_TYPES = ("authorization_code", "refresh_token")
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
METHODS = ("none", *SECRET_METHODS)
HARMFUL_SCHEMES = frozenset({"javascript", "data", "file", "vbscript", "about", "blob"})
HTTP_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
REDIRECT_LIMIT = 10
NAME_CHARS = 1024
URI_CHARS = 2048
SECRET_BYTES = 32


def make_client(body: Mapping[str, Any], at: datetime) -> tuple[Client, str]:
    """Make an app of what it says about itself; the secret is "" for a public one.

    Raises:
        AuthError: validation_failed (400).
    """
    method = get_text(body, "token_endpoint_auth_method")
    kind = get_text(body, "client_type") or (PUBLIC if method == "none" else CONFIDENTIAL)
    _check_kind(kind, method)
    secret = secrets.token_urlsafe(SECRET_BYTES) if kind == CONFIDENTIAL else ""
    client = Client(
        id=uuid.uuid4(),
        kind=kind,
        auth_method=method or ("none" if kind == PUBLIC else SECRET_METHODS[0]),
        redirect_uris=_read_redirects(body),
        grant_types=_read_grant_types(body),
        name=_read_short(body, "client_name", NAME_CHARS),
        uri=_read_uri(body, "client_uri"),
        logo_uri=_read_uri(body, "logo_uri"),
        created_at=at,
        updated_at=at,
        secret_hash=_hash(secret) if secret else None,
    )
    return client, secret


def render_client(client: Client, secret: str) -> dict[str, Any]:
    """Give the answer to a registration, which alone tells the secret."""
    optional = {
        "client_secret": secret,
        "client_name": client.name,
        "client_uri": client.uri,
        "logo_uri": client.logo_uri,
    }
    return {
        "client_id": str(client.id),
        "client_type": client.kind,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": client.auth_method,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        **{name: value for name, value in optional.items() if value},
        "registration_type": "dynamic",
        "created_at": render_time(client.created_at),
        "updated_at": render_time(client.updated_at),
    }


def describe_client(client: Client) -> dict[str, str]:
    """Give what a person is shown of an app."""
    told = {"id": str(client.id), "name": client.name, "uri": client.uri}
    told["logo_uri"] = client.logo_uri
    return {name: value for name, value in told.items() if value}


async def authenticate(
    connection: asyncpg.Connection, request: web.Request, body: Mapping[str, Any]
) -> Client:
    """Find out which app asks, by Basic authentication or by the body.

    Raises:
        OAuthShapeError: invalid_client, it does not say.
        AuthError: invalid_credentials (400), it is none of ours, or its secret is wrong.
    """
    named, secret = _read_credentials(request, body)
    if not named:
        raise OAuthShapeError("invalid_client", "Client authentication required")
    client_id = read_uuid(named)
    client = client_id and await oauth_store.get_client(connection, client_id)
    if not client or not _is_right(client, secret):
        raise AuthError(400, "invalid_credentials", "Invalid client credentials")
    return client


def _is_right(client: Client, secret: str) -> bool:
    if client.secret_hash is None:
        return not secret
    return hmac.compare_digest(client.secret_hash, _hash(secret))


def _read_credentials(request: web.Request, body: Mapping[str, Any]) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme != "Basic":
        return get_text(body, "client_id"), get_text(body, "client_secret")
    try:
        named, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise AuthError(400, "invalid_credentials", "Invalid client credentials")
    return named, secret


def _check_kind(kind: str, method: str) -> None:
    if kind not in {PUBLIC, CONFIDENTIAL}:
        raise _refused(f"client_type must be '{PUBLIC}' or '{CONFIDENTIAL}'")
    if method and method not in METHODS:
        raise _refused(f"token_endpoint_auth_method must be one of: {' '.join(METHODS)}")
    if method and (method == "none") != (kind == PUBLIC):
        raise _refused(
            f"token_endpoint_auth_method '{method}' is not valid for client_type '{kind}'"
        )


def _read_redirects(body: Mapping[str, Any]) -> tuple[str, ...]:
    uris = _read_texts(body, "redirect_uris")
    if not uris:
        raise _refused("redirect_uris is required")
    if len(uris) > REDIRECT_LIMIT:
        raise _refused(f"redirect_uris cannot exceed {REDIRECT_LIMIT} items")
    for uri in uris:
        reason = _find_fault(uri)
        if reason:
            raise _refused(f"invalid redirect_uri '{uri}': {reason}")
    return uris


def _find_fault(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return "invalid URL format"
    if not parts.scheme or not parts.netloc:
        return "must have scheme and host"
    if parts.scheme in HARMFUL_SCHEMES:
        return f"scheme '{parts.scheme}' is not allowed for security reasons"
    if parts.scheme == "http" and host not in HTTP_HOSTS:
        return "HTTP scheme only allowed for localhost"
    return "fragment not allowed in redirect URI" if parts.fragment else ""


def _read_grant_types(body: Mapping[str, Any]) -> tuple[str, ...]:
    chosen = _read_texts(body, "grant_types")
    if not set(chosen) <= set(GRANT_TYPES):
        raise _refused("grant_types must only contain 'authorization_code' and/or 'refresh_token'")
    return chosen or GRANT_TYPES


def _read_texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise AuthError(400, "bad_json", "Invalid JSON body")
    return tuple(value)


def _read_short(body: Mapping[str, Any], name: str, limit: int) -> str:
    text = get_text(body, name)
    if len(text) > limit:
        raise _refused(f"{name} cannot exceed {limit} characters")
    return text


def _read_uri(body: Mapping[str, Any], name: str) -> str:
    text = _read_short(body, name, URI_CHARS)
    if text and not text.startswith(("http://", "https://")):
        raise _refused(f"{name} must be a valid URL")
    return text


def _hash(secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refused(message: str) -> AuthError:
    return AuthError(400, "validation_failed", message)
