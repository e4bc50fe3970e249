"""The metadata document of the protected resource.

Source: RFC 9728 sections 2 and 3.1; RFC 8615 (where the well-known part goes).
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

WELL_KNOWN = "/.well-known/oauth-protected-resource"


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
