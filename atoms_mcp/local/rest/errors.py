"""What PostgREST says when it refuses: codes, statuses, and the one body they come in.

Every refusal of the REST half is a `RestError`; only `rest.api` turns it into a response.

Source: PostgREST reference, "Errors".
"""

import re
from collections.abc import Mapping

import asyncpg
import orjson
from aiohttp import web

from atoms_mcp.errors import AtomsError

JSON_TYPE = "application/json; charset=utf-8"

# SQLSTATE -> HTTP; the longest prefix wins. 42501 and 22023 depend on more than the code.
STATUS_BY_SQLSTATE: Mapping[str, int] = {
    "08": 503,
    "09": 500,
    "0L": 403,
    "0P": 403,
    "23503": 409,
    "23505": 409,
    "25": 500,
    "25006": 405,
    "28": 403,
    "2D": 500,
    "38": 500,
    "39": 500,
    "3B": 500,
    "40": 500,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
    "53": 503,
    "53400": 500,
    "54": 500,
    "55": 500,
    "57": 500,
    "57P01": 503,
    "57P02": 503,
    "57P03": 503,
    "58": 500,
    "F0": 500,
    "HV": 500,
    "P0": 500,
    "P0001": 400,
    "XX": 500,
}
SQLSTATE_LENGTH = 5
HTTP_STATUSES = range(200, 600)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


class RestError(AtomsError):
    """One request is refused; `details` and `hint` may be anything JSON can say."""

    def __init__(
        self, status: int, code: str, message: str, *, details: object = None, hint: object = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint
        self.headers: Mapping[str, str] = {}


def error_response(
    status: int,
    code: str,
    message: str,
    details: object = None,
    hint: object = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Render a refusal; a 401 also says how to come back, or that the token is bad."""
    told = {"Proxy-Status": f"PostgREST; error={code}"}
    if status == web.HTTPUnauthorized.status_code:
        told["WWW-Authenticate"] = _challenge(code, message)
    body = {"code": code, "details": details, "hint": hint, "message": message}
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        headers={"Content-Type": JSON_TYPE, **told, **(headers or {})},
    )


def _challenge(code: str, message: str) -> str:
    if code not in {"PGRST301", "PGRST303"}:
        return "Bearer"
    text = re.sub(r'[^\x20-\x7e]|["\\]', "", message)
    return f'Bearer error="invalid_token", error_description="{text}"'


def from_postgres(exc: asyncpg.PostgresError, *, is_anon: bool) -> RestError:
    """Give the refusal that PostgreSQL's own error becomes.

    `is_anon` says whether the request ran as the anon role: what that may not do is
    answered 401, because signing in could help; for everybody else it is 403.
    """
    state = getattr(exc, "sqlstate", None) or "XX000"
    message = str(exc.args[0]) if exc.args else ""
    if state == "PGRST":
        return _raised_whole(message, exc.detail)
    return RestError(
        _status(state, message, is_anon=is_anon),
        state,
        message,
        details=exc.detail,
        hint=exc.hint,
    )


def _status(state: str, message: str, *, is_anon: bool) -> int:
    if state.startswith("PT"):
        status = int(state[2:]) if state[2:].isdecimal() else 0
        return status if status in HTTP_STATUSES else 500
    if state == "42501":
        return 401 if is_anon else 403
    if state == "22023":
        is_unknown_role = message.startswith("role ") and message.endswith("does not exist")
        return 401 if is_unknown_role else 400
    for length in (SQLSTATE_LENGTH, 2):
        if state[:length] in STATUS_BY_SQLSTATE:
            return STATUS_BY_SQLSTATE[state[:length]]
    return 400


def _raised_whole(message: str, detail: str | None) -> RestError:
    """Read `raise sqlstate 'PGRST'`: MESSAGE is the body, DETAIL status and headers, both JSON."""
    try:
        said = orjson.loads(message)
        shape = orjson.loads(detail or "")
        status = int(shape["status"])
        headers = {str(name): str(value) for name, value in shape["headers"].items()}
        error = RestError(
            status if status in HTTP_STATUSES else 500,
            str(said["code"]),
            str(said["message"]),
            details=said.get("details"),
            hint=said.get("hint"),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return RestError(
            500,
            "PGRST121",
            "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
            details=f"MESSAGE was '{message}', DETAIL was '{detail}'",
            hint="MESSAGE must be a JSON object with 'code' and 'message' and may have 'details' "
            "and 'hint'; DETAIL must be a JSON object with 'status' and 'headers'.",
        )
    error.headers = {
        name: value
        for name, value in headers.items()
        if HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value)
    }
    return error
