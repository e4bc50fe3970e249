"""Host and Origin, checked at every door before anything else.

A hostile page can make a browser send requests here, under a name of its own that points
to this address; it cannot hide where they come from.

Source: MCP 2026-07-28 transports, security; RFC 6454; RFC 9110 section 7.4 (421).
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import MultiMapping

from atoms_mcp.errors import ConfigError
from atoms_mcp.web.keys import Cors
from atoms_mcp.web.problem import Problem
from atoms_mcp.web.site import Site, Sites

VISITS = frozenset({"GET", "HEAD"})


class Guard:
    """Lets through what comes under one of our names and from no stranger's page.

    `origins` are those of pages that may call with a token.
    """

    def __init__(self, sites: Sites, origins: Iterable[str]) -> None:
        self._sites = sites
        self._by_host = sites.by_host
        self._origins = frozenset(origins)

    def check(self, request: web.Request, cors: Cors) -> Site:
        """Give the site that was asked for.

        Raises:
            Problem: 421 for a name that is not ours, 403 for a foreign origin.
        """
        headers = request.headers
        host = headers.get(hdrs.HOST, "")
        site = self._by_host.get(host) or self._sites.get(host)  # written in its own way
        if site is None:
            raise Problem(
                421,
                "unknown_host",
                "This server is not reached under that name.",
                "Use the public URL of the server. Its operator sets it by ATOMS_FASTMCP_BASE_URL, "
                "and further names by ATOMS_ALLOWED_HOSTS.",
            )
        if cors is Cors.SELF:
            _check_own(request, site)
        # A preflight is answered by its own handler, which knows the origins as well.
        elif hdrs.ORIGIN in headers and cors is not Cors.ANY and request.method != "OPTIONS":
            origin = headers[hdrs.ORIGIN]
            is_known = origin in self._origins or origin == site.origin
            if not is_known or _is_doubled(headers):
                raise Problem(
                    403,
                    "origin_not_allowed",
                    "Pages of this origin may not call this server.",
                    "The operator of the server allows origins by ATOMS_ALLOWED_ORIGINS.",
                )
        return site


def _check_own(request: web.Request, site: Site) -> None:
    """Let through visits, and forms that a page of this very site sends.

    Our pages hide where they are from everybody (`Referrer-Policy: no-referrer`), so browsers
    call the origin of their forms "null", as they do for many a stranger's; `Sec-Fetch-Site`
    tells them apart. Browsers say that only to sites that nobody can have tampered with: on
    plain http in a network it is missing, and the form's sealed field and cookie decide alone.

    Raises:
        Problem: 403.

    Source: Fetch standard, section 3.2 (Origin); Fetch Metadata Request Headers, section 2.4.
    """
    headers = request.headers
    origin, fetched_from = headers.get(hdrs.ORIGIN), headers.get("Sec-Fetch-Site")
    if origin is None:
        is_own = request.method in VISITS or fetched_from in {None, "same-origin", "none"}
    elif origin == "null":
        is_own = fetched_from == "same-origin" or (fetched_from is None and site.is_plain)
    else:
        is_own = origin == site.origin
    if not is_own or _is_doubled(headers):
        raise Problem(
            403,
            "origin_not_allowed",
            "This form was sent from another site.",
            "Go back to where you came from, and start again.",
        )


def _is_doubled(headers: MultiMapping[str]) -> bool:
    """Tell whether two origins are named: no browser does, and two readers could differ."""
    return len(headers.getall(hdrs.ORIGIN, ())) > 1


def parse_origins(given: Iterable[str]) -> tuple[str, ...]:
    """Give origins as browsers send them.

    Raises:
        ConfigError: one is not `scheme://host[:port]`; `*` would open every door at once.
    """
    origins = []
    for text in given:
        origin = text.rstrip("/").lower()
        parts = urlsplit(origin)
        if not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise ConfigError(
                [f"ATOMS_ALLOWED_ORIGINS: {text!r} is not an origin like https://app.example.com"]
            )
        origins.append(origin)
    return tuple(origins)
