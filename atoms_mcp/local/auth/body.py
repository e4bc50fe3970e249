"""Request bodies of Auth: JSON objects, checked member by member.

Source: Supabase Auth API.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import hdrs, web

from atoms_mcp.local.auth.errors import AuthError

BODY_BYTES = 1024 * 1024
EMAIL_CHARS = 255
# Deeper data could be stored, but not be rendered into tokens and answers any more.
DATA_LEVELS = 64
CAPTCHA_TOKEN = "10000000-aaaa-bbbb-cccc-000000000001"  # noqa: S105 - public: means "solved"
# HTML's definition, which Auth uses, too.
EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+"
    r"@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)


async def read_raw(request: web.Request) -> bytes:
    """Read the body.

    Raises:
        AuthError: request_entity_too_large (413).
    """
    if (request.content_length or 0) > BODY_BYTES:
        raise _too_large()
    raw = bytearray()
    async for part in request.content.iter_any():
        raw += part
        if len(raw) > BODY_BYTES:
            raise _too_large()
    return bytes(raw)


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read the body as one JSON object.

    Raises:
        AuthError: request_entity_too_large (413) or bad_json (400).
    """
    raw = await read_raw(request)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: not an object")
    return body


async def read_form(request: web.Request) -> dict[str, Any]:
    """Read the body as JSON where it says so, else as a form, of which the first values count.

    Raises:
        AuthError: request_entity_too_large (413) or bad_json (400).
    """
    if "application/json" in request.headers.get(hdrs.CONTENT_TYPE, ""):
        return await read_object(request)
    pairs = parse_qsl((await read_raw(request)).decode(errors="replace"), keep_blank_values=True)
    return dict(reversed(pairs))


def get_text(body: Mapping[str, Any], name: str) -> str:
    """Give a text member, "" where it is absent or null.

    Raises:
        AuthError: bad_json (400), it is no text.
    """
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {name} is no text")
    return value


def get_flag(body: Mapping[str, Any], name: str) -> bool:
    """Give a yes or no, yes where it is absent or null.

    Raises:
        AuthError: bad_json (400), it is neither.
    """
    value = body.get(name)
    if value is None:
        return True
    if not isinstance(value, bool):
        raise AuthError(
            400, "bad_json", f"Could not parse request body as JSON: {name} is no boolean"
        )
    return value


def get_data(body: Mapping[str, Any]) -> dict[str, Any]:
    """Give the member `data`, what a user may say about themselves; {} where it is absent.

    Raises:
        AuthError: bad_json (400), it is no object, or nested too deeply.
    """
    value = body.get("data")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: data is no object")
    if _levels(value) > DATA_LEVELS:
        raise AuthError(400, "bad_json", f"data is nested deeper than {DATA_LEVELS} levels")
    return value


def check_who(email: str, phone: str) -> None:
    """Let pass a request that names an address, and no phone.

    Raises:
        AuthError: validation_failed (400) or phone_provider_disabled (422).
    """
    if email and phone:
        raise AuthError(
            400,
            "validation_failed",
            "Only an email address or phone number should be provided on login.",
        )
    if phone:
        raise AuthError(422, "phone_provider_disabled", "Phone logins are disabled")
    if not email:
        raise AuthError(400, "validation_failed", "missing email or phone")


def check_captcha(body: Mapping[str, Any]) -> None:
    """Let pass whoever solved the captcha: here, whoever sends hCaptcha's published test token.

    Raises:
        AuthError: captcha_failed (400).

    Source: hCaptcha documentation, "Integration Testing: Test Keys".
    """
    security = body.get("gotrue_meta_security")
    token = security.get("captcha_token") if isinstance(security, dict) else None
    if not token:
        raise AuthError(
            400,
            "captcha_failed",
            "captcha protection: request disallowed (no captcha_token found)",
        )
    if token != CAPTCHA_TOKEN:
        raise AuthError(
            400,
            "captcha_failed",
            "captcha protection: request disallowed (invalid-input-response)",
        )


def _levels(value: object) -> int:
    """Count the objects and lists around the innermost one, itself included."""
    levels, inside = 0, [value]
    while inside := [item for item in inside if isinstance(item, dict | list)]:
        levels += 1
        inside = [
            child
            for item in inside
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return levels


def check_email(email: str) -> str:
    """Give the address in the form in which it is kept, lower case.

    Raises:
        AuthError: validation_failed (400).
    """
    if len(email) > EMAIL_CHARS:
        raise AuthError(400, "validation_failed", "An email address is too long")
    if not EMAIL.fullmatch(email):
        raise AuthError(
            400, "validation_failed", "Unable to validate email address: invalid format"
        )
    return email.lower()


def _too_large() -> AuthError:
    return AuthError(
        413, "request_entity_too_large", f"Request body is larger than {BODY_BYTES} bytes"
    )
