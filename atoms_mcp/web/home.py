"""`GET /`: what this server is and how to connect a client to it, as a page or as JSON."""

from typing import Any

from aiohttp import hdrs, web

from atoms_mcp.oauth.metadata import WELL_KNOWN
from atoms_mcp.web.files import read_asset
from atoms_mcp.web.guides import make_guides
from atoms_mcp.web.keys import EXCHANGE, SETTINGS
from atoms_mcp.web.pages import render_page
from atoms_mcp.web.problem import render
from atoms_mcp.web.visitor import get_visitor

SCRIPT = read_asset("copy.js")
HTML = "text/html"
JSON = "application/json"
# This page takes part in no sign-in, so no opener has a claim on it.
HEADERS = {"Cross-Origin-Opener-Policy": "same-origin", hdrs.VARY: hdrs.ACCEPT}


async def home(request: web.Request) -> web.Response:
    """Give the page; JSON to who asks for that and not for a page."""
    site, settings = request[EXCHANGE].site, request.app[SETTINGS]
    accept = request.headers.get(hdrs.ACCEPT, "")
    if JSON in accept and HTML not in accept:
        return render(_describe(settings.theme_name, site.base_url, site.resource), headers=HEADERS)
    visitor = get_visitor(request)
    facts = {
        "url": site.resource,
        "guides": list(make_guides(site.resource, takes_jwt=settings.accept_supabase_jwt == "on")),
        "visitor_email": None if visitor is None else visitor.email,
        "metadata": WELL_KNOWN,
        "script": SCRIPT,
    }
    return render_page(request, "home.html", facts, headers=HEADERS, script=SCRIPT)


def _describe(name: str, base_url: str, resource: str) -> dict[str, Any]:
    return {
        "name": name,
        "mcp_url": resource,
        "protected_resource_metadata": f"{base_url}{WELL_KNOWN}",
        "account_url": f"{base_url}/account",
        "health_url": f"{base_url}/healthz",
    }
