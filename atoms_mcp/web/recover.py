"""`/recover`: a mail with a way to set a new password."""

from aiohttp import web

from atoms_mcp.web.address import client_address
from atoms_mcp.web.callback import begin_way
from atoms_mcp.web.forms import Form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.mailed import Mail, render_code, take_code
from atoms_mcp.web.page_problem import TOLD, describe
from atoms_mcp.web.sign_in import HOME, render_step, step, typed
from atoms_mcp.web.verifiers import keep_verifier

PATH = "/recover"
MAIL = Mail("recovery", PATH, "recovery")


async def ask(request: web.Request) -> web.Response:
    """Give the page to somebody who came by themselves."""
    return render_step(request, "recover.html", {"next": HOME}, {})


@step("email", "code", "password")
async def recover(request: web.Request, form: Form) -> web.Response:
    """Send the mail, or take the code of it."""
    if form.fields.get("step") == "begin":
        return render_step(request, "recover.html", form.claims, {}, email=typed(form))
    if "code" in form.fields:
        return await take_code(request, form, MAIL)
    email, claims = typed(form), form.claims
    way = begin_way(request, claims, MAIL.kind, email)
    try:
        sent = await request.app[SIGN_IN].request_recovery(email, client_address(request), way.back)
    except TOLD as exc:
        problem = describe(request, exc)
        return render_step(request, "recover.html", claims, {}, problem=problem, email=email)
    response = render_code(request, form, MAIL)
    keep_verifier(request, response, way.name, sent.verifier)
    return response
