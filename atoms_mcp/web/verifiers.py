"""The verifiers of sign-ins that are under way elsewhere: at a provider, or in a mail.

The browser that left keeps them, sealed, in one cookie; the way back names which one it needs.
A few at once are kept, for people with several windows.

Source: RFC 7636; RFC 9700 section 2.1.1.
"""

from aiohttp import web

from atoms_mcp.web.forms import FormOver, begin_form, cookie_name, open_form, set_cookie

COOKIE = "atoms_ways"
PURPOSE = "ways"
LIFE_S = 60 * 60
MAX_WAYS = 4


def keep_verifier(
    request: web.Request, response: web.StreamResponse, way: str, verifier: str | None
) -> None:
    """Let the browser keep the verifier; the oldest ones make room."""
    assert verifier is not None  # noqa: S101 - there is one wherever a way back was named
    kept = [pair for pair in _read(request) if pair[0] != way][-(MAX_WAYS - 1) :]
    ways = [*kept, (way, verifier)]
    sealed = begin_form(request, PURPOSE, life_s=LIFE_S, ways=ways)
    set_cookie(request, response, COOKIE, sealed, max_age_s=LIFE_S)


def find_verifier(request: web.Request, way: str) -> str | None:
    """Give the verifier of a way, or None where this browser has it no more."""
    return dict(_read(request)).get(way)


def _read(request: web.Request) -> list[tuple[str, str]]:
    sealed = request.cookies.get(cookie_name(request, COOKIE))
    if sealed is None:
        return []
    try:
        claims = open_form(request, PURPOSE, sealed)
    except FormOver:
        return []
    return [(way, verifier) for way, verifier in claims["ways"]]
