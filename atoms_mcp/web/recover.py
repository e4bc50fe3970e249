"""`/recover`: a mail with a way to set a new password."""

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

PATH = "/recover"


async def ask(request: web.Request) -> web.Response:
    """Give the page to somebody who came by themselves."""
    return render_step(request, "recover.html", {"next": HOME}, {})


@step("email", "code", "password")
async def recover(request: web.Request, form: Form) -> web.Response:
    """Send the mail, or take the code of it."""
    if form.fields.get("step") == "begin":
        return render_step(request, "recover.html", form.claims, {}, email=typed(form))
    if "code" in form.fields:
        return await _redeem(request, form)
    email, claims = typed(form), form.claims
    way = name_way()
    kept = {"next": claims["next"], "client": claims["client"], "email": email}
    back = make_callback(request, way, kind="recovery", **kept)
    try:
        sent = await request.app[SIGN_IN].request_recovery(email, client_address(request), back)
    except TOLD as exc:
        problem = describe(request, exc)
        return render_step(request, "recover.html", claims, {}, problem=problem, email=email)
    response = _render_code(request, form)
    keep_verifier(request, response, way, sent.verifier)
    return response


async def _redeem(request: web.Request, form: Form) -> web.Response:
    try:
        session = await request.app[SIGN_IN].by_code(
            typed(form), form.fields["code"], client_address(request), kind="recovery"
        )
        return await let_in(request, session, form.claims, is_recovery=True)
    except TOLD as exc:
        problem = describe(request, exc)
    return _render_code(request, form, problem)


def _render_code(
    request: web.Request, form: Form, problem: PageProblem | None = None
) -> web.Response:
    text = request.app[TEXTS]
    facts = {
        "to": PATH,
        "again": PATH,
        "heading": text("recover.check_heading"),
        "lead": text("recover.check_lead"),
        "rest": text("recover.check_rest"),
        "submit": text("code.submit"),
        "back": text("recover.back"),
    }
    return render_step(request, "code.html", form.claims, facts, problem=problem, email=typed(form))
