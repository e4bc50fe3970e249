"""The page of signing in, and what all steps of it share.

Each step is a form that carries on, sealed, where the browser goes afterwards (`next`) and for
which client it came (`client`). Nothing is kept here between two steps.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.project import ProjectSettings
from atoms_mcp.web.forms import Form, FormOver, begin_form, read_form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.page_problem import PageProblem, describe
from atoms_mcp.web.pages import TEXTS, render_page
from atoms_mcp.web.visitor import get_visitor

PURPOSE = "sign-in"
PATH = "/sign-in"
HOME = "/account"
MARK_CHARS = 1
# Where nobody can be asked which ways there are, the usual one is offered; trying it says more.
UNKNOWN = ProjectSettings((), has_email=True, allows_sign_up=False, is_autoconfirm=False)

Step = Callable[[web.Request, Form], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Provider:
    """An external provider as a button."""

    id: str
    name: str
    mark: str


def step(*fields: str, purpose: str = PURPOSE) -> Callable[[Step], Handler]:
    """Make a handler of a step: its form is read first, with these fields.

    One that was open for too long begins anew, on the page of signing in.
    """

    def make(handler: Step) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                form = await read_form(request, purpose, ("step", *fields))
            except FormOver as exc:
                return await _begin_again(request, exc)
            return await handler(request, form)

        return handle

    return make


async def _begin_again(request: web.Request, exc: FormOver) -> web.Response:
    """Give the page of signing in to somebody whose form was too old.

    Raises:
        FormOver: it was not this browser's.
    """
    if exc.back is None:
        raise exc
    problem = describe(request, exc)
    return await render_sign_in(request, exc.back, problem=problem, client=exc.claims.get("client"))


async def sign_in(request: web.Request) -> web.Response:
    """Give the page to somebody who came by themselves."""
    return await render_sign_in(request, HOME)


async def render_sign_in(
    request: web.Request,
    next: str,  # noqa: A002 - the word of every such page
    *,
    problem: PageProblem | None = None,
    email: str = "",
    client: str | None = None,
) -> web.Response:
    """Give the page. `next` is a path of ours; `client` the name of who sent the browser."""
    project = await find_project(request)
    visitor = get_visitor(request)
    facts = {
        "providers": _providers(request, project),
        "has_email": project.has_email,
        "can_sign_up": project.allows_sign_up and project.has_email,
        "browser_email": None if visitor is None else visitor.email,
        "next": next,
    }
    claims = {"next": next, "client": client}
    if problem is not None and problem.code == "captcha_failed" and project.providers:
        problem = _point_to_providers(request, problem)
    return render_step(request, "sign_in.html", claims, facts, problem=problem, email=email)


def render_step(
    request: web.Request,
    template: str,
    claims: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    problem: PageProblem | None = None,
    email: str = "",
) -> web.Response:
    """Give the page of one step, which carries `claims` on."""
    kept = {"next": claims["next"], "client": claims.get("client")}
    shown = {
        "state": begin_form(request, PURPOSE, **kept),
        "client": kept["client"],
        "problem": problem,
        "email": email,
        **facts,
    }
    if problem is None:
        return render_page(request, template, shown)
    return render_page(request, template, shown, status=problem.status, headers=problem.headers)


async def find_project(request: web.Request) -> ProjectSettings:
    """Give the ways to sign in that the project offers, as far as that is known."""
    try:
        return await request.app[SIGN_IN].project.settings()
    except SupabaseError:
        return UNKNOWN


def typed(form: Form, name: str = "email") -> str:
    """Give what was typed, so that nobody has to type it again."""
    return form.fields.get(name, "").strip()


def _providers(request: web.Request, project: ProjectSettings) -> list[Provider]:
    text = request.app[TEXTS]
    known = text.names()
    found = []
    for name in project.providers:
        key = f"provider.{name}"
        shown = text(key) if key in known else name.replace("_", " ").capitalize()
        found.append(Provider(name, shown, shown[:MARK_CHARS]))
    return found


def _point_to_providers(request: web.Request, problem: PageProblem) -> PageProblem:
    hint = request.app[TEXTS]("problem.captcha_failed.hint_providers")
    return replace(problem, hint=hint)
