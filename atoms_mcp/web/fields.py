"""Reading what a client sends: bounded in size and time, and field by field.

Source: RFC 9110 sections 8.3, 15.5.14 and 15.5.16.
"""

import asyncio
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import HttpVersion11, hdrs, web

from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.protocol.ambiguity import find_ambiguity
from atoms_mcp.web.keys import EXCHANGE
from atoms_mcp.web.problem import JSON, Problem

FORM = "application/x-www-form-urlencoded"
READ_S = 10
MAX_FIELDS = 32


async def read_body(request: web.Request) -> bytes:
    """Give the whole body, within the limit of its route and ten seconds.

    Raises:
        Problem: 413, 408, and 400 where the client has left.
    """
    limit_bytes = request[EXCHANGE].route.body_limit_bytes
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    if hdrs.EXPECT in request.headers:
        await _say_go_on(request)
    chunks = []
    size_bytes = 0
    try:
        async with asyncio.timeout(READ_S):
            async for chunk in request.content.iter_any():
                size_bytes += len(chunk)
                if size_bytes > limit_bytes:
                    raise _too_large(limit_bytes)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(
            408,
            "body_timeout",
            f"The body did not arrive within {READ_S} seconds.",
            "Send it in one go.",
            headers={"Connection": "close"},
        ) from None
    except ConnectionResetError:
        raise Problem(400, "malformed", "The body broke off.", "Send it again, whole.") from None
    except web.RequestPayloadError:
        raise Problem(
            400,
            "malformed_request",
            "The body is not in well-formed chunks.",
            "Send it with a Content-Length.",
            headers={"Connection": "close"},
        ) from None
    return b"".join(chunks)


async def _say_go_on(request: web.Request) -> None:
    """Ask for the body, of a client that waits for that: nothing speaks against it so far.

    Source: RFC 9110 section 10.1.1.
    """
    if request.version == HttpVersion11 and not request.content.total_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # This was no part of the answer, which may still be any.
        request.writer.output_size = 0


async def read_fields(request: web.Request, known: Collection[str]) -> dict[str, Any]:
    """Give the fields of a JSON object or of a form; names that are not `known` are refused.

    Raises:
        Problem: 413, 408, 415.
        Malformed: it cannot be read, or has a field too many.
    """
    readers = {JSON: _read_json, FORM: _read_form}
    read = readers.get(request.content_type)
    if read is None:
        raise Problem(
            415,
            "unsupported_media_type",
            f"The body has to be {JSON} or {FORM}.",
            f"Send the header Content-Type: {JSON}.",
        )
    fields = read(await read_body(request))
    for name in fields:
        if name not in known:
            shown = name if name.isascii() and name.isprintable() and len(name) < 64 else "?"  # noqa: PLR2004 - for the eye
            raise Malformed(name, f'Unknown field "{shown}"; known are {", ".join(known)}')
    return fields


def parse_json(raw: bytes) -> object:
    """Give what a body says, in JSON that everybody reads alike.

    Raises:
        Malformed: it is not JSON, nested beyond measure, or ambiguous.
    """
    try:
        parsed = orjson.loads(raw)
        ambiguity = find_ambiguity(raw, parsed)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter: nested too deeply
        raise Malformed("", "The body is not JSON") from None
    if ambiguity is not None:
        raise Malformed("", f"In the body, {ambiguity}")
    return parsed


def _read_json(raw: bytes) -> dict[str, Any]:
    fields = parse_json(raw)
    if not isinstance(fields, dict):
        raise Malformed("", "The body is not a JSON object")
    return fields


def _read_form(raw: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Malformed("", "The body is not a form in UTF-8") from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise Malformed(name, "A field of the form comes twice")
        fields[name] = value
    return fields


def _too_large(limit_bytes: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"The body is larger than {limit_bytes} bytes.",
        "Send less at once.",
        # The rest of it is not read, so nothing else can follow on this connection.
        headers={"Connection": "close"},
    )
