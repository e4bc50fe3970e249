"""Who is calling: the Authorization header, and nothing else, says so.

A token in the query, a cookie or the body is not looked at here.

Source: RFC 6750 sections 2.1 and 3.1; MCP 2026-07-28 authorization.
"""

from aiohttp import hdrs
from multidict import CIMultiDictProxy

from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.identity.verify import InvalidToken, Verifier
from atoms_mcp.web.keys import Access

Headers = CIMultiDictProxy[str]


async def authenticate(
    headers: Headers, token: str | None, verifier: Verifier, access: Access
) -> Caller | None:
    """Give the caller, or None where this kind of access wants no token and none came.

    Raises:
        Unauthenticated: no token, or one that is not accepted.
        SupabaseError: nobody can tell at the moment.
    """
    if token is None:
        if access is Access.CALLER_OR_ARGUMENT and hdrs.AUTHORIZATION not in headers:
            return None
        raise Unauthenticated
    try:
        return await verifier.verify(token)
    except InvalidToken as exc:
        raise Unauthenticated(exc.reason) from None


def get_bearer(headers: Headers) -> str | None:
    """Give the bearer token of the header; None without one, or with another scheme.

    Raises:
        Unauthenticated: two headers: who comes in between may have read the other one.
    """
    values = headers.getall(hdrs.AUTHORIZATION, ())
    if not values:
        return None
    if len(values) > 1:
        raise Unauthenticated("sent in more than one Authorization header")
    scheme, _, token = values[0].partition(" ")
    return token.strip(" ") or None if scheme.lower() == "bearer" else None
