"""Forms that only the browser they were shown in can send, and only for a while.

What a form has to carry on is sealed into one hidden field together with a random id that the
browser holds in a cookie: a page elsewhere can neither make such a field nor use one of its own
here. The guard has looked at where the request comes from before.

Source: RFC 6265bis (cookie prefixes, SameSite); RFC 9700 section 4.7 (CSRF).
"""

import hmac
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web.fields import FORM, read_fields
from atoms_mcp.web.keys import EXCHANGE
from atoms_mcp.web.problem import Problem

PURPOSE = "form"
STATE = "state"
LIFE_S = 30 * 60
COOKIE = "atoms_form"
BROWSER_ID = re.compile(r"[A-Za-z0-9_-]{32}")
# A path of ours as browsers read it: they take a backslash for a slash and drop control
# characters, so that "/\evil.example" would lead away.
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
# The id of a browser that has none yet; its cookie goes out with the page.
NEW_BROWSER = web.RequestKey("new_browser", str)


class FormOver(Problem):
    """A form came too late or from elsewhere. `back` is where to start again, if that is known.

    `claims` is what the form carried where it was this browser's own and merely too old.
    """

    def __init__(self, problem: tuple[int, str, str, str], claims: Mapping[str, Any]) -> None:
        super().__init__(*problem)
        self.claims = claims
        self.back: str | None = claims.get("next")


EXPIRED = (
    409,
    "form_expired",
    "This page was open for too long.",
    "Start again; nothing has happened yet.",
)
STRANGE = (
    403,
    "form_refused",
    "This form was not shown in this browser, or its cookie is gone.",
    "Allow cookies for this site, go back to where you came from, and start again.",
)


@dataclass(frozen=True, slots=True)
class Form:
    """What came: the fields that were filled in, and what the form carried on."""

    fields: Mapping[str, str]
    claims: Mapping[str, Any]


class Forms:
    """Seals what forms carry and opens it again. `now` gives Unix seconds."""

    def __init__(self, seal: Seal, now: Callable[[], float] = time.time) -> None:
        self._seal = seal
        self._now = now

    def seal(self, purpose: str, browser: str, life_s: int, claims: Mapping[str, Any]) -> str:
        """Give the text of the hidden field.

        Raises:
            SupabaseError: (wrong) it would be too long. Paths of ours have a bound of their own,
                so an access token in it is too long.
        """
        exp = int(self._now()) + life_s
        bound = {"purpose": purpose, "browser": browser, "exp": exp}
        try:
            return self._seal.seal(PURPOSE, {**claims, **bound})
        except ValueError:
            raise SupabaseError("wrong", "the access token is too long for a form") from None

    def open(self, purpose: str, browser: str | None, sealed: str) -> Mapping[str, Any]:
        """Give what a form of this purpose carries.

        Raises:
            FormOver: it is not of this browser, or too old.
        """
        try:
            claims = self._seal.open(PURPOSE, sealed)
        except SealBroken:
            raise FormOver(STRANGE, {}) from None
        is_ours = browser is not None and hmac.compare_digest(claims["browser"], browser)
        if not is_ours or claims["purpose"] != purpose:
            raise FormOver(STRANGE, {})
        if self._now() >= claims["exp"]:
            raise FormOver(EXPIRED, claims)
        return claims


FORMS = web.AppKey("forms", Forms)


def begin_form(
    request: web.Request, purpose: str, *, life_s: int = LIFE_S, **claims: object
) -> str:
    """Give the value of the hidden field `state`, for a page that `render_page` renders.

    `claims` are of JSON; `next`, where there is one, is a path of ours.
    """
    if "next" in claims and not is_own_path(claims["next"]):
        raise ValueError("next has to be a path of this server")
    return request.app[FORMS].seal(purpose, _name_browser(request), life_s, claims)


async def read_form(request: web.Request, purpose: str, fields: Collection[str]) -> Form:
    """Give a form that came; of `fields` those that are in it, and no other ones.

    Raises:
        FormOver: it is not of this browser, of another purpose, or too old.
        Problem: 413, 408, 415.
        Malformed: it cannot be read, or has a field too many.
    """
    if request.content_type != FORM:
        raise Problem(415, "unsupported_media_type", f"This takes {FORM}.", "Use the page's form.")
    sent = await read_fields(request, (STATE, *fields))
    return Form(sent, open_form(request, purpose, sent.pop(STATE, "")))


def open_form(request: web.Request, purpose: str, sealed: str) -> Mapping[str, Any]:
    """Give what a sealed state carries, wherever it came along.

    Raises:
        FormOver: as above.
    """
    return request.app[FORMS].open(purpose, _browser(request), sealed)


def remember_browser(request: web.Request, response: web.Response) -> None:
    """Give the browser its id, if `begin_form` had to make one."""
    if NEW_BROWSER in request:
        set_cookie(request, response, COOKIE, request[NEW_BROWSER])


def is_own_path(value: object) -> bool:
    """Tell whether a browser that is sent there stays on this server."""
    return isinstance(value, str) and OWN_PATH.fullmatch(value) is not None


def set_cookie(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    *,
    max_age_s: int | None = None,
) -> None:
    """Set a cookie that scripts and other sites cannot reach; empty and with age 0, it goes."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="Lax",
    )


def cookie_name(request: web.Request, name: str) -> str:
    """Give the name as browsers of this site know it: with the prefix that guards it on https."""
    return f"__Host-{name}" if _is_https(request) else name


def _name_browser(request: web.Request) -> str:
    browser = _browser(request) or request.get(NEW_BROWSER)
    if browser is None:
        browser = request[NEW_BROWSER] = secrets.token_urlsafe(24)
    return browser


def _browser(request: web.Request) -> str | None:
    browser = request.cookies.get(cookie_name(request, COOKIE), "")
    return browser if BROWSER_ID.fullmatch(browser) else None


def _is_https(request: web.Request) -> bool:
    return request[EXCHANGE].site.base_url.startswith("https:")
