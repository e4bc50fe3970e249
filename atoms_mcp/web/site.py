"""Under which names this server is reached, and what it says of itself under each.

A client compares the `resource` of the metadata with the URL its user typed, letter by letter,
so `localhost` and `127.0.0.1` are two sites. Only configured names and loopback's own exist:
a Host header chooses among them and never makes one.

In mode delegated the project's own OAuth server is the one that clients are sent to, and this
one is none.

Source: RFC 9728 section 3.3; RFC 8414 section 3.3; MCP 2026-07-28 authorization.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from atoms_mcp.oauth.challenge import Challenger
from atoms_mcp.oauth.metadata import (
    authorization_server,
    protected_resource,
    protected_resource_path,
)
from atoms_mcp.oauth.redirects import LOOPBACK_HOSTS
from atoms_mcp.oauth.scopes import READ_SCOPE, SCOPES, WRITE_SCOPE
from atoms_mcp.settings import ServerSettings, is_loopback

EVERY_ADDRESS = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104 - compared with, not bound
DEFAULT_PORTS = {"http": 80, "https": 443}
# Supabase's OAuth server has no scopes of others and refuses a request that names one; this one
# it takes for granted.
DELEGATED_SCOPES = ("email",)


@dataclass(frozen=True, slots=True)
class Site:
    """One name of this server. `base_url` has no trailing slash; `origin` is what a browser says.

    `metadata` is the RFC 9728 document, `server_metadata` the RFC 8414 one (None where this is
    no authorization server), both encoded. `issuer` is who issues tokens for `resource`.
    `advice` says to people without a token how to get one.
    """

    base_url: str
    origin: str
    resource: str
    challenger: Challenger
    issuer: str
    advice: str = field(repr=False)
    metadata: bytes = field(repr=False)
    server_metadata: bytes | None = field(repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether it is reached by plain http over a network, where everybody can listen."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")


class Sites:
    """All sites, by the Host header that reaches them.

    `port` is the one that was bound (it differs from the setting where that is 0).
    """

    def __init__(self, settings: ServerSettings, port: int) -> None:
        host = settings.host
        shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
        # The public URL comes first: a Host that belongs to several sites means this one.
        bases = [settings.base_url or f"http://{shown}:{port}"]
        scheme = urlsplit(bases[0]).scheme
        bases += [f"{scheme}://{name}" for name in settings.allowed_hosts]
        if is_loopback(host) or host in EVERY_ADDRESS:
            bases += [f"http://{name}:{port}" for name in LOOPBACK_HOSTS]
        self._by_host: dict[str, Site] = {}
        for base in bases:
            site = _make(base, settings)
            for name in _hosts(base):
                self._by_host.setdefault(name, site)
        self.canonical = self._by_host[_hosts(bases[0])[0]]

    def get(self, host: str) -> Site | None:
        """Give the site of a Host header, or None for a name that is not ours."""
        return self._by_host.get(host) or self._by_host.get(host.lower())

    @property
    def by_host(self) -> Mapping[str, Site]:
        """Every Host header that is answered."""
        return self._by_host

    @property
    def issuers(self) -> Mapping[str, str]:
        """Who issues tokens for each of our resources."""
        return {site.resource: site.issuer for site in self._by_host.values()}


def _make(base: str, settings: ServerSettings) -> Site:
    parts = urlsplit(base)
    resource = base + settings.http_path
    is_delegated = settings.auth_mode == "delegated"
    scopes = DELEGATED_SCOPES if is_delegated else SCOPES
    issuer = f"{settings.supabase_url}/auth/v1" if is_delegated else base
    document = protected_resource(
        resource, authorization_servers=[issuer], scopes=scopes, name="Atoms"
    )
    server_document = authorization_server(
        issuer,
        scopes=scopes,
        dcr=settings.client_registration == "on",
        cimd=settings.client_documents == "on",
    )
    return Site(
        base_url=base,
        # A browser leaves a default port out.
        origin=f"{parts.scheme}://{_hosts(base)[0]}",
        resource=resource,
        challenger=Challenger(
            metadata_url=f"{parts.scheme}://{parts.netloc}" + protected_resource_path(resource),
            scopes=scopes,
            implied={WRITE_SCOPE: (READ_SCOPE, WRITE_SCOPE)},
        ),
        issuer=issuer,
        advice=_advise(base, settings),
        metadata=orjson.dumps(document),
        server_metadata=None if is_delegated else orjson.dumps(server_document),
    )


def _advise(base: str, settings: ServerSettings) -> str:
    if settings.accept_supabase_jwt == "off":
        return f"Connect an MCP client to {base}{settings.http_path} and let it sign in by OAuth."
    return f"Sign in by POST {base}/auth/login and send the header Authorization: Bearer."


def _hosts(base: str) -> tuple[str, ...]:
    """Give the Host headers that a client of this base URL may send."""
    parts = urlsplit(base)
    netloc = parts.netloc.lower()
    default = DEFAULT_PORTS[parts.scheme]
    name = netloc.removesuffix(f":{default}")
    if name != netloc or parts.port is None:
        return (name, f"{name}:{default}")
    return (netloc,)
