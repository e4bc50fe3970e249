"""`/sign-in/code`: a code by mail instead of a password."""

from aiohttp import web

from atoms_mcp.web.address import client_address
from atoms_mcp.web.callback import make_callback
from atoms_mcp.web.entry import let_in
from atoms_mcp.web.forms import Form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.page_problem import TOLD, PageProblem, describe
from atoms_mcp.web.pages import TEXTS
from atoms_mcp.web.sign_in import HOME, render_step, step, typed
from atoms_mcp.web.verifiers import keep_verifier, name_way

PATH = "/sign-in/code"


async def ask(request: web.Request) -> web.Response:
    """Give the page that asks for the address."""
    return render_step(request, "code_ask.html", {"next": HOME}, {})


@step("email", "code", "password")
async def by_code(request: web.Request, form: Form) -> web.Response:
    """Take a code, or send one; the button on the page of signing in sends one at once."""
    if "code" in form.fields and form.fields.get("step") != "begin":
        return await _redeem(request, form)
    email = typed(form)
    if not email and form.fields.get("step") == "begin":
        return render_step(request, "code_ask.html", form.claims, {})
    return await _send(request, form, email)


async def _send(request: web.Request, form: Form, email: str) -> web.Response:
    claims = form.claims
    way = name_way()
    kept = {"next": claims["next"], "client": claims["client"], "email": email}
    back = make_callback(request, way, kind="code", **kept)
    try:
        sent = await request.app[SIGN_IN].request_code(email, client_address(request), back)
    except TOLD as exc:
        problem = describe(request, exc)
        return render_step(request, "code_ask.html", claims, {}, problem=problem, email=email)
    response = _render_code(request, form, email)
    keep_verifier(request, response, way, sent.verifier)
    return response


async def _redeem(request: web.Request, form: Form) -> web.Response:
    try:
        session = await request.app[SIGN_IN].by_code(
            typed(form), form.fields["code"], client_address(request)
        )
        return await let_in(request, session, form.claims)
    except TOLD as exc:
        problem = describe(request, exc)
    return _render_code(request, form, typed(form), problem)


def _render_code(
    request: web.Request, form: Form, email: str, problem: PageProblem | None = None
) -> web.Response:
    text = request.app[TEXTS]
    facts = {
        "to": PATH,
        "again": PATH,
        "heading": text("code.heading"),
        "lead": text("code.lead"),
        "rest": text("code.rest"),
        "submit": text("code.submit"),
        "back": text("sign_in.back"),
    }
    return render_step(request, "code.html", form.claims, facts, problem=problem, email=email)
