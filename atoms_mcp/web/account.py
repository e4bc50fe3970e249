"""`/account`: what is connected as whom, and the ways to end it.

Every form is answered by a redirect; what is said afterwards is one of few known notices,
kept for a moment in a cookie, and never text that somebody could put into a link.
"""

import time

from aiohttp import web

from atoms_mcp.identity.browser import BrowserSession
from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.apps import end_app, end_everything, is_delegated, list_apps, render_apps
from atoms_mcp.web.forms import begin_form, cookie_name, read_form, set_cookie
from atoms_mcp.web.pages import TEXTS, render_page
from atoms_mcp.web.redirect import send_on
from atoms_mcp.web.sign_in import render_sign_in
from atoms_mcp.web.visitor import (
    drop_cookie,
    find_session,
    get_visitor,
    see_off,
    sign_in_again,
)

PATH = "/account"
REVOKE_PATH = f"{PATH}/revoke"
SIGN_OUT_PATH = f"{PATH}/sign-out"
PURPOSE = "account"
# The name of the migration command is no text to be translated.
MIGRATE = "atoms-mcp schema"
NOTICE_COOKIE = "atoms_notice"
NOTICE_S = 60
# What can be said after a form, and where: on the account, or to who has left it.
NOTICES = frozenset({"disconnected", "gone", "kept"})
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
    apps = await list_apps(request, session)
    facts = {
        "email": visitor.email,
        "state": begin_form(request, PURPOSE, next=PATH, uid=visitor.user_id),
        "said": f"account.{notice}" if notice in NOTICES else None,
        "is_missing": apps is None,
        "is_delegated": is_delegated(request),
        "command": MIGRATE,
        "apps": render_apps(apps or (), request.app[TEXTS], time.time()),
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
    id_ = form.fields.get("app", "")
    try:
        visitor, session = await _find_owner(request, form.claims["uid"])
    except SessionOver:
        return send_on(PATH)
    apps = await list_apps(request, session)
    if apps is None:
        return _tell(request, "kept")
    found = next((app for app in apps if app.id == id_), None)
    if found is None:
        return _tell(request, "gone")
    is_over = await end_app(request, found, visitor, session)
    return _tell(request, "disconnected" if is_over else "kept")


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
        await end_everything(request, visitor, session)
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


def _tell(request: web.Request, notice: str) -> web.Response:
    """Send the browser to the account, where `notice` is said once."""
    response = send_on(PATH)
    set_cookie(request, response, NOTICE_COOKIE, notice, max_age_s=NOTICE_S)
    return response
