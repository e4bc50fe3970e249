"""Answers in JSON, and the one shape of all errors outside MCP: error, message, hint.

`error` is a stable code in snake_case, `message` says what was wrong, `hint` what to do next.
"""

from collections.abc import Mapping

import orjson
from aiohttp import hdrs, web

from atoms_mcp.errors import AtomsError

JSON = "application/json"
# Which library in which version answers is nobody's business.
SERVER = "atoms-mcp"
NO_STORE: Mapping[str, str] = {hdrs.CACHE_CONTROL: "no-store"}


class Problem(AtomsError):  # noqa: N818 - the word of RFC 9457 for just this
    """Ends a request with an error in the one shape. Every text is for whoever asked."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        hint: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {error}: {message}")
        self.status = status
        self.error = error
        self.message = message
        self.hint = hint
        self.headers = headers


def render(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Give `data` as a JSON answer."""
    return web.Response(body=orjson.dumps(data), status=status, content_type=JSON, headers=headers)


def render_problem(problem: Problem) -> web.Response:
    """Give a problem as an answer; no cache may keep it."""
    return render(
        {"error": problem.error, "message": problem.message, "hint": problem.hint},
        status=problem.status,
        headers={**NO_STORE, **(problem.headers or {})},
    )
