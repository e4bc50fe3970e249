"""Client ID Metadata Documents: which URLs may name a client, and what such a document says.

Nothing is fetched here.

Source: OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document)
sections 3 and 4; MCP 2026-07-28 authorization, client registration.
"""

import re
from collections.abc import Collection
from typing import Any

import orjson

from atoms_mcp.oauth.clients import Client, clean_name
from atoms_mcp.oauth.redirects import MAX_URI_BYTES, URI, check_redirect_uri
from atoms_mcp.oauth.scopes import parse_scope, render_scope

# A name in the public tree: labels with dots between them, the last one not a number. Addresses
# in any spelling (127.0.0.1, 0x7f.1, 2130706433, [::1]) are none.
DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!\d+\Z|0x[0-9a-f]*\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
    re.IGNORECASE,
)
DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
MAX_NAME_CHARS = 256


def check_document_url(url: str, domains: Collection[str] = ()) -> str:
    """Give the host of a `client_id` that is the URL of its document, in small letters.

    Compared as it is written, so only one way of writing is taken: https on port 443, a domain
    name, a path. `domains` are those allowed, their subdomains included; none allows all.

    Raises:
        ValueError: it cannot name a client here.
    """
    prefix, separator, rest = url.partition("://")
    if prefix != "https" or not separator or len(url) > MAX_URI_BYTES or not URI.fullmatch(url):
        raise ValueError("not an https URL without a fragment")
    authority, slash, tail = rest.partition("/")
    host = authority.removesuffix(":443").lower()
    if not DOMAIN.fullmatch(host):
        raise ValueError("not a domain name on port 443")
    path = slash + tail.partition("?")[0]
    if path in {"", "/"} or DOT_SEGMENT.search(path):
        raise ValueError("no path of its own")
    if domains and not any(_is_within(host, domain) for domain in domains):
        raise ValueError("not a domain that is allowed")
    return host


def parse_document(raw: bytes, url: str, schemes: Collection[str]) -> Client:
    """Give the client that the document at `url` describes.

    It is written for all servers, so redirect URIs that this one does not take are left out.

    Raises:
        ValueError: it is not a document of that client, or of none that can be served.
    """
    document = orjson.loads(raw)
    if not isinstance(document, dict) or document.get("client_id") != url:
        raise ValueError("not the document of this client")
    name = document.get("client_name")
    shown = clean_name(name)[:MAX_NAME_CHARS] if isinstance(name, str) else ""
    if not shown:
        raise ValueError("no client_name")
    # A secret in a public document is none, and what needs a key is not known here.
    method = document.get("token_endpoint_auth_method") or "none"
    if method != "none" or "client_secret" in document:
        raise ValueError("not a public client")
    uris = _read_redirect_uris(document, schemes)
    scope = document.get("scope")
    return Client(
        client_id=url,
        name=shown,
        redirect_uris=uris,
        auth_method="none",
        origin="document",
        scope=render_scope(parse_scope(scope)) if isinstance(scope, str) and scope else None,
    )


def _read_redirect_uris(document: dict[str, Any], schemes: Collection[str]) -> tuple[str, ...]:
    uris = document.get("redirect_uris")
    if not isinstance(uris, list):
        raise ValueError("no redirect_uris")  # noqa: TRY004 - one error for all that is wrong
    taken = tuple(uri for uri in uris if isinstance(uri, str) and _is_taken(uri, schemes))
    if not taken:
        raise ValueError("no redirect URI that is taken here")
    return taken


def _is_taken(uri: str, schemes: Collection[str]) -> bool:
    try:
        check_redirect_uri(uri, schemes)
    except ValueError:
        return False
    return True


def _is_within(host: str, domain: str) -> bool:
    domain = domain.lower().removeprefix("*.").strip(".")
    return host == domain or host.endswith(f".{domain}")
