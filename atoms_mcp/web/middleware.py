"""The one middleware: guard, authentication, error boundary and the line in the log.

It is one because each costs every request a coroutine; what it does is in `guard`,
`authenticate` and `refusals`.
"""

import itertools
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import istr

from atoms_mcp import logs
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.supabase.errors import CallerExpired
from atoms_mcp.supabase.wire import UPSTREAM_S
from atoms_mcp.web.authenticate import authenticate
from atoms_mcp.web.guard import Guard
from atoms_mcp.web.keys import CALLER, LOG, REQUEST_ID, ROUTE, SITE, Access, Cors, Route
from atoms_mcp.web.problem import Problem, render_problem
from atoms_mcp.web.refusals import to_problem
from atoms_mcp.web.site import Site

REQUEST_ID_HEADER = istr("X-Request-Id")
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SERVER = "atoms-mcp"
CLIENT_CLOSED = 499
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Boundary:
    """What the middleware needs at every request.

    `routes` is filled while the application is built; routes that are not in it (a preflight,
    an unknown path) are open and have nothing to give. `fallback` speaks for us where a
    request names no site of ours.
    """

    guard: Guard
    verifier: Verifier
    routes: Mapping[web.AbstractRoute, Route]
    fallback: Site


def make_boundary(parts: Boundary) -> Middleware:
    """Give the middleware; logging must be set up by then.

    What it does for every request is kept to few and plain steps: it is the price of each.
    """
    log = logs.get()
    # Ids of a process are told apart by a count, those of processes by chance.
    prefix = os.urandom(5).hex()
    count = itertools.count(1)

    @web.middleware
    async def boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
        began_at = time.perf_counter()
        request_id = request.headers.get(REQUEST_ID_HEADER)
        if request_id is None or not GIVEN_ID.fullmatch(request_id):
            request_id = f"{prefix}{next(count):06x}"
        spent_s = _begin(request, request_id)
        fault: Exception | None = None
        status = CLIENT_CLOSED
        try:
            try:
                response = await _admit(parts, request, handler)
            except Exception as exc:  # noqa: BLE001 - the boundary: nothing gets past it
                fault = exc
                response = _refuse(parts, request, exc)
            status = response.status
            if not response.prepared:
                response.headers[REQUEST_ID_HEADER] = request_id
                # Which library in which version answers is nobody's business.
                response.headers[hdrs.SERVER] = SERVER
            return response
        finally:
            took_ms = (time.perf_counter() - began_at) * 1000
            _write(log, request, (status, took_ms, spent_s[0] * 1000), fault)

    return boundary


def _begin(request: web.Request, request_id: str) -> list[float]:
    """Give what time upstream is added up in, and tell who else has to know of the request."""
    spent_s = [0.0]
    UPSTREAM_S.set(spent_s)
    logs.REQUEST_ID.set(request_id)
    request[REQUEST_ID] = request_id
    request[LOG] = {}
    return spent_s


async def _admit(parts: Boundary, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the request through to its handler, if nothing speaks against it."""
    route = parts.routes.get(request.match_info.route)
    request[SITE] = parts.guard.check(request, route.cors if route else Cors.NONE)
    if route is not None:
        request[ROUTE] = route
        if route.access is not Access.OPEN:
            await authenticate(request, parts.verifier, route.access)
        _check_encoding(request)
    return await handler(request)


def _refuse(parts: Boundary, request: web.Request, exc: Exception) -> web.Response:
    """Answer an error, and forget a token that is no longer accepted upstream."""
    if isinstance(exc, CallerExpired) and CALLER in request:
        parts.verifier.forget(request[CALLER].token)
    problem = to_problem(exc, request.get(SITE, parts.fallback), request[REQUEST_ID])
    request[LOG].setdefault("error_code", problem.error)
    return render_problem(problem)


def _check_encoding(request: web.Request) -> None:
    """Refuse compressed bodies: a few bytes of them can grow to any size."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
        raise Problem(
            415,
            "unsupported_encoding",
            "Compressed bodies are not taken.",
            "Send the body without Content-Encoding.",
        )


def _write(
    log: Any,  # noqa: ANN401 - structlog's loggers are typed by their set-up
    request: web.Request,
    outcome: tuple[int, float, float],
    fault: Exception | None,
) -> None:
    """Write the canonical line: one a request, whatever became of it."""
    status, took_ms, upstream_ms = outcome
    more: dict[str, Any] = request[LOG]
    facts = {
        "request_id": request[REQUEST_ID],
        "user_id": request[CALLER].user_id if CALLER in request else None,
        "method": request.method,
        "path": request.path,
        "status": status,
        "ms": round(took_ms, 2),
        "upstream_ms": round(upstream_ms, 2),
        **more,
    }
    if fault is not None and status == SERVER_ERROR:
        log.error("request.done", exc_info=fault, **facts)
    else:
        log.info("request.done", **facts)
