"""`/oauth/consent` in mode delegated: the page that Supabase's OAuth 2.1 server sends people to.

Supabase keeps the request and makes the answer; here a person signs in, sees who asks, and says
yes or no. Where the browser goes then is Supabase's word, and it is believed only as far as it
fits what the page showed.

Source: Supabase Auth, OAuth 2.1 server (`authorization_id`, `/oauth/authorizations/{id}`).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.browser import BrowserSession
from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.redirects import DOMAIN_SCHEME, FORBIDDEN, URI
from atoms_mcp.supabase.auth import Session
from atoms_mcp.supabase.authorization import Authorization, Decided
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web.asking import render_client, render_target
from atoms_mcp.web.forms import begin_form, read_form
from atoms_mcp.web.keys import AUTH, EXCHANGE, SETTINGS
from atoms_mcp.web.label import render_label
from atoms_mcp.web.pages import TEXTS, render_error_page, render_page
from atoms_mcp.web.redirect import send_on
from atoms_mcp.web.sign_in import render_sign_in
from atoms_mcp.web.visitor import find_session, get_visitor, see_off, sign_in_again

PATH = "/oauth/consent"
PURPOSE = "delegated"
FORM_S = 10 * 60
ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
# As in https://app.example.
BARE_SLASHES = 2
SCOPES = ("openid", "email", "profile", "phone", "offline_access")


class RequestOver(AtomsError):  # noqa: N818 - says what is the case
    """Supabase knows no such request of this user, or no longer."""


async def show(request: web.Request) -> web.Response:
    """Show who asks; whoever is not signed in does that first. May be asked for repeatedly."""
    ids = request.query.getall("authorization_id", [])
    if len(ids) != 1 or not ID.fullmatch(ids[0]):
        return _say(request, 400, "delegated.unreadable")
    return await _ask(request, ids[0])


async def decide(request: web.Request) -> web.Response:
    """Tell Supabase what the person decided, and send the browser where it says.

    Raises:
        FormOver, Malformed: the form is not to be believed, or not whole.
        SupabaseError, StoreDown: it could not be done.
    """
    form = await read_form(request, PURPOSE, ("decision",))
    decision = form.fields.get("decision")
    visitor = get_visitor(request)
    if decision == "switch":
        response = send_on(form.claims["next"])
        if visitor is not None:
            await see_off(request, response, visitor)
        return response
    if decision not in form.claims["choices"]:
        raise Malformed("decision", "The form says neither yes nor no")
    if visitor is None:
        return await render_sign_in(request, form.claims["next"])
    if visitor.user_id != form.claims["uid"]:
        return await _ask(request, form.claims["id"], "consent.other_user")
    if decision == "go_on":
        return send_on(form.claims["to"])
    return await _decide(request, form.claims, visitor, is_approved=decision == "approve")


async def not_here(request: web.Request) -> web.Response:
    """Answer in every other mode, where consent is asked at `/oauth/authorize`."""
    return _say(request, 404, "delegated.not_here")


async def _ask(request: web.Request, id_: str, said: str | None = None) -> web.Response:
    """Give the page; `said` names a text for its head."""
    path = f"{PATH}?authorization_id={id_}"
    visitor = get_visitor(request)
    if visitor is None:
        return await render_sign_in(request, path)
    try:
        session = await find_session(request, visitor)
        asked = await _find(request, session, id_)
    except SessionOver:
        return sign_in_again(request, path)
    except RequestOver:
        return _say(request, 404, "delegated.over")
    claims: dict[str, Any] = {"next": path, "uid": visitor.user_id, "id": id_}
    facts: dict[str, Any] = {"email": visitor.email, "said": said, "action": PATH}
    if isinstance(asked, Decided):
        target = _check_target(request, asked.redirect_url)
        claims |= {"choices": ["go_on"], "to": target}
        facts |= {"client": None, **render_target(target)}
    else:
        _check_target(request, asked.redirect_uri)
        claims |= {"choices": ["approve", "deny"], "shown": asked.redirect_uri}
        facts |= _render(request, asked)
    facts["state"] = begin_form(request, PURPOSE, life_s=FORM_S, **claims)
    return render_page(request, "delegated.html", facts)


async def _find(request: web.Request, session: Session, id_: str) -> Authorization | Decided:
    """Ask Supabase what the request is.

    Raises:
        RequestOver: it knows none that is this user's.
    """
    try:
        return await request.app[AUTH].get_authorization(session.access_token, id_)
    except SupabaseError as exc:
        if exc.kind != "refused":
            raise
        raise RequestOver from exc


async def _decide(
    request: web.Request, claims: Mapping[str, Any], visitor: BrowserSession, *, is_approved: bool
) -> web.Response:
    """Tell Supabase; `visitor` is who the form was shown to."""
    try:
        session = await find_session(request, visitor)
        decided = await request.app[AUTH].decide_authorization(
            session.access_token, claims["id"], approve=is_approved
        )
    except SessionOver:
        return sign_in_again(request, claims["next"])
    except SupabaseError as exc:
        if exc.kind != "refused":
            raise
        return _say(request, 404, "delegated.over")
    target = _check_target(request, decided.redirect_url)
    if not _is_answer_at(target, claims["shown"]):
        raise SupabaseError("wrong", "the redirect leads to where the page did not say")
    return send_on(target)


def _is_answer_at(url: str, shown: str) -> bool:
    """Tell whether `url` is the redirect URI that was shown, with nothing but an answer added.

    What stands before the query is the same to the letter; of the query all that was there is.
    A slash is added to a host alone, and order is of no account: that is how URLs get written.
    """
    place, _, query = url.partition("#")[0].partition("?")
    told_place, _, told_query = shown.partition("?")
    is_bare = told_place.count("/") == BARE_SLASHES
    if place != told_place and not (is_bare and place == f"{told_place}/"):
        return False
    return set(parse_qsl(told_query, keep_blank_values=True)) <= set(
        parse_qsl(query, keep_blank_values=True)
    )


def _check_target(request: web.Request, url: str) -> str:
    """Give where Supabase sends the browser.

    Raises:
        SupabaseError: (wrong) it is nothing that a browser should be sent to.
    """
    scheme, colon, _ = url.partition(":")
    known = {"https", "http", *request.app[SETTINGS].redirect_schemes}
    is_known = scheme in known or DOMAIN_SCHEME.fullmatch(scheme) is not None
    is_fit = bool(colon) and is_known and scheme not in FORBIDDEN
    if not is_fit or not URI.fullmatch(url.replace("#", "", 1)):
        raise SupabaseError("wrong", "the redirect leads to where it should not")
    return url


def _render(request: web.Request, asked: Authorization) -> dict[str, Any]:
    """Give what the page says of the request. Nobody vouches for names that Supabase keeps."""
    texts = request.app[TEXTS]
    client = Client(asked.client_id, asked.client_name, (), "none", "registered")
    return {
        "client": render_client(client, texts),
        "scopes": [
            texts(f"delegated.{scope}") if scope in SCOPES else render_label(scope)
            for scope in asked.scope.split()
        ],
        **render_target(asked.redirect_uri),
    }


def _say(request: web.Request, status: int, name: str) -> web.Response:
    """Give a page with one message; `name` names its text."""
    texts = request.app[TEXTS]
    code = name.rpartition(".")[2]
    request[EXCHANGE].facts["error_code"] = f"consent_{code}"
    return render_error_page(request, status, code, texts(name), texts(f"{name}_hint"))
