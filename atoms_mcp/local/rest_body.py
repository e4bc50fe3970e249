"""What a request body says: rows to write, or the arguments of a function.

The JSON text itself goes on to PostgreSQL; it is parsed here only to learn its keys.

Source: supabase-contract.md section 14; PostgREST reference, "Insert", "Bulk Insert".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from atoms_mcp.local.rest_errors import RestError

JSON_TYPES = frozenset({"application/json", "application/vnd.pgrst.object+json", ""})


@dataclass(frozen=True, slots=True)
class Payload:
    """Rows as the text of a JSON array of objects, and the columns to take from them."""

    text: str = field(repr=False)
    columns: tuple[str, ...]


def parse_rows(body: bytes, content_type: str, columns: Sequence[str] | None) -> Payload:
    """Read one row (object) or many (array); `columns` overrules the keys.

    Raises:
        RestError: 400 PGRST102, no JSON or rows with different keys.
    """
    parsed = _parse(body, content_type)
    text = body.decode()
    if isinstance(parsed, dict):
        parsed, text = [parsed], f"[{text}]"
    if not isinstance(parsed, list):
        return Payload("[]", ())
    if columns is None:
        columns = _same_keys(parsed)
    elif not all(isinstance(row, dict) for row in parsed):
        raise _unlike()
    return Payload(text, tuple(columns))


def parse_arguments(body: bytes, content_type: str, columns: Sequence[str] | None) -> Payload:
    """Read the named arguments of a function; no body is no arguments.

    Raises:
        RestError: 400 PGRST102.
    """
    return parse_rows(body or b"{}", content_type, columns)


def _parse(body: bytes, content_type: str) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise RestError(
            400,
            "PGRST102",
            f"Content-Type not acceptable: {kind}",
            hint="Send JSON with Content-Type: application/json.",
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RestError(400, "PGRST102", "Empty or invalid json") from None


def _same_keys(rows: Sequence[Any]) -> tuple[str, ...]:
    keys: tuple[str, ...] = ()
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise _unlike()
        if number == 0:
            keys = tuple(row)
        elif row.keys() != rows[0].keys():
            raise _unlike()
    return keys


def _unlike() -> RestError:
    return RestError(
        400,
        "PGRST102",
        "All object keys must match",
        hint="Give each object the same keys, or list the columns in ?columns=.",
    )
