"""Addresses without variables, found again without a search.

aiohttp's router looks for every request's resource anew and makes an object of what it has found.
Where an address has no variables, that object is always the same, so it is kept after the first
request: worth a twentieth of a short one (`scripts/bench http`).
"""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler


class Shortcuts:
    """Handles requests as an application does that has no middlewares.

    `search` is the application's own way, for all that is asked here for the first time.
    """

    def __init__(self, search: Handler) -> None:
        self._search = search
        # By method and path. There are no more than there are rows in the table of routes.
        self._known: dict[tuple[str, str], tuple[web.UrlMappingMatchInfo, Handler]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        known = self._known.get((request.method, request.rel_url.raw_path))
        if known is None or hdrs.EXPECT in request.headers:
            response = await self._search(request)
            self._learn(request)
            return response
        match, handler = known
        request._match_info = match  # noqa: SLF001 - as the application does
        return await handler(request)

    def _learn(self, request: web.Request) -> None:
        """Keep what the search has found, unless some of it belongs to this request alone."""
        match = request.match_info
        resource, path = match.route.resource, request.rel_url.raw_path
        if (
            isinstance(resource, web.PlainResource)
            and resource.canonical == path
            and match.route.method == request.method
        ):
            self._known[request.method, path] = match, match.handler
