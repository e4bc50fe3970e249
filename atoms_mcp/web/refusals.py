"""What every error looks like to whoever asked: exception -> Problem, in one place.

Source: RFC 6750 section 3; RFC 9110 section 15.
"""

from collections.abc import Callable

from aiohttp import hdrs, web

from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated
from atoms_mcp.identity.quota import TooOften
from atoms_mcp.identity.sign_in import SignInRefused
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import CallerExpired, Kind, SupabaseError
from atoms_mcp.web.problem import Problem
from atoms_mcp.web.site import Site

RETRY_S = 5
# What is left of an aiohttp error: its Allow header, for one. Its text is rewritten.
KEPT_HEADERS = (hdrs.ALLOW, hdrs.LOCATION)
UPSTREAM: dict[Kind, tuple[int, str, str]] = {
    "refused": (502, "supabase_wrong", "Supabase refused what this server asked of it."),
    "wrong": (502, "supabase_wrong", "Supabase gave an answer that makes no sense."),
    "busy": (503, "supabase_busy", "Supabase takes no more requests at the moment."),
    "down": (503, "supabase_down", "Supabase cannot be reached."),
    "slow": (504, "supabase_slow", "Supabase did not answer in time."),
}
HTTP = {
    308: ("moved", "This is an address of the past.", "Use the one in the Location header."),
    403: ("refused", "This is not allowed here.", "See the documentation of this server."),
    404: ("not_found", "There is nothing here.", "The MCP endpoint is {resource}."),
    405: ("method_not_allowed", "This is not done here.", "The Allow header says what is."),
    413: ("body_too_large", "The body is too large.", "Send less at once."),
}


def to_problem(exc: Exception, site: Site, request_id: str) -> Problem:
    """Give the answer to `exc`. Nothing of an unknown error is told but the request id."""
    if isinstance(exc, Problem):
        return exc
    for kind, read in READERS.items():
        if isinstance(exc, kind):
            return read(exc, site)
    return Problem(
        500,
        "internal_error",
        f"Something went wrong here (request {request_id}).",
        "Try again; if it stays, give the request id to the operator of this server.",
    )


def _unauthenticated(exc: Unauthenticated | InvalidToken, site: Site) -> Problem:
    return _challenge(exc.reason, site)


def _expired(_exc: CallerExpired, site: Site) -> Problem:
    return _challenge("expired", site)


def _challenge(reason: str | None, site: Site) -> Problem:
    headers: dict[str, str] = {hdrs.WWW_AUTHENTICATE: site.challenger.for_nobody(reason)}
    if reason is None:
        return Problem(
            401, "unauthenticated", "No access token came.", site.advice, headers=headers
        )
    message = f"The access token was refused: {reason}."
    return Problem(401, "invalid_token", message, site.advice, headers=headers)


def _insufficient(exc: InsufficientScope, site: Site) -> Problem:
    return Problem(
        403,
        "insufficient_scope",
        f"This needs the scope {exc.needed}.",
        "Sign in again and grant it.",
        headers={hdrs.WWW_AUTHENTICATE: site.challenger.for_more(exc.needed)},
    )


def _sign_in(exc: SignInRefused, _site: Site) -> Problem:
    return Problem(exc.status, exc.error, exc.message, exc.hint, headers=_wait(exc.retry_after_s))


def _malformed(exc: Malformed, _site: Site) -> Problem:
    return Problem(400, "malformed", f"{exc.message}.", "Mend that and try again.")


def _upstream(exc: SupabaseError, _site: Site) -> Problem:
    status, error, message = UPSTREAM[exc.kind]
    wait_s = exc.retry_after_s or RETRY_S
    hint = f"Nothing is wrong with your request; try again in {wait_s} seconds."
    return Problem(status, error, message, hint, headers=_wait(wait_s))


def _store(_exc: StoreDown, _site: Site) -> Problem:
    return Problem(
        503,
        "store_down",
        "This server cannot look up what it has handed out.",
        f"Nothing is wrong with your request; try again in {RETRY_S} seconds.",
        headers=_wait(RETRY_S),
    )


def _too_often(exc: TooOften, _site: Site) -> Problem:
    return Problem(
        429,
        "too_often",
        "Too much of this was asked for from this address.",
        f"Wait {exc.retry_after_s} seconds, then try again.",
        headers=_wait(exc.retry_after_s),
    )


def _payload(_exc: web.RequestPayloadError, _site: Site) -> Problem:
    return Problem(400, "malformed", "The body broke off or cannot be read.", "Send it again.")


def _http(exc: web.HTTPException, site: Site) -> Problem:
    error, message, hint = HTTP.get(exc.status, HTTP[403])
    kept: dict[str, str] = {name: exc.headers[name] for name in KEPT_HEADERS if name in exc.headers}
    return Problem(exc.status, error, message, hint.format(resource=site.resource), headers=kept)


def _wait(retry_after_s: int | None) -> dict[str, str]:
    return {} if retry_after_s is None else {hdrs.RETRY_AFTER: str(retry_after_s)}


READERS: dict[type[Exception], Callable[..., Problem]] = {
    Unauthenticated: _unauthenticated,
    InvalidToken: _unauthenticated,
    CallerExpired: _expired,
    InsufficientScope: _insufficient,
    SupabaseError: _upstream,
    StoreDown: _store,
    SignInRefused: _sign_in,
    TooOften: _too_often,
    Malformed: _malformed,
    web.RequestPayloadError: _payload,
    web.HTTPException: _http,
}
