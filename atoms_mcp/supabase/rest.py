"""PostgREST, as one user: sends a `RestRequest` and reads what comes back.

It decides nothing: what to ask is planned in `entities`, who may see it is the database's.

Source: PostgREST 16 API reference; RFC 7240 (Prefer).
"""

import re
from urllib.parse import quote, urlencode

from atoms_mcp.entities.rest import RestAnswer, RestRequest
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError
from atoms_mcp.supabase.wire import Wire, WireAnswer

# What a table or a function may be called here; a path is never made of a user's words.
PATH = re.compile(r"(rpc/)?[a-z_][a-z0-9_]*")
NOT_FILTERS = frozenset({"select", "order", "limit", "offset", "columns", "on_conflict"})
TOKEN_REFUSED = frozenset({"PGRST301", "PGRST303"})
NO_BODY = frozenset({201, 204})
OBJECT = "application/vnd.pgrst.object+json"


class Rest:
    """The REST interface of the project."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def send(self, request: RestRequest, token: str) -> RestAnswer:
        """Send one call as the user whose access token this is.

        Reads are tried up to three times within the deadline, anything else once.

        Raises:
            ValueError: a PATCH or DELETE without a filter (it would reach every row the user
                may write), or a path that is no name.
            CallerExpired: the token is no longer accepted.
            SupabaseError: upstream refused or could not be asked.
        """
        _check(request)
        target = _target(request)
        headers = _headers(request, token)
        try:
            if request.method == "GET":
                answer = await self._wire.get("data", target, headers)
            else:
                answer = await self._wire.send(
                    "data", request.method, target, request.body, headers
                )
        except SupabaseError as exc:
            raise _as_the_caller(exc) from exc
        return _read(answer)


def _check(request: RestRequest) -> None:
    if not PATH.fullmatch(request.path):
        raise ValueError(f"not the path of a table or function: {request.path!r}")
    if request.method in {"PATCH", "DELETE"} and all(
        name in NOT_FILTERS for name, _ in request.query
    ):
        raise ValueError(f"{request.method} {request.path} without a filter is refused")


def _target(request: RestRequest) -> str:
    query = urlencode(request.query, quote_via=quote, safe="")
    return f"/rest/v1/{request.path}" + (f"?{query}" if query else "")


def _headers(request: RestRequest, token: str) -> dict[str, str]:
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": OBJECT if request.is_single else "application/json",
    }
    if request.prefer:
        headers["Prefer"] = ", ".join(request.prefer)
    return headers


def _as_the_caller(exc: SupabaseError) -> SupabaseError | CallerExpired:
    """Tell a token that ended from a server that is set up wrongly."""
    if exc.status != 401:  # noqa: PLR2004 - Unauthorized
        return exc
    if exc.code in TOKEN_REFUSED:
        return CallerExpired(exc.code)
    if exc.code == "PGRST302":
        # The gateway lost the token: nothing a user can mend.
        return SupabaseError("wrong", exc.message, status=401, code=exc.code, hint=exc.hint)
    return exc


def _read(answer: WireAnswer) -> RestAnswer:
    if not answer.body and answer.status in NO_BODY:
        return RestAnswer(None)
    return RestAnswer(answer.parse(), _total(answer.headers.get("Content-Range", "")))


def _total(content_range: str) -> int | None:
    """Read the total out of "0-24/573"; an asterisk means that nobody counted."""
    total = content_range.rpartition("/")[2]
    return int(total) if total.isascii() and total.isdigit() else None
