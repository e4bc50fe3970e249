"""What Auth says when it refuses, in the three shapes that clients know.

Source: Supabase Auth API.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg
import orjson
from aiohttp import web

from atoms_mcp.errors import AtomsError

API_VERSION = "2024-01-01"
API_VERSION_HEADER = "X-Supabase-Api-Version"
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
PT_STATUS = re.compile(r"PT([2-5]\d\d)")
OUTAGE_CLASSES = ("08", "53", "57P")
# What a trigger says on purpose (RAISE), and what a constraint refuses.
RAISED_CLASSES = ("P0", "PT")
TRIGGER_CLASSES = ("23", *RAISED_CLASSES)


class AuthError(AtomsError):
    """One request is refused: HTTP status, stable code, one sentence.

    `weak_reasons` are why a password is weak ("length").
    """

    def __init__(
        self, status: int, code: str, message: str, *, weak_reasons: Sequence[str] = ()
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.weak_reasons = tuple(weak_reasons)


class OAuthShapeError(AtomsError):
    """A refusal in the shape of OAuth; always status 400.

    Source: RFC 6749 section 5.2.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


def render_auth_error(error: AuthError, asked_version: str | None) -> web.Response:
    """Give shape B to clients of the API version of 2024, shape A to older ones."""
    body: dict[str, Any]
    headers = {}
    if is_current_version(asked_version):
        body = {"code": error.code, "message": error.message}
        headers[API_VERSION_HEADER] = API_VERSION
    else:
        body = {"code": error.status, "error_code": error.code, "msg": error.message}
    if error.weak_reasons:
        body["weak_password"] = {"reasons": error.weak_reasons}
    if not (error.weak_reasons and API_VERSION_HEADER in headers):
        headers["x-sb-error-code"] = error.code
    return json_response(body, status=error.status, headers=headers)


def render_oauth_error(error: OAuthShapeError) -> web.Response:
    """Give shape C, whatever version was asked for."""
    body = {"error": error.error, "error_description": error.description}
    return json_response(body, status=web.HTTPBadRequest.status_code)


def render_raised(error: asyncpg.PostgresError) -> web.Response:
    """Give what a trigger or constraint of the project's own said, as Auth passes it on.

    Deviation: not the detail of a constraint, which shows the whole row, password hash included.
    """
    is_said_on_purpose = error.sqlstate.startswith(RAISED_CLASSES)
    found = PT_STATUS.fullmatch(error.sqlstate)
    body = {
        "code": error.sqlstate,
        "message": str(error.args[0]) if error.args else "",
        "hint": error.hint,
        "detail": error.detail if is_said_on_purpose else None,
    }
    return json_response(body, status=int(found[1]) if found else 500)


def render_gateway_refusal(message: str, hint: str, code: str) -> web.Response:
    """Give the refusal of the gateway itself, in front of Auth and REST."""
    headers = {"sb-error-code": code}
    return json_response({"message": message, "hint": hint}, status=401, headers=headers)


def is_current_version(asked: str | None) -> bool:
    """Tell whether a client asked for the API version of 2024; garbage asks for the first one."""
    if asked is None or not DATE.fullmatch(asked):
        return False
    try:
        return date.fromisoformat(asked) >= date.fromisoformat(API_VERSION)
    except ValueError:
        return False


def is_outage(error: BaseException) -> bool:
    """Tell whether `error` means that the database cannot be reached just now."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(OUTAGE_CLASSES)
    # InternalClientError: the connection broke in the middle of an exchange.
    return isinstance(
        error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError
    )


def json_response(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        headers=headers,
        content_type="application/json",
    )
