"""`/oauth/...` for programs: tokens for grants, and their end. The pages are in `web.authorize`.

Errors of OAuth become JSON here and nowhere else. An outage is never told as a fault of the
grant: clients throw away what they are told is void, and people would have to sign in again.

Source: RFC 6749 sections 3.2, 5.1 and 5.2; RFC 7009 section 2.
"""

import functools
from collections.abc import Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from atoms_mcp.identity.grants import TokenAnswer
from atoms_mcp.identity.quota import TooOften
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.pairs import Pairs
from atoms_mcp.oauth.token_request import (
    CodeGrant,
    parse_form,
    read_credentials,
    read_grant,
    read_revocation,
)
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web.fields import read_body
from atoms_mcp.web.keys import CLIENTS, EXCHANGE, GRANTS
from atoms_mcp.web.problem import Problem, render

# Some caches know only the second one.
KEPT_NOWHERE: Mapping[str, str] = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}
RETRY_S = 5
TOO_MANY = 429
UNAVAILABLE = 503


def speaking_oauth(handler: Handler) -> Handler:
    """Make errors of a handler into JSON as the RFCs have it."""

    @functools.wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except OAuthError as exc:
            headers: dict[str, str] = {}
            if exc.challenge is not None:
                headers[hdrs.WWW_AUTHENTICATE] = exc.challenge
            return _refuse(request, exc.status, exc.error, exc.description, headers)
        except TooOften as exc:
            return _refuse(
                request,
                TOO_MANY,
                "temporarily_unavailable",
                f"Too much of this came from this address; wait {exc.retry_after_s} seconds",
                {hdrs.RETRY_AFTER: str(exc.retry_after_s)},
            )
        except (SupabaseError, StoreDown) as exc:
            wait_s = exc.retry_after_s if isinstance(exc, SupabaseError) else None
            return _refuse(
                request,
                UNAVAILABLE,
                "temporarily_unavailable",
                "What is behind this server cannot be reached; try the same again later",
                {hdrs.RETRY_AFTER: str(wait_s or RETRY_S)},
            )
        except Problem as exc:  # the body: too large, too slow, broken off
            description = f"{exc.message} {exc.hint}"
            return _refuse(request, exc.status, "invalid_request", description, exc.headers or {})

    return handle


@speaking_oauth
async def token(request: web.Request) -> web.Response:
    """Trade a code or a refresh token for tokens."""
    pairs = await _read_form(request)
    grant = read_grant(pairs)
    client = _admit(request, pairs)
    grants = request.app[GRANTS]
    if isinstance(grant, CodeGrant):
        answer = await grants.redeem(grant, client)
    else:
        answer = await grants.refresh(grant, client)
    request[EXCHANGE].facts["user_id"] = answer.user_id
    return render(_to_json(answer), headers=KEPT_NOWHERE)


@speaking_oauth
async def revoke(request: web.Request) -> web.Response:
    """End the grant of a token. One that is not known here is as good as ended."""
    pairs = await _read_form(request)
    presented = read_revocation(pairs)
    client = _admit(request, pairs)
    await request.app[GRANTS].revoke_token(presented, client)
    return web.Response(headers=KEPT_NOWHERE)


async def _read_form(request: web.Request) -> Pairs:
    """Give the parameters of the body; those in the URL are none.

    Raises:
        OAuthError: invalid_request.
        Problem: 413, 408.
    """
    return parse_form(request.content_type, await read_body(request))


def _admit(request: web.Request, pairs: Pairs) -> Client:
    """Give the client, authenticated.

    Raises:
        OAuthError: invalid_client, invalid_request.
    """
    authorizations = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(authorizations) > 1:
        raise OAuthError("invalid_request", "More than one Authorization header came")
    credentials = read_credentials(pairs, authorizations[0] if authorizations else None)
    return request.app[CLIENTS].admit(credentials)


def _to_json(answer: TokenAnswer) -> dict[str, str | int]:
    return {
        "access_token": answer.access_token,
        "token_type": "Bearer",
        "expires_in": answer.expires_in_s,
        "refresh_token": answer.refresh_token,
        "scope": answer.scope,
    }


def _refuse(
    request: web.Request, status: int, error: str, description: str, headers: Mapping[str, str]
) -> web.Response:
    request[EXCHANGE].facts["error_code"] = error
    told = {"error": error, "error_description": description}
    return render(told, status=status, headers={**KEPT_NOWHERE, **headers})
