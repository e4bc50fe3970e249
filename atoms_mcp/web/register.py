"""`/oauth/register`: clients make themselves known, and nothing is kept of it here.

Source: RFC 7591 section 3.
"""

from aiohttp import web

from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.web.address import client_address
from atoms_mcp.web.fields import parse_json, read_body
from atoms_mcp.web.keys import CLIENTS
from atoms_mcp.web.oauth import KEPT_NOWHERE, speaking_oauth
from atoms_mcp.web.problem import JSON, render

CREATED = 201


@speaking_oauth
async def register(request: web.Request) -> web.Response:
    """Register the client that the body describes; those that fail count as well."""
    clients = request.app[CLIENTS]
    await clients.count(client_address(request))
    if request.content_type != JSON:
        raise OAuthError("invalid_client_metadata", f"The body has to be {JSON}")
    try:
        metadata = parse_json(await read_body(request))
    except Malformed as exc:
        raise OAuthError("invalid_client_metadata", exc.message) from None
    if not isinstance(metadata, dict):
        raise OAuthError("invalid_client_metadata", "The body has to be a JSON object")
    return render(clients.register(metadata), status=CREATED, headers=KEPT_NOWHERE)
