"""Who sits before the browser: the cookie of a sign-in, read, set and dropped.

Source: RFC 6265bis (cookie prefixes, SameSite).
"""

from aiohttp import web

from atoms_mcp.identity.browser import LIFETIME_S, BrowserSession
from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.forms import cookie_name, set_cookie
from atoms_mcp.web.keys import BROWSERS, EXCHANGE

COOKIE = "atoms_session"


def get_visitor(request: web.Request) -> BrowserSession | None:
    """Give who signed in here; that their session still lives is not asked."""
    visitor = request.app[BROWSERS].read(request.cookies.get(cookie_name(request, COOKIE)))
    if visitor is not None:
        request[EXCHANGE].facts["user_id"] = visitor.user_id
    return visitor


async def welcome(
    request: web.Request, response: web.StreamResponse, session: Session
) -> BrowserSession:
    """Let the browser be signed in by `session`, with the answer that goes out.

    Raises:
        SupabaseError: (wrong) the access token names no session.
        StoreDown: it cannot be kept.
    """
    visitor, cookie = await request.app[BROWSERS].start(session)
    request[EXCHANGE].facts["user_id"] = visitor.user_id
    set_cookie(request, response, COOKIE, cookie, max_age_s=LIFETIME_S)
    return visitor


def drop_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Let the browser forget who signed in."""
    set_cookie(request, response, COOKIE, "", max_age_s=0)
