"""Cursors: a signed position in an order, good for one user and one question.

A cursor is ``c1.<position>.<signature>``. The position is the sort values of the last row seen;
what it is bound to (user, operation, type, scope, filters, sort) goes into the signature alone,
so that a cursor cannot be carried over to another user's or another question's pages.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import orjson

from atoms_mcp.errors import ToolError

VERSION = "c1"
SIGNATURE_BYTES = 16
MAX_CURSOR_CHARS = 2048


class Cursors:
    """Signs and opens cursors under one key (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, position: Sequence[Any], bound_to: Sequence[Any]) -> str:
        """Give the cursor of a position; both arguments are JSON values."""
        body = orjson.dumps(list(position))
        return f"{VERSION}.{_encode(body)}.{_encode(self._sign(body, bound_to))}"

    def open(self, cursor: str, bound_to: Sequence[Any]) -> list[Any]:
        """Give the position of a cursor.

        Raises:
            ToolError: ``invalid_cursor``; it was not made by us for this user and question.
        """
        version, _, rest = cursor.partition(".")
        encoded, _, signature = rest.partition(".")
        body, signed = _decode(encoded), _decode(signature)
        if (
            len(cursor) > MAX_CURSOR_CHARS
            or version != VERSION
            or not hmac.compare_digest(signed, self._sign(body, bound_to))
        ):
            raise invalid_cursor()
        position: list[Any] = orjson.loads(body)
        return position

    def _sign(self, body: bytes, bound_to: Sequence[Any]) -> bytes:
        bound = orjson.dumps(list(bound_to), option=orjson.OPT_SORT_KEYS)
        # The length keeps the border between the two parts where it is.
        signed = len(bound).to_bytes(4, "big") + bound + body
        return hmac.digest(self._key, signed, hashlib.sha256)[:SIGNATURE_BYTES]


def invalid_cursor() -> ToolError:
    """Make the error for a cursor that does not belong to the call it came with."""
    return ToolError(
        "invalid_cursor",
        "the cursor does not belong to this call: a cursor goes with the same user, operation, "
        "type, parent, filters, query and sort that it came from.",
        fix="repeat the call without cursor to begin at the first page.",
        details={"field": "cursor"},
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
