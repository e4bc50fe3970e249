"""`/sign-in/code`: a code by mail instead of a password."""

from aiohttp import web

from atoms_mcp.web.address import client_address
from atoms_mcp.web.callback import begin_way
from atoms_mcp.web.forms import Form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.mailed import Mail, render_code, take_code
from atoms_mcp.web.page_problem import TOLD, describe
from atoms_mcp.web.sign_in import HOME, render_step, step, typed
from atoms_mcp.web.verifiers import keep_verifier

PATH = "/sign-in/code"
MAIL = Mail("code", PATH, "email")


async def ask(request: web.Request) -> web.Response:
    """Give the page that asks for the address."""
    return render_step(request, "code_ask.html", {"next": HOME}, {})


@step("email", "code", "password")
async def by_code(request: web.Request, form: Form) -> web.Response:
    """Take a code, or send one; the button on the page of signing in sends one at once."""
    if "code" in form.fields and form.fields.get("step") != "begin":
        return await take_code(request, form, MAIL)
    email = typed(form)
    if not email and form.fields.get("step") == "begin":
        return render_step(request, "code_ask.html", form.claims, {})
    return await _send(request, form, email)


async def _send(request: web.Request, form: Form, email: str) -> web.Response:
    claims = form.claims
    way = begin_way(request, claims, MAIL.kind, email)
    try:
        sent = await request.app[SIGN_IN].request_code(email, client_address(request), way.back)
    except TOLD as exc:
        problem = describe(request, exc)
        return render_step(request, "code_ask.html", claims, {}, problem=problem, email=email)
    response = render_code(request, form, MAIL)
    keep_verifier(request, response, way.name, sent.verifier)
    return response
