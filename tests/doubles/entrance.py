"""The steps of signing in as the tests take them, by the fields that the pages' forms have."""

import re

from atoms_mcp.web.forms import FORMS

BROWSER = "b" * 32
NEXT = "/oauth/authorize?client_id=x&state=~"


def make_state(visit, purpose="sign-in", life_s=600, **claims):
    """Give the state of a form that this browser was shown on its way to a client."""
    visit.cookies["atoms_form"] = BROWSER
    claims = {"next": NEXT, "client": "Claude Code"} | claims
    return visit.web.app[FORMS].seal(purpose, BROWSER, life_s, claims)


def read_state(page, place=0):
    """Give the state of a form of the page."""
    return page.forms[place].fields["state"]


def shown(page):
    """Give what the page says in an alert or a status, and whether it is at a field."""
    text = page.raw.decode()
    return re.findall(r'(?:role="(?:alert|status)"[^>]*>)\s*(?:<p class="title">)?([^<]*)', text)


def assert_let_in(page, to=NEXT):
    """The browser is sent on, with the cookie of a sign-in."""
    assert (page.status, page.location) == (303, to)
    cookies = [line for line in page.headers.getall("Set-Cookie") if "atoms_session" in line]
    assert len(cookies) == 1
    assert "HttpOnly; Max-Age=43200; Path=/; SameSite=Lax" in cookies[0]
    assert page.raw == b""


def assert_outside(visit):
    assert "atoms_session" not in visit.cookies
