"""What went wrong in a tool, as a result that a model can act on.

Two readers: the text block is complete in itself, because some clients show a model nothing
else of an error, and `structuredContent` says the same as data.
"""

from typing import Any, Final

import orjson

from atoms_mcp.engine.deadline import DeadlinePassed
from atoms_mcp.errors import AtomsError, ToolError
from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated
from atoms_mcp.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, RpcError
from atoms_mcp.protocol.results import ToolResult
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError

# What a tool call may fail with on purpose; anything else is a fault of ours.
EXPECTED = (ToolError, SupabaseError, DeadlinePassed)
# What a transport that can challenge refuses instead.
RIGHTS = (Unauthenticated, InsufficientScope, CallerExpired)
# A code of ours, outside of what JSON-RPC reserves: that of HTTP, which says the same.
TOO_MANY: Final = 429


def render_failure(error: AtomsError, request_id: str) -> ToolResult:
    """Give the result of a call that failed with one of `EXPECTED` or `RIGHTS`."""
    known = error if isinstance(error, ToolError) else explain(error, request_id)
    body: dict[str, Any] = {
        "code": known.code,
        "message": known.message,
        "fix": known.fix,
        **known.details,
    }
    return ToolResult(
        orjson.dumps({"ok": False, "error": body}, default=str), str(known), known.code
    )


def to_rpc_error(error: AtomsError, request_id: str) -> RpcError:
    """Give the JSON-RPC error of a request other than a tool call that failed so."""
    if isinstance(error, ToolError):
        code, known = INVALID_PARAMS, error
    else:
        code, known = INTERNAL_ERROR, explain(error, request_id)
    data = {"code": known.code, "fix": known.fix, **known.details}
    if known.code == "rate_limited":
        return RpcError(TOO_MANY, str(known), data=data, status=TOO_MANY)
    return RpcError(code, str(known), data=data)


def explain(error: AtomsError, request_id: str) -> ToolError:
    """Say in words for a model what went wrong around its call, and what to do."""
    if isinstance(error, DeadlinePassed):
        return ToolError(
            "unavailable",
            f"The call was {error}.",
            fix="Read whether a change was made before you repeat it; ask for less at once.",
        )
    if isinstance(error, InsufficientScope):
        return ToolError(
            "forbidden",
            f"This login was not granted {error.needed}.",
            fix=f"Ask the user to sign in again and to grant {error.needed}.",
            details={"needed_scope": error.needed},
        )
    if isinstance(error, SupabaseError):
        return _explain_upstream(error, request_id)
    reason = (error.reason if isinstance(error, Unauthenticated) else None) or "no valid login"
    return ToolError(
        "unauthenticated",
        f"Nobody is signed in: {reason}.",
        fix="Ask the user to sign in with `atoms-mcp login`, or to set a fresh ATOMS_ACCESS_TOKEN.",
    )


def _explain_upstream(error: SupabaseError, request_id: str) -> ToolError:
    if error.kind == "busy":
        wait_s = error.retry_after_s
        return ToolError(
            "rate_limited",
            "The database takes no more requests at the moment.",
            fix=f"Repeat the call after {wait_s} s." if wait_s else "Repeat the call later.",
            details={} if wait_s is None else {"retry_after_s": wait_s},
        )
    if error.kind == "refused":
        return ToolError(
            "internal",
            "The database refused the request for a reason that the arguments do not show.",
            fix=f"Tell the operator the request id {request_id}.",
            details={"request_id": request_id},
        )
    return ToolError(
        "unavailable",
        "The database cannot be reached or does not answer as it should.",
        fix="Repeat the call in a few seconds; after a change, read first whether it was made.",
    )
