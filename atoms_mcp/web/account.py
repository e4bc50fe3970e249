"""`/account`: what is connected as whom, and the ways to end it.

The list is read and changed with the user's own token, so that the database decides whose it
is. Every form is answered by a redirect; what is said afterwards is one of few known notices,
kept for a moment in a cookie, and never text that somebody could put into a link.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from atoms_mcp.identity.browser import BrowserSession
from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.identity.connections import Connection, TableMissing
from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.oauth.redirects import LOOPBACK_HOSTS
from atoms_mcp.oauth.scopes import WRITE_SCOPE, expand
from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.age import measure_age
from atoms_mcp.web.asking import render_host
from atoms_mcp.web.forms import begin_form, cookie_name, read_form, set_cookie
from atoms_mcp.web.keys import BROWSERS, CONNECTIONS, GRANTS
from atoms_mcp.web.label import render_label
from atoms_mcp.web.pages import TEXTS, render_page
from atoms_mcp.web.redirect import send_on
from atoms_mcp.web.sign_in import render_sign_in
from atoms_mcp.web.texts import Texts
from atoms_mcp.web.visitor import drop_cookie, find_session, get_visitor, see_off, sign_in_again

PATH = "/account"
REVOKE_PATH = f"{PATH}/revoke"
SIGN_OUT_PATH = f"{PATH}/sign-out"
PURPOSE = "account"
# The name of the migration command is no text to be translated.
MIGRATE = "atoms-mcp schema"
NOTICE_COOKIE = "atoms_notice"
NOTICE_S = 60
# What can be said after a form, and where: on the account, or to who has left it.
NOTICES = frozenset({"disconnected", "gone"})
FAREWELLS = frozenset({"here", "everywhere"})


async def show(request: web.Request) -> web.Response:
    """Show what is connected, or let the person sign in first."""
    notice = request.cookies.get(cookie_name(request, NOTICE_COOKIE), "")
    visitor = get_visitor(request)
    if visitor is None:
        if notice not in FAREWELLS:
            return await render_sign_in(request, PATH)
        response = render_page(request, "signed_out.html", {"said": f"signed_out.{notice}"})
        set_cookie(request, response, NOTICE_COOKIE, "", max_age_s=0)
        return response
    try:
        session = await find_session(request, visitor)
    except SessionOver:
        return sign_in_again(request, PATH)
    connections = await _list(request, session)
    facts = {
        "email": visitor.email,
        "state": begin_form(request, PURPOSE, next=PATH, uid=visitor.user_id),
        "said": f"account.{notice}" if notice in NOTICES else None,
        "is_missing": connections is None,
        "command": MIGRATE,
        "apps": _render_apps(connections or (), request.app[TEXTS], time.time()),
        "revoke_path": REVOKE_PATH,
        "sign_out_path": SIGN_OUT_PATH,
    }
    response = render_page(request, "account.html", facts)
    if notice:
        set_cookie(request, response, NOTICE_COOKIE, "", max_age_s=0)
    return response


async def revoke(request: web.Request) -> web.Response:
    """Disconnect one app: its tokens end, and its entry goes.

    Raises:
        FormOver, Malformed: the form is not to be believed, or not whole.
        SupabaseError, StoreDown: it could not be done.
    """
    form = await read_form(request, PURPOSE, ("app",))
    gid = form.fields.get("app", "")
    try:
        visitor, session = await _find_owner(request, form.claims["uid"])
    except SessionOver:
        return send_on(PATH)
    connections = await _list(request, session)
    # Only what is the user's own can be found, and so revoked.
    found = next((one for one in connections or () if one.id == gid), None)
    if found is None:
        return _tell(request, "gone")
    await request.app[GRANTS].revoke_grant(
        found.id, found.session_id, None, keeps_session=found.session_id == visitor.sid
    )
    await request.app[CONNECTIONS].remove(found.id, session.access_token)
    return _tell(request, "disconnected")


async def sign_out(request: web.Request) -> web.Response:
    """Sign out this browser, or all browsers and apps of the user.

    Raises:
        FormOver, Malformed: the form is not to be believed, or not whole.
        SupabaseError, StoreDown: it could not be done.
    """
    form = await read_form(request, PURPOSE, ("where",))
    where = form.fields.get("where")
    if where not in FAREWELLS:
        raise Malformed("where", "The form does not say where to sign out")
    response = _tell(request, where)
    if where == "here":
        visitor = get_visitor(request)
        if visitor is not None:
            await see_off(request, response, visitor)
        return response
    try:
        visitor, session = await _find_owner(request, form.claims["uid"])
        await _end_all(request, visitor, session)
    except SessionOver:
        # It cannot end the others any more; the page says who has to sign in for that.
        return send_on(PATH)
    drop_cookie(request, response)
    return response


async def _find_owner(request: web.Request, user_id: str) -> tuple[BrowserSession, Session]:
    """Give the visitor whom the form was shown to, with their session.

    Raises:
        SessionOver: they are no longer signed in here, or somebody else is.
    """
    visitor = get_visitor(request)
    if visitor is None or visitor.user_id != user_id:
        raise SessionOver("somebody else is signed in, or nobody")
    return visitor, await find_session(request, visitor)


async def _end_all(request: web.Request, visitor: BrowserSession, session: Session) -> None:
    """End all sessions, and what is known to live on them.

    Their end stops every renewal; the marks stop the access tokens that are under way.
    """
    connections = await _list(request, session) or ()
    await request.app[BROWSERS].end_everywhere(visitor)
    grants, kept = request.app[GRANTS], request.app[CONNECTIONS]
    for one in connections:
        await grants.revoke_grant(one.id, one.session_id, None, keeps_session=True)
    # The token is good for the database until it expires, whatever became of its session.
    await asyncio.gather(*(kept.remove(one.id, session.access_token) for one in connections))


async def _list(request: web.Request, session: Session) -> list[Connection] | None:
    """Give what is connected; None where the database has no such list."""
    try:
        return list(await request.app[CONNECTIONS].list(session.access_token))
    except TableMissing:
        return None


def _render_apps(
    connections: Sequence[Connection], texts: Texts, now: float
) -> list[dict[str, Any]]:
    """Give the connections as the page shows them, the one used last first."""
    newest_first = sorted(connections, key=lambda one: one.last_used_at, reverse=True)
    return [
        {
            "id": one.id,
            "name": render_label(one.client_name) or texts("client.nameless"),
            "host": _render_place(one.redirect_host, texts),
            "client_host": render_host(one.client_host or ""),
            "can_write": WRITE_SCOPE in expand(one.scope.split()),
            "connected": _render_moment(one.created_at, texts, now),
            "used": _render_moment(one.last_used_at, texts, now),
        }
        for one in newest_first
    ]


def _render_place(host: str, texts: Texts) -> str:
    """Give where an app is answered: a host of the network, or what is on the user's machine."""
    if host in LOOPBACK_HOSTS:
        return texts("client.computer")
    shown = render_host(host)
    # As `oauth.redirects.redirect_host` writes the scheme of an app.
    is_private = "//" in host or host.endswith(":")
    return f"{texts('client.app')} ({shown})" if is_private else shown


def _render_moment(then: float, texts: Texts, now: float) -> dict[str, str]:
    """Give a moment in words, for machines, and exactly."""
    unit, count = measure_age(then, now)
    exact = datetime.fromtimestamp(then, UTC)
    return {
        "words": texts(f"age.{unit}" if count < 2 else f"age.{unit}s", count=count),  # noqa: PLR2004 - plural
        "iso": exact.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "exact": exact.strftime("%Y-%m-%d %H:%M UTC"),
    }


def _tell(request: web.Request, notice: str) -> web.Response:
    """Send the browser to the account, where `notice` is said once."""
    response = send_on(PATH)
    set_cookie(request, response, NOTICE_COOKIE, notice, max_age_s=NOTICE_S)
    return response
