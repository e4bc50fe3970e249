"""Fetches the documents by which clients are named, and keeps them for a while.

The address comes from a stranger, so it is asked with care: https on port 443, public addresses
only, checked when the name is resolved and again when each connection is made; no redirect,
5 KiB, 5 seconds, nothing of ours sent along. Whatever goes wrong has one and the same answer,
or a stranger could learn from the difference what is in our network.

Source: RFC 9111 (how long), RFC 5861 section 4 (old copies while the source fails);
MCP 2026-07-28 authorization, abuse protection.
"""

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeVar

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from atoms_mcp.identity.flight import Flight
from atoms_mcp.oauth.addresses import is_public_address
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.documents import check_document_url, parse_document
from atoms_mcp.oauth.errors import UnknownClient
from atoms_mcp.oauth.freshness import find_freshness

Value = TypeVar("Value")

MAX_DOCUMENT_BYTES = 5 * 1024
FETCH_S = 5
# How long a document that cannot be fetched anew is used beyond its time.
STALE_S = 24 * 3600
# How long nobody is asked again after a failure.
FAILURE_S = 5
MAX_DOCUMENTS = 1000
MAX_CONNECTIONS = 100
MAX_CONNECTIONS_PER_HOST = 4
OK = 200
NOT_MODIFIED = 304
TOO_MANY = 429
SERVER_ERROR = 500
SENT = {
    hdrs.ACCEPT: "application/json",
    hdrs.ACCEPT_ENCODING: "identity",
    hdrs.USER_AGENT: "atoms-mcp",
}


class NotFetched(Exception):  # noqa: N818 - says what is the case
    """The host is down: it says nothing of the document. Why is for nobody but a debugger."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is kept of one document. `fresh_until` and `stale_until` are in Unix seconds."""

    client: Client
    etag: str | None
    fresh_until: float
    stale_until: float


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses one of which any address is not allowed.

    The connection is then made to what was checked: nothing is resolved a second time.
    """

    def __init__(self, inner: AbstractResolver, is_allowed: Callable[[str], bool]) -> None:
        self._inner = inner
        self._is_allowed = is_allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give all addresses of `host`.

        Raises:
            OSError: there is none, or one that is not allowed.
        """
        found = await self._inner.resolve(host, port, family)
        if not found or not all(self._is_allowed(one["host"]) for one in found):
            raise OSError("no address that may be asked")
        return found

    async def close(self) -> None:
        """Let go of what the resolver holds."""
        await self._inner.close()


class Documents:
    """Finds clients by the URL of their document.

    `domains` are those that documents may come from (none: all), `schemes` the private-use
    ones that redirect URIs may have. `resolver`, `is_allowed` and `tls` stand for the system's
    resolver, the rule of what is public, and the usual authorities.
    """

    def __init__(
        self,
        *,
        domains: Collection[str] = (),
        schemes: Collection[str] = (),
        now: Callable[[], float] = time.time,
        resolver: AbstractResolver | None = None,
        is_allowed: Callable[[str], bool] = is_public_address,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._domains = tuple(domains)
        self._schemes = tuple(schemes)
        self._now = now
        self._resolver = resolver
        self._is_allowed = is_allowed
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._copies: OrderedDict[str, Copy] = OrderedDict()
        # Apart from the copies: a stranger can make any number of failures.
        self._failed: OrderedDict[str, float] = OrderedDict()
        self._flight: Flight[str, Copy] = Flight()

    def check(self, client_id: str) -> str:
        """Give the host of a URL that may name a client here; nothing is fetched.

        Raises:
            UnknownClient: it may not.
        """
        try:
            return check_document_url(client_id, self._domains)
        except ValueError:
            raise UnknownClient from None

    def is_at_hand(self, client_id: str) -> bool:
        """Tell whether there is a fresh copy, so that `find` asks nobody."""
        copy = self._copies.get(client_id)
        return copy is not None and self._now() < copy.fresh_until

    async def find(self, client_id: str) -> Client:
        """Give the client whose document is at `client_id`.

        Raises:
            UnknownClient: for every reason there is, so that none shows.
        """
        self.check(client_id)
        if self.is_at_hand(client_id):
            self._copies.move_to_end(client_id)
            return self._copies[client_id].client
        return (await self._flight.share(client_id, lambda: self._renew(client_id))).client

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _renew(self, client_id: str) -> Copy:
        """Fetch the document and keep it; while its host is down an old one will do, for a while.

        One that was withdrawn, or is not a document any more, is not good from then on: its
        owner may have had to take a redirect URI out of it.
        """
        if self._now() < self._failed.get(client_id, 0):
            raise UnknownClient
        kept = self._copies.get(client_id)
        try:
            copy = await self._fetch(client_id, kept)
        except (NotFetched, OSError, aiohttp.ClientError):
            copy = None
            if kept is not None and self._now() < kept.stale_until:
                copy = replace(kept, fresh_until=self._now() + FAILURE_S)
        except ValueError:
            copy = None
        if copy is None:
            self._copies.pop(client_id, None)
            _keep(self._failed, client_id, self._now() + FAILURE_S)
            raise UnknownClient
        _keep(self._copies, client_id, copy)
        return copy

    async def _fetch(self, client_id: str, kept: Copy | None) -> Copy:
        sent = dict(SENT)
        if kept is not None and kept.etag is not None:
            sent[hdrs.IF_NONE_MATCH] = kept.etag
        async with (
            asyncio.timeout(FETCH_S),
            self._open_session().get(
                # As it was written: what is asked for is what was checked.
                URL(client_id, encoded=True),
                headers=sent,
                allow_redirects=False,
            ) as response,
        ):
            if kept is not None and kept.etag is not None and response.status == NOT_MODIFIED:
                client = kept.client
            else:
                client = parse_document(await _read(response), client_id, self._schemes)
            fresh_until = self._now() + find_freshness(response.headers)
            etag = response.headers.get(hdrs.ETAG)
            return Copy(client, etag, fresh_until, fresh_until + STALE_S)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self._resolver or ThreadedResolver(), self._is_allowed),
                use_dns_cache=False,
                ssl=self._tls or True,
                limit=MAX_CONNECTIONS,
                limit_per_host=MAX_CONNECTIONS_PER_HOST,
                force_close=True,
                socket_factory=self._make_socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                connector_owner=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=FETCH_S),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _make_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket of one connection; what it goes to is checked once more.

        An address that stands in a URL itself never passes a resolver.
        """
        family, kind, protocol, _, where = address
        if not self._is_allowed(str(where[0])):
            raise OSError("not an address that may be asked")
        return socket.socket(family, kind, protocol)


def _keep(kept: OrderedDict[str, Value], client_id: str, value: Value) -> None:
    """Keep one more, and let go of what was used least lately."""
    kept[client_id] = value
    kept.move_to_end(client_id)
    while len(kept) > MAX_DOCUMENTS:
        kept.popitem(last=False)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Give the body of an answer that can be a document.

    Raises:
        NotFetched: the host cannot give any at the moment.
        ValueError: it is another answer, or too large.
    """
    if response.status == TOO_MANY or response.status >= SERVER_ERROR:
        raise NotFetched
    kind = response.content_type
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    if response.status != OK or not is_json or hdrs.CONTENT_ENCODING in response.headers:
        raise ValueError("not an answer that can be a document")
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_DOCUMENT_BYTES:
            raise ValueError("too large for a document")
    return body
