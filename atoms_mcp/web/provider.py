"""`POST /sign-in/provider`: off to an external provider, by way of Supabase."""

from aiohttp import web

from atoms_mcp.web.callback import begin_way
from atoms_mcp.web.forms import Form, remember_browser
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.page_problem import TOLD, describe
from atoms_mcp.web.redirect import send_on
from atoms_mcp.web.sign_in import render_sign_in, step
from atoms_mcp.web.verifiers import keep_verifier


@step("provider")
async def to_provider(request: web.Request, form: Form) -> web.Response:
    """Send the browser there, or give the page of signing in with what is wrong."""
    claims = form.claims
    way = begin_way(request, claims, "provider")
    try:
        url, verifier = await request.app[SIGN_IN].begin_provider(
            form.fields.get("provider"), way.back
        )
    except TOLD as exc:
        problem = describe(request, exc)
        return await render_sign_in(
            request, claims["next"], problem=problem, client=claims["client"]
        )
    response = send_on(url)
    keep_verifier(request, response, way.name, verifier)
    remember_browser(request, response)
    return response
