"""What every request passes: guard, authentication, error boundary and the line in the log.

It is wrapped around the handlers as they are registered. A middleware of aiohttp would cost each
request an eighth of all that is done for it.
"""

import itertools
import os
import re
import time
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import istr

from atoms_mcp import logs
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.supabase.errors import CallerExpired
from atoms_mcp.supabase.wire import UPSTREAM_S
from atoms_mcp.web.authenticate import authenticate, recognize
from atoms_mcp.web.guard import Guard
from atoms_mcp.web.keys import CALLER, LOG, REQUEST_ID, ROUTE, SITE, Access, Route
from atoms_mcp.web.problem import Problem, render_problem
from atoms_mcp.web.refusals import to_problem
from atoms_mcp.web.site import Site

REQUEST_ID_HEADER = istr("X-Request-Id")
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SERVER = "atoms-mcp"
CLIENT_CLOSED = 499
SERVER_ERROR = 500


class Boundary:
    """Makes handlers out of routes. Logging must be set up by then.

    `fallback` speaks for us where a request names no site of ours.
    """

    def __init__(self, guard: Guard, verifier: Verifier, fallback: Site) -> None:
        self._guard = guard
        self._verifier = verifier
        self._fallback = fallback
        self._log = logs.request_writer()
        # Ids of a process are told apart by a count, those of processes by chance.
        self._prefix = os.urandom(5).hex()
        self._count = itertools.count(1)

    def wrap(self, route: Route) -> Handler:
        """Give the route's handler with all that comes before and after it.

        What is done for every request is kept to few and plain steps: it is the price of each.
        """
        guard, verifier, begin, write = self._guard, self._verifier, self._begin, self._write
        handler, cors, access = route.handler, route.cors, route.access

        async def handle(request: web.Request) -> web.StreamResponse:
            began_at = time.perf_counter()
            request_id, facts, spent_s = begin(request, route)
            fault: Exception | None = None
            status = CLIENT_CLOSED
            try:
                try:
                    request[SITE] = guard.check(request, cors)
                    if access is not Access.OPEN:
                        caller = recognize(request, verifier) or await authenticate(
                            request, verifier, access
                        )
                        if caller is not None:
                            request[CALLER] = caller
                            facts["user_id"] = caller.user_id
                    _check_encoding(request)
                    response = await handler(request)
                except Exception as exc:  # noqa: BLE001 - the boundary: nothing gets past it
                    fault = exc
                    response = self._refuse(request, exc)
                status = response.status
                if not response.prepared:
                    headers = response.headers
                    headers[REQUEST_ID_HEADER] = request_id
                    # Which library in which version answers is nobody's business.
                    headers[hdrs.SERVER] = SERVER
                return response
            finally:
                took_s = time.perf_counter() - began_at
                write(request, facts, (status, took_s, spent_s[0]), fault)

        return handle

    def _begin(self, request: web.Request, route: Route) -> tuple[str, dict[str, Any], list[float]]:
        """Give the request its id, its line in the log, and what time upstream is added up in."""
        request_id = request.headers.get(REQUEST_ID_HEADER)
        if request_id is None or not GIVEN_ID.fullmatch(request_id):
            request_id = f"{self._prefix}{next(self._count):06x}"
        spent_s = [0.0]
        UPSTREAM_S.set(spent_s)
        logs.REQUEST_ID.set(request_id)
        facts: dict[str, Any] = {
            "request_id": request_id,
            "user_id": None,
            "method": logs.clean(request.method),
            "path": logs.clean(request.path),
        }
        request[REQUEST_ID] = request_id
        request[ROUTE] = route
        request[LOG] = facts
        return request_id, facts, spent_s

    def _refuse(self, request: web.Request, exc: Exception) -> web.Response:
        """Answer an error, and forget a token that is no longer accepted upstream."""
        if isinstance(exc, CallerExpired) and CALLER in request:
            self._verifier.forget(request[CALLER].token)
        problem = to_problem(exc, request.get(SITE, self._fallback), request[REQUEST_ID])
        request[LOG].setdefault("error_code", problem.error)
        return render_problem(problem)

    def _write(
        self,
        request: web.Request,
        facts: dict[str, Any],
        outcome: tuple[int, float, float],
        fault: Exception | None,
    ) -> None:
        """Write the canonical line: one a request, whatever became of it."""
        status, took_s, upstream_s = outcome
        facts["status"] = status
        facts["ms"] = round(took_s * 1000, 2)
        facts["upstream_ms"] = round(upstream_s * 1000, 2)
        if facts["user_id"] is None and CALLER in request:  # an open route found out who calls
            facts["user_id"] = request[CALLER].user_id
        if fault is not None and status == SERVER_ERROR:
            self._log("error", {**facts, "exc_info": fault})
        else:
            self._log("info", facts)


def _check_encoding(request: web.Request) -> None:
    """Refuse compressed bodies: a few bytes of them can grow to any size."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
        raise Problem(
            415,
            "unsupported_encoding",
            "Compressed bodies are not taken.",
            "Send the body without Content-Encoding.",
        )
