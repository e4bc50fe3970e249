"""Pages in HTML: rendered here, so that each carries the same look, texts and protection.

No page needs a script; one that has one names it by its hash. There is no `form-action` in the
policy: browsers apply it to every redirect after a form, so the way back to a client would be
cut off without a word.

Source: W3C Content Security Policy Level 3; Fetch standard, Sec-Fetch and Origin headers.
"""

import base64
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web

from atoms_mcp.web.files import FILES, Files
from atoms_mcp.web.forms import FormOver, remember_browser
from atoms_mcp.web.keys import EXCHANGE
from atoms_mcp.web.problem import Problem
from atoms_mcp.web.texts import Texts, load_texts
from atoms_mcp.web.theme import Theme

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    hdrs.CACHE_CONTROL: "no-store",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # A client's page may have opened the sign-in in a window of its own, and waits there for what
    # its callback tells its opener: cut off from it once, that window stays cut off.
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TEXTS = web.AppKey("texts", Texts)


def set_up_pages(app: web.Application, theme: Theme) -> None:
    """Make the application able to render pages, and give it the files they refer to."""
    files = Files(theme)
    app[FILES] = files
    app[TEXTS] = load_texts()
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("atoms_mcp.web"),
        undefined=jinja2.StrictUndefined,
        default_helpers=False,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        text=app[TEXTS],
        server_name=theme.name,
        stylesheet=files.stylesheet,
        logo=files.logo,
    )


def render_page(
    request: web.Request,
    template: str,
    facts: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    script: str | None = None,
) -> web.Response:
    """Give a page. `script` is the one script that the template has inline."""
    response = aiohttp_jinja2.render_template(template, request, facts, status=status)
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = _policy(script)
    response.headers.update(headers or {})
    remember_browser(request, response)
    return response


def render_error_page(  # noqa: PLR0913 - what such a page consists of
    request: web.Request,
    status: int,
    title: str,
    text: str,
    hint: str,
    *,
    back: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Give a page that says what went wrong and what to do; `back` is where to start again."""
    facts = {
        "status": status,
        "title": title,
        "message": text,
        "hint": hint,
        "back": back,
        "request_id": request[EXCHANGE].request_id,
    }
    return render_page(request, "error.html", facts, status=status, headers=headers)


def render_problem_page(request: web.Request, problem: Problem) -> web.Response:
    """Give a problem as a page, with the status and the headers that it has as JSON."""
    return render_error_page(
        request,
        problem.status,
        HTTPStatus(problem.status).phrase,
        problem.message,
        problem.hint,
        back=problem.back if isinstance(problem, FormOver) else None,
        headers=problem.headers,
    )


def _policy(script: str | None) -> str:
    if script is None:
        return POLICY
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"{POLICY}; script-src 'sha256-{digest}'"
