"""Where clients look before they have a token: public documents, encoded beforehand.

Nothing here ever answers 5xx or HTML: clients try several addresses and parse what they get,
and some stop dead at a server error.

Source: RFC 9728 section 3; RFC 8414 section 3; RFC 8615.
"""

from collections.abc import Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from atoms_mcp.web.keys import EXCHANGE
from atoms_mcp.web.problem import JSON, Problem

CACHED = {hdrs.CACHE_CONTROL: "public, max-age=3600", hdrs.VARY: hdrs.HOST}


async def protected_resource(request: web.Request) -> web.Response:
    """Give the RFC 9728 document of the site that was asked."""
    return web.Response(body=request[EXCHANGE].site.metadata, content_type=JSON, headers=CACHED)


async def authorization_server(request: web.Request) -> web.Response:
    """Give the RFC 8414 document of the site that was asked."""
    return web.Response(
        body=request[EXCHANGE].site.server_metadata, content_type=JSON, headers=CACHED
    )


async def not_found(request: web.Request) -> web.Response:
    """Answer every other well-known address."""
    raise Problem(
        404,
        "not_found",
        "There is no such document.",
        f"The protected resource is described at {request[EXCHANGE].site.challenger.metadata_url}.",
    )


async def without_slash(request: web.Request) -> web.Response:
    """Send a client of `/api/mcp/` to `/api/mcp`, which is the resource."""
    raise web.HTTPPermanentRedirect(request[EXCHANGE].site.resource)


async def not_here(request: web.Request) -> web.Response:
    """Answer what is no address of ours."""
    del request
    raise web.HTTPNotFound


def make_refusal(methods: Sequence[str]) -> Handler:
    """Make the answer to methods that an address does not have; `methods` are those it has."""

    async def refuse(request: web.Request) -> web.Response:
        raise web.HTTPMethodNotAllowed(request.method, [*methods, "OPTIONS"])

    return refuse
