"""The two metadata documents: of the protected resource, and of the authorization server.

All addresses are text made of one base URL, so that what one document calls the issuer is
letter by letter what the other one does.

Source: RFC 9728 sections 2 and 3.1, RFC 8414 sections 2 and 3.1, RFC 9207 section 3;
RFC 8615 (where the well-known part goes); OAuth Client ID Metadata Document.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from atoms_mcp.oauth.clients import AUTH_METHODS
from atoms_mcp.oauth.pkce import METHOD
from atoms_mcp.oauth.scopes import OFFLINE

WELL_KNOWN = "/.well-known/oauth-protected-resource"
SERVER_WELL_KNOWN = "/.well-known/oauth-authorization-server"
# Clients that find no RFC 8414 document ask here.
OPENID_WELL_KNOWN = "/.well-known/openid-configuration"
AUTHORIZE_PATH = "/oauth/authorize"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
REGISTER_PATH = "/oauth/register"
REVOKE_PATH = "/oauth/revoke"


def protected_resource_path(resource: str) -> str:
    """Give the path of the document of `resource`: the well-known part goes before its path."""
    return WELL_KNOWN + urlsplit(resource).path.removesuffix("/")


def protected_resource(
    resource: str, *, authorization_servers: Sequence[str], scopes: Sequence[str], name: str
) -> dict[str, Any]:
    """Give the document.

    `resource` is the URL that users type, letter by letter; `authorization_servers` are
    issuers, at least one. The token is taken from the header only, and the document says so.
    """
    return {
        "resource": resource,
        "authorization_servers": list(authorization_servers),
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": name,
    }


def authorization_server(
    issuer: str, *, scopes: Sequence[str], dcr: bool, cimd: bool
) -> dict[str, Any]:
    """Give the document of the server that `issuer` (no slash at its end) is.

    `dcr` says whether clients may register, `cimd` whether a client may be named by the URL of
    its document. `offline_access` is listed here and nowhere else: some clients ask for a
    refresh token only where they find it.
    """
    methods = list(AUTH_METHODS)
    document = {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE_PATH,
        "token_endpoint": issuer + TOKEN_PATH,
        "revocation_endpoint": issuer + REVOKE_PATH,
        "scopes_supported": [*scopes, OFFLINE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": [METHOD],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": cimd,
    }
    if dcr:
        document["registration_endpoint"] = issuer + REGISTER_PATH
    return document
