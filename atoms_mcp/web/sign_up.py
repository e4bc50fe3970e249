"""`/sign-up`: a new account, where the project takes any."""

from aiohttp import web

from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.address import client_address
from atoms_mcp.web.callback import begin_way
from atoms_mcp.web.entry import let_in
from atoms_mcp.web.forms import Form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.mailed import Mail, render_code, take_code
from atoms_mcp.web.page_problem import TOLD, PageProblem, describe
from atoms_mcp.web.sign_in import HOME, find_project, render_step, step, typed
from atoms_mcp.web.verifiers import keep_verifier

PATH = "/sign-up"
MAIL = Mail("sign_up", PATH, "signup")


async def ask(request: web.Request) -> web.Response:
    """Give the page to somebody who came by themselves."""
    return await _render(request, Form({}, {"next": HOME}))


@step("email", "password", "code")
async def sign_up(request: web.Request, form: Form) -> web.Response:
    """Make an account; then let in at once, or ask for the code of the mail that confirms it."""
    if form.fields.get("step") == "begin":
        return await _render(request, form)
    if "code" in form.fields:
        return await take_code(request, form, MAIL)
    email, claims = typed(form), form.claims
    way = begin_way(request, claims, MAIL.kind, email)
    try:
        made = await request.app[SIGN_IN].sign_up(
            email, form.fields.get("password"), None, client_address(request), way.back
        )
        if isinstance(made, Session):
            return await let_in(request, made, claims)
    except TOLD as exc:
        return await _render(request, form, describe(request, exc))
    response = render_code(request, form, MAIL)
    keep_verifier(request, response, way.name, made.verifier)
    return response


async def _render(
    request: web.Request, form: Form, problem: PageProblem | None = None
) -> web.Response:
    project = await find_project(request)
    facts = {"can_sign_up": project.allows_sign_up and project.has_email}
    return render_step(
        request, "sign_up.html", form.claims, facts, problem=problem, email=typed(form)
    )
