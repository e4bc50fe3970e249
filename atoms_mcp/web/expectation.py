"""The Expect header: who asks before sending a body is answered by whoever reads bodies.

So a request that is refused by its head alone never has to send its body.

Source: RFC 9110 section 10.1.1.
"""

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from atoms_mcp.web.problem import Problem

KNOWN = "100-continue"


async def refuse_expectation(request: web.Request) -> web.StreamResponse:
    """Refuse what we cannot live up to."""
    del request
    raise Problem(
        417,
        "unknown_expectation",
        f"The only expectation known here is {KNOWN}.",
        "Send the request without the header Expect.",
    )


class Expectation:
    """What aiohttp asks, before the handler, of requests that have the header.

    `refuse` is a whole handler that answers an unknown expectation.
    """

    def __init__(self, refuse: Handler) -> None:
        self._refuse = refuse

    async def meet(self, request: web.Request) -> web.StreamResponse | None:
        """Let the handler go on, or give the answer in its stead."""
        is_known = request.headers[hdrs.EXPECT].lower() == KNOWN
        if is_known or request.version != HttpVersion11:
            return None
        return await self._refuse(request)
