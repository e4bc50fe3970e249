"""`/auth/...`: sign in, renew, sign out and ask who one is, for scripts and own clients.

What comes out is the project's real access token. Nothing of it is kept here.
"""

from typing import Any

from aiohttp import web

from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.credentials import Malformed, check_credentials
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.identity.second_factor import needs_second_factor
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.address import client_address
from atoms_mcp.web.authenticate import get_bearer
from atoms_mcp.web.fields import read_fields
from atoms_mcp.web.keys import AUTH, EXCHANGE, GRANTS, SETTINGS, SIGN_IN, VERIFIER
from atoms_mcp.web.problem import NO_STORE, Problem, render

LOGIN_FIELDS = ("email", "username", "password", "captcha_token")
REFRESH_FIELDS = ("refresh_token",)
HALF_A_LOGIN = (
    "Login successful, without the second factor that this account has: what the project shows "
    "only with it stays hidden; sign in on the pages of this server, which ask for it"
)


async def login(request: web.Request) -> web.Response:
    """Sign in by password; `username` is another word for `email`."""
    fields = await read_fields(request, LOGIN_FIELDS)
    if "email" in fields and "username" in fields:
        raise Malformed("username", "email and username mean the same; send one of them")
    credentials = check_credentials(
        fields.get("email", fields.get("username")),
        fields.get("password"),
        fields.get("captcha_token"),
    )
    session = await request.app[SIGN_IN].by_password(credentials, client_address(request))
    has_more = needs_second_factor(session) is not None
    return _render(request, session, HALF_A_LOGIN if has_more else "Login successful")


async def refresh(request: web.Request) -> web.Response:
    """Trade a refresh token for a new session record."""
    fields = await read_fields(request, REFRESH_FIELDS)
    session = await request.app[SIGN_IN].by_refresh_token(
        fields.get("refresh_token"), client_address(request)
    )
    return _render(request, session, "Session refreshed")


async def logout(request: web.Request) -> web.Response:
    """End the session of the token that came, and no other one of its user."""
    if request.body_exists:
        await read_fields(request, ())
    caller = request[EXCHANGE].caller
    assert caller is not None  # noqa: S101 - the route wants a caller
    if caller.grant_id is not None:
        # Others may live on the same session: a client ends what it was granted.
        await request.app[GRANTS].revoke_proved(
            caller.user_id, caller.grant_id, caller.session_id, caller.token
        )
        return render({"message": "Logout successful"}, headers=NO_STORE)
    await request.app[AUTH].sign_out(caller.token)
    verifier = request.app[VERIFIER]
    verifier.forget(caller.token)
    if caller.session_id is not None:
        verifier.forget_session(caller.session_id)
    return render({"message": "Logout successful"}, headers=NO_STORE)


async def status(request: web.Request) -> web.Response:
    """Tell whose token came. A bad one or none is an answer here, not an error."""
    mode = request.app[SETTINGS].auth_mode
    try:
        caller = await _find_caller(request)
    except (Unauthenticated, InvalidToken) as exc:
        told: dict[str, Any] = {
            "authenticated": False,
            "reason": exc.reason or "no token",
            "hint": request[EXCHANGE].site.advice,
            "mode": mode,
        }
        return render(told, headers=NO_STORE)
    request[EXCHANGE].caller = caller
    told = {
        "authenticated": True,
        "user": {"id": caller.user_id, "email": caller.email, "role": caller.role},
        "expires_at": caller.expires_at,
        "scopes": sorted(caller.scopes),
        "mode": mode,
    }
    return render(told, headers=NO_STORE)


async def closed(request: web.Request) -> web.Response:
    """Answer where the project's own access tokens are not taken, so none are handed out."""
    raise Problem(
        403,
        "supabase_tokens_off",
        "This server hands out no Supabase access tokens, and takes none.",
        request[EXCHANGE].site.advice,
    )


async def _find_caller(request: web.Request) -> Caller:
    token = get_bearer(request.headers)
    if token is None:
        raise Unauthenticated
    return await request.app[VERIFIER].verify(token)


def _render(request: web.Request, session: Session, message: str) -> web.Response:
    request[EXCHANGE].facts["user_id"] = session.user.id
    told = {
        "access_token": session.access_token,
        "token_type": "bearer",
        "message": message,
        "expires_in": session.expires_in_s,
        "expires_at": session.expires_at,
        "refresh_token": session.refresh_token,
        "user": {"id": session.user.id, "email": session.user.email},
    }
    return render(told, headers=NO_STORE)
