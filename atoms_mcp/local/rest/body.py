"""What a request body says: rows to write, or the arguments of a function.

The JSON text itself goes on to PostgreSQL; it is parsed here only to learn its keys.

Source: PostgREST reference, "Insert", "Bulk Insert".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from atoms_mcp.local.rest.errors import RestError

JSON_TYPES = frozenset({"application/json", "application/vnd.pgrst.object+json", ""})


@dataclass(frozen=True, slots=True)
class Payload:
    """Rows as the text of a JSON array of objects, and the columns to take from them.

    `is_wrapped`: the body was one object and got its brackets here.
    """

    text: str = field(repr=False)
    columns: tuple[str, ...]
    is_wrapped: bool = False


def parse_rows(body: bytes, content_type: str, columns: Sequence[str] | None) -> Payload:
    """Read one row (object) or many (array); `columns` overrules the keys.

    Raises:
        RestError: 400 PGRST102, no JSON or rows with different keys.
    """
    parsed = _parse(body, content_type)
    text = body.decode()
    is_wrapped = isinstance(parsed, dict)
    if is_wrapped:
        parsed, text = [parsed], f"[{text}]"
    if not isinstance(parsed, list):
        return Payload("[]", ())
    if columns is None:
        columns = _same_keys(parsed)
    elif not all(isinstance(row, dict) for row in parsed):
        raise _unlike()
    return Payload(text, tuple(columns), is_wrapped)


def parse_arguments(body: bytes, content_type: str, columns: Sequence[str] | None) -> Payload:
    """Read the named arguments of a function; no body is no arguments.

    Raises:
        RestError: 400 PGRST102.
    """
    return parse_rows(body or b"{}", content_type, columns)


def _parse(body: bytes, content_type: str) -> object:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise RestError(
            400,
            "PGRST102",
            f"Content-Type not acceptable: {kind}",
            hint="Send JSON with Content-Type: application/json.",
        )
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RestError(400, "PGRST102", "Empty or invalid json") from None
    return parsed


def _same_keys(rows: Sequence[object]) -> tuple[str, ...]:
    keys: tuple[str, ...] | None = None
    for row in rows:
        if not isinstance(row, dict) or (keys is not None and row.keys() != set(keys)):
            raise _unlike()
        keys = keys or tuple(row)
    return keys or ()


def _unlike() -> RestError:
    return RestError(
        400,
        "PGRST102",
        "All object keys must match",
        hint="Give each object the same keys, or list the columns in ?columns=.",
    )
