"""What every request passes: guard, authentication, error boundary and the line in the log.

It is wrapped around the handlers as they are registered. A middleware of aiohttp would cost each
request an eighth of all that is done for it.
"""

import itertools
import os
import re
import time
from dataclasses import replace

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import istr

from atoms_mcp import logs
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.supabase.errors import CallerExpired
from atoms_mcp.supabase.wire import UPSTREAM_S
from atoms_mcp.web.authenticate import authenticate, get_bearer
from atoms_mcp.web.expectation import Expectation, refuse_expectation
from atoms_mcp.web.guard import Guard
from atoms_mcp.web.keys import EXCHANGE, Access, Exchange, Route
from atoms_mcp.web.load import Load
from atoms_mcp.web.pages import render_problem_page
from atoms_mcp.web.problem import SERVER, Problem, render_problem
from atoms_mcp.web.refusals import to_problem
from atoms_mcp.web.site import Site

REQUEST_ID_HEADER = istr("X-Request-Id")
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLIENT_CLOSED = 499
SERVER_ERROR = 500


class Boundary:
    """Makes handlers out of routes. Logging must be set up by then.

    `fallback` speaks for us where a request names no site of ours. `load` counts what is open.
    """

    def __init__(self, guard: Guard, verifier: Verifier, fallback: Site, load: Load) -> None:
        self._guard = guard
        self._verifier = verifier
        self._fallback = fallback
        self._load = load
        self._log = logs.request_writer()
        # Ids of a process are told apart by a count, those of processes by chance.
        self._prefix = os.urandom(5).hex()
        self._count = itertools.count(1)

    def wrap(self, route: Route) -> Handler:
        """Give the route's handler with all that comes before and after it.

        What is done for every request is kept to few and plain steps: it is the price of each.
        """
        guard, verifier, load = self._guard, self._verifier, self._load
        handler, cors, access, named = route.handler, route.cors, route.access, _name(route)

        async def handle(request: web.Request) -> web.StreamResponse:
            exchange = self._begin(request, route)
            headers = request.headers
            fault: Exception | None = None
            status = CLIENT_CLOSED
            try:
                try:
                    if load.requests - load.streams > load.limit:
                        load.refuse(is_vital=route.is_vital)
                    exchange.site = guard.check(request, cors)
                    if access is not Access.OPEN:
                        token = get_bearer(headers)
                        known = None if token is None else verifier.get_remembered(token)
                        exchange.caller = known or await authenticate(
                            headers, token, verifier, access
                        )
                    if hdrs.CONTENT_ENCODING in headers:
                        _check_encoding(headers[hdrs.CONTENT_ENCODING])
                    response = await handler(request)
                except Exception as exc:  # noqa: BLE001 - the boundary: nothing gets past it
                    fault = exc
                    response = self._refuse(request, exchange, exc)
                status = response.status
                # To an answer that has begun this does nothing.
                added = response.headers
                added[REQUEST_ID_HEADER] = exchange.request_id
                # Which library in which version answers is nobody's business.
                added[hdrs.SERVER] = SERVER
                return response
            finally:
                self._write(request, exchange, status, fault, named)

        return handle

    def wrap_expectation(self, route: Route) -> Expectation:
        """Give what meets the Expect header of this route's requests."""
        return Expectation(self.wrap(replace(route, handler=refuse_expectation)))

    def _begin(self, request: web.Request, route: Route) -> Exchange:
        """Give the request its id and its record, and add up what time it spends upstream."""
        began_at = time.perf_counter()
        request_id = request.headers.get(REQUEST_ID_HEADER)
        if request_id is None or not GIVEN_ID.fullmatch(request_id):
            request_id = f"{self._prefix}{next(self._count):06x}"
        self._load.requests += 1
        upstream_s = [0.0]
        UPSTREAM_S.set(upstream_s)
        logs.REQUEST_ID.set(request_id)
        exchange = Exchange(request_id, route, self._fallback, None, {}, began_at, upstream_s)
        request[EXCHANGE] = exchange
        return exchange

    def _refuse(self, request: web.Request, exchange: Exchange, exc: Exception) -> web.Response:
        """Answer an error, and forget a token that is no longer accepted upstream."""
        if isinstance(exc, CallerExpired) and exchange.caller is not None:
            self._verifier.forget(exchange.caller.presented)
        problem = to_problem(exc, exchange.site, exchange.request_id)
        exchange.facts.setdefault("error_code", problem.error)
        if _wants_page(request, exchange.route):
            return render_problem_page(request, problem)
        return render_problem(problem)

    def _write(
        self,
        request: web.Request,
        exchange: Exchange,
        status: int,
        fault: Exception | None,
        named: tuple[str, str] | None,
    ) -> None:
        """Write the canonical line: one a request, whatever became of it."""
        self._load.requests -= 1
        caller = exchange.caller
        method, path = named or (logs.clean(request.method), logs.clean(request.path))
        facts = {
            "request_id": exchange.request_id,
            "user_id": None if caller is None else caller.user_id,
            "method": method,
            "path": path,
            "status": status,
            "ms": round((time.perf_counter() - exchange.began_at) * 1000, 2),
            "upstream_ms": round(exchange.upstream_s[0] * 1000, 2),
            **exchange.facts,
        }
        if fault is not None and status == SERVER_ERROR:
            self._log("error", {**facts, "exc_info": fault})
        else:
            self._log("info", facts)


def _name(route: Route) -> tuple[str, str] | None:
    """Give method and path of all its requests; None where the route leaves one open."""
    is_fixed = route.method != "*" and "{" not in route.path
    return (route.method, route.path) if is_fixed else None


def _wants_page(request: web.Request, route: Route) -> bool:
    """Tell whether a refusal is for a person's eyes."""
    if route.shows == "either":
        return "text/html" in request.headers.get(hdrs.ACCEPT, "")
    return route.shows == "page"


def _check_encoding(coding: str) -> None:
    """Refuse compressed bodies: a few bytes of them can grow to any size."""
    if coding != "identity":
        raise Problem(
            415,
            "unsupported_encoding",
            "Compressed bodies are not taken.",
            "Send the body without Content-Encoding.",
        )
