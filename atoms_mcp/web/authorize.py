"""`/oauth/authorize`: a client asks, a person decides, and the browser goes back with the answer.

What is wrong before client and redirect URI are verified is told on a page; from there on errors
go where the answer would. A person is always asked: nothing is approved by a mere visit. The
page carries the request itself, sealed, and it is read anew when the person has decided.

Source: RFC 6749 sections 4.1.1, 4.1.2 and 4.1.2.1; RFC 9207; RFC 9700 sections 4.1, 4.7, 4.12.
"""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from atoms_mcp.identity.browser import BrowserSession
from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.oauth.authorize import (
    ADVICE,
    TITLE,
    AuthorizationRequest,
    read_client,
    read_request,
    render_redirect,
)
from atoms_mcp.oauth.errors import (
    OAuthError,
    RedirectableError,
    UnknownClient,
    UnverifiedRequest,
)
from atoms_mcp.oauth.pairs import parse_pairs
from atoms_mcp.oauth.scopes import READ_SCOPE, WRITE_SCOPE
from atoms_mcp.web.address import client_address
from atoms_mcp.web.asking import render_client, render_target
from atoms_mcp.web.forms import begin_form, read_form
from atoms_mcp.web.keys import CLIENTS, EXCHANGE, GRANTS, STORE
from atoms_mcp.web.pages import TEXTS, render_error_page, render_page
from atoms_mcp.web.redirect import send_on
from atoms_mcp.web.sign_in import render_sign_in
from atoms_mcp.web.visitor import find_session, get_visitor, see_off, sign_in_again

PATH = "/oauth/authorize"
CONSENT_PATH = "/oauth/consent"
PURPOSE = "consent"
CONSENT_S = 10 * 60
# All that may stand in a path of ours: what browsers send raw beyond it is quoted.
RAW = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"
# The request goes along, sealed, through all pages, to Supabase and back in one address: with
# what is added there it has to fit into the 8190 bytes of a request line.
MAX_PATH_CHARS = 4600


async def authorize(request: web.Request) -> web.Response:
    """Ask the person who is signed in, or let them sign in first. May be asked for repeatedly."""
    query = request.raw_path.partition("?")[2]
    path = f"{PATH}?{quote(query, safe=RAW, errors='surrogateescape')}"
    try:
        if len(path) > MAX_PATH_CHARS:
            raise UnverifiedRequest(
                TITLE, f"It has more than the {MAX_PATH_CHARS} characters that are taken. {ADVICE}."
            )
        asked = await _read(request, path)
    except OAuthError as exc:
        return _refuse(request, exc)
    return await _ask(request, asked, path)


async def decide(request: web.Request) -> web.Response:
    """Carry out what the person decided.

    Raises:
        FormOver: the form is not of this browser, or too old.
        Malformed: the form says neither yes nor no.
        SupabaseError, StoreDown: nobody can tell whether the session lives; no code is issued.
    """
    form = await read_form(request, PURPOSE, ("decision", "scope"))
    path: str = form.claims["next"]
    try:
        asked = await _read(request, path)
        match form.fields.get("decision"):
            case "deny":
                raise _error(asked, "access_denied", "The user said no")
            case "switch":
                return await _let_switch(request, path)
            case "approve":
                return await _approve(request, asked, form.claims, form.fields.get("scope"))
    except OAuthError as exc:
        return _refuse(request, exc)
    raise Malformed("decision", "The form says neither yes nor no")


async def _read(request: web.Request, path: str) -> AuthorizationRequest:
    """Read the request out of `path`, with its query.

    Raises:
        UnverifiedRequest, UnknownClient: told on a page.
        RedirectableError: told to the client.
    """
    pairs = parse_pairs(path.partition("?")[2])
    client_id, redirect_uri = read_client(pairs)
    client = await request.app[CLIENTS].find(client_id, client_address(request))
    # Under one name of this server for no other one: its token endpoint would not take the code.
    resource = request[EXCHANGE].site.resource
    return read_request(pairs, client, redirect_uri, resource)


async def _ask(
    request: web.Request, asked: AuthorizationRequest, path: str, said: str | None = None
) -> web.Response:
    """Give the page of consent, or the one that signs in before; `said` names a text."""
    visitor = get_visitor(request)
    if visitor is None:
        name = render_client(asked.client, request.app[TEXTS])["name"]
        return await render_sign_in(request, path, client=name)
    try:
        await find_session(request, visitor)
    except SessionOver:
        return sign_in_again(request, path)
    return _render_consent(request, asked, path, visitor, said)


async def _approve(
    request: web.Request,
    asked: AuthorizationRequest,
    claims: Mapping[str, Any],
    scope: str | None,
) -> web.Response:
    """Issue a code to whom the page was shown, for what it showed, once."""
    visitor = get_visitor(request)
    if visitor is None:
        return await _ask(request, asked, path=claims["next"])
    if visitor.user_id != claims["uid"]:
        return await _ask(request, asked, claims["next"], "consent.other_user")
    scopes = _choose(asked, scope)
    if not await request.app[STORE].take_once(f"consent:{claims['jti']}", claims["exp"]):
        return await _ask(request, asked, claims["next"], "consent.answered")
    issuer = request[EXCHANGE].site.issuer
    try:
        await find_session(request, visitor)
        code = await request.app[GRANTS].issue_code(asked, scopes, visitor, issuer)
    except SessionOver:
        return sign_in_again(request, claims["next"])
    return send_on(render_redirect(asked.redirect_uri, code=code, state=asked.state, iss=issuer))


async def _let_switch(request: web.Request, path: str) -> web.Response:
    """Sign out here and ask again, which begins with signing in."""
    response = send_on(path)
    visitor = get_visitor(request)
    if visitor is not None:
        await see_off(request, response, visitor)
    return response


def _choose(asked: AuthorizationRequest, scope: str | None) -> tuple[str, ...]:
    """Give what of the request was granted: all of it, or the reading half.

    Raises:
        Malformed: the form says something that it did not offer.
    """
    if scope == "read":
        others = (name for name in asked.scopes if name not in {READ_SCOPE, WRITE_SCOPE})
        return (READ_SCOPE, *others)
    if scope == "write" and WRITE_SCOPE in asked.scopes:
        return asked.scopes
    raise Malformed("scope", "The form says nothing of what is allowed")


def _refuse(request: web.Request, exc: OAuthError) -> web.Response:
    """Tell an error: to the client where it is known who that is, to the person otherwise."""
    request[EXCHANGE].facts["error_code"] = exc.error
    if isinstance(exc, RedirectableError):
        return send_on(
            render_redirect(
                exc.redirect_uri,
                error=exc.error,
                error_description=exc.description,
                state=exc.state,
                iss=request[EXCHANGE].site.issuer,
            )
        )
    # Not 401: clients fetch this address beforehand, and take 400 for "register again".
    if isinstance(exc, UnverifiedRequest):
        return render_error_page(request, 400, exc.error, exc.title, exc.description)
    texts = request.app[TEXTS]
    name = "consent.unknown_client" if isinstance(exc, UnknownClient) else "consent.unreadable"
    return render_error_page(request, 400, exc.error, texts(name), texts(f"{name}_hint"))


def _render_consent(
    request: web.Request,
    asked: AuthorizationRequest,
    path: str,
    visitor: BrowserSession,
    said: str | None,
) -> web.Response:
    claims = {"next": path, "uid": visitor.user_id, "jti": secrets.token_urlsafe(16)}
    facts = {
        "state": begin_form(request, PURPOSE, life_s=CONSENT_S, **claims),
        "action": CONSENT_PATH,
        "client": render_client(asked.client, request.app[TEXTS]),
        **render_target(asked.redirect_uri),
        "email": visitor.email,
        "can_write": WRITE_SCOPE in asked.scopes,
        "said": said,
    }
    return render_page(request, "consent.html", facts)


def _error(asked: AuthorizationRequest, error: str, description: str) -> RedirectableError:
    return RedirectableError(error, description, redirect_uri=asked.redirect_uri, state=asked.state)
