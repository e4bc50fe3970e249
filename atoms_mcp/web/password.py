"""`POST /sign-in`: email and password."""

from aiohttp import web

from atoms_mcp.identity.credentials import check_credentials
from atoms_mcp.web.address import client_address
from atoms_mcp.web.entry import let_in
from atoms_mcp.web.forms import Form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.page_problem import TOLD, describe
from atoms_mcp.web.sign_in import render_sign_in, step, typed


@step("email", "password")
async def by_password(request: web.Request, form: Form) -> web.Response:
    """Sign in, or give the page again with what was wrong; the password is never on it."""
    next_, client = form.claims["next"], form.claims.get("client")
    if form.fields.get("step") == "begin":
        return await render_sign_in(request, next_, email=typed(form), client=client)
    try:
        credentials = check_credentials(form.fields.get("email"), form.fields.get("password"), None)
        session = await request.app[SIGN_IN].by_password(credentials, client_address(request))
        return await let_in(request, session, form.claims)
    except TOLD as exc:
        problem = describe(request, exc)
    return await render_sign_in(request, next_, problem=problem, email=typed(form), client=client)
