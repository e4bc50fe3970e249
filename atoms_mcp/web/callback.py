"""`GET /sign-in/callback`: the way back from an external provider, or from a link in a mail.

The address that Supabase sends the browser to carries the sealed state of who left; the code it
adds is worth something only together with the verifier that this browser has kept.

Source: Supabase Auth, PKCE flow; RFC 6749 section 10.12.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.identity.refusals import SIGN_IN_EXPIRED, read_callback
from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.address import client_address
from atoms_mcp.web.entry import let_in
from atoms_mcp.web.forms import FormOver, begin_form, open_form
from atoms_mcp.web.keys import EXCHANGE, SIGN_IN
from atoms_mcp.web.page_problem import TOLD, describe
from atoms_mcp.web.pages import TEXTS, render_error_page
from atoms_mcp.web.sign_in import render_sign_in
from atoms_mcp.web.verifiers import LIFE_S, find_verifier

PATH = "/sign-in/callback"
PURPOSE = "way"


@dataclass(frozen=True, slots=True)
class Way:
    """A way that leads off and back: its name, and the address that it comes back at."""

    name: str
    back: str


def begin_way(request: web.Request, claims: Mapping[str, Any], kind: str, email: str = "") -> Way:
    """Begin a way for the browser that asks now; it carries on what `claims` of a form say.

    `kind` is what it is for, `email` what was typed before it, if anything was.
    """
    name = secrets.token_urlsafe(8)
    carried = {"next": claims["next"], "client": claims.get("client"), "email": email}
    state = begin_form(request, PURPOSE, life_s=LIFE_S, way=name, kind=kind, **carried)
    back = f"{request[EXCHANGE].site.base_url}{PATH}?{urlencode({'state': state})}"
    return Way(name, back)


async def callback(request: web.Request) -> web.Response:
    """Sign in whoever comes back, or say on the page of signing in why not."""
    query = request.query
    try:
        claims = open_form(request, PURPOSE, query.get("state", ""))
    except FormOver as exc:
        return _strange(request, exc)
    try:
        if "code" not in query:
            raise read_callback(query.get("error", ""), query.get("error_code"))
        verifier = find_verifier(request, claims["way"])
        if verifier is None:
            raise SIGN_IN_EXPIRED.error_for()
        session = await _redeem(request, verifier)
        return await let_in(request, session, claims, is_recovery=claims["kind"] == "recovery")
    except TOLD as exc:
        problem = describe(request, exc)
    return await render_sign_in(
        request,
        claims["next"],
        problem=problem,
        email=claims["email"],
        client=claims["client"],
    )


async def _redeem(request: web.Request, verifier: str) -> Session:
    try:
        return await request.app[SIGN_IN].by_provider(
            request.query["code"], verifier, client_address(request)
        )
    except Malformed:
        # Nobody typed this code.
        raise SIGN_IN_EXPIRED.error_for() from None


def _strange(request: web.Request, exc: FormOver) -> web.Response:
    """Say that the link was opened too late, or in another browser than the one that asked."""
    text = request.app[TEXTS]
    request[EXCHANGE].facts["error_code"] = exc.error
    name = "callback.late" if exc.back else "callback.strange"
    return render_error_page(
        request,
        exc.status,
        text("callback.name"),
        text(f"{name}_title"),
        text(f"{name}_hint"),
        back=exc.back,
    )
