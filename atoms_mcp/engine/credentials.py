"""Who calls, where a message itself says so: an `auth_token` among a tool's arguments.

Source: README, "Who is calling"; a header decides alone.
"""

import hmac
from dataclasses import replace
from functools import partial
from typing import Final

from atoms_mcp.engine.frame import Frame
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.identity.verify import InvalidToken, Verifier

CREDENTIAL: Final = "auth_token"


def take_token(message: object) -> object:
    """Take `auth_token` out of a tool's arguments, before anything else sees them."""
    if type(message) is not dict or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    arguments = params.get("arguments") if type(params) is dict else None
    return arguments.pop(CREDENTIAL, None) if type(arguments) is dict else None


async def identify(token: object, frame: Frame, verifier: Verifier) -> Frame:
    """Give the frame with whom an `auth_token` (None without one) proves to call.

    A header decides alone: a different token beside it is refused, never followed.

    Raises:
        Unauthenticated: nobody is known to call, and the transport can challenge.
        SupabaseError: the token cannot be checked, because Supabase cannot be asked.
    """
    if not frame.can_challenge:
        if token is None:
            return frame
        return replace(frame, find_caller=partial(_verify, token, verifier))
    if frame.caller is None:
        return replace(frame, caller=await _verify(token, verifier))
    if token is not None and not _is_same(token, frame.caller.presented):
        raise Unauthenticated("auth_token differs from the Authorization header")
    return frame


async def _verify(token: object, verifier: Verifier) -> Caller:
    if token is None:
        raise Unauthenticated
    if not isinstance(token, str):
        raise Unauthenticated("auth_token is not a string")
    try:
        return await verifier.verify(token)
    except InvalidToken as exc:
        raise Unauthenticated(exc.reason) from exc


def _is_same(token: object, known: str) -> bool:
    return isinstance(token, str) and hmac.compare_digest(token.encode(), known.encode())
