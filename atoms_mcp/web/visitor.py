"""Who sits before the browser: the cookie of a sign-in, read, set and dropped.

Source: RFC 6265bis (cookie prefixes, SameSite).
"""

from aiohttp import web

from atoms_mcp.identity.browser import LIFETIME_S, BrowserSession
from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.supabase.auth import Session
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web.forms import cookie_name, set_cookie
from atoms_mcp.web.keys import AUTH, BROWSERS, EXCHANGE
from atoms_mcp.web.redirect import send_on

COOKIE = "atoms_session"
# What it is called where it must not stand in for another server's: cookies know no port.
COOKIE_NAME = web.AppKey("session_cookie", str)


def get_visitor(request: web.Request) -> BrowserSession | None:
    """Give who signed in here; that their session still lives is not asked."""
    visitor = request.app[BROWSERS].read(
        request.cookies.get(cookie_name(request, _find_name(request)))
    )
    if visitor is not None:
        request[EXCHANGE].facts["user_id"] = visitor.user_id
    return visitor


async def find_session(request: web.Request, visitor: BrowserSession) -> Session:
    """Give the visitor's session, of which Supabase has just said that it lives.

    Raises:
        SessionOver: it does not; the visitor has to sign in again.
        SupabaseError: Supabase cannot be asked.
        StoreDown: the store cannot be asked.
    """
    session = await request.app[BROWSERS].current(visitor)
    try:
        await request.app[AUTH].get_user(session.access_token)
    except SupabaseError as exc:
        if not exc.ends_session:
            raise
        raise SessionOver("Supabase no longer knows the session") from exc
    return session


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
    set_cookie(request, response, _find_name(request), cookie, max_age_s=LIFETIME_S)
    return visitor


async def see_off(
    request: web.Request, response: web.StreamResponse, visitor: BrowserSession
) -> None:
    """Sign this browser out, with the answer that goes out.

    It is done whether or not Supabase can be asked: the cookie is worth nothing from then on.

    Raises:
        StoreDown: the store cannot be asked; nothing is done.
    """
    try:
        await request.app[BROWSERS].end(visitor)
    except SupabaseError as exc:
        request[EXCHANGE].facts["error_code"] = f"sign_out_{exc.kind}"
    drop_cookie(request, response)


def sign_in_again(request: web.Request, path: str) -> web.Response:
    """Drop the cookie of a session that is over, and ask for `path` anew, which signs in."""
    response = send_on(path)
    drop_cookie(request, response)
    return response


def drop_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Let the browser forget who signed in."""
    set_cookie(request, response, _find_name(request), "", max_age_s=0)


def _find_name(request: web.Request) -> str:
    return request.app.get(COOKIE_NAME, COOKIE)
