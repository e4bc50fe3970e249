"""Values of fields and filters as somebody sent them: checked, and brought into stored form.

References to other entities and users stay as they were named; `tools` resolves them.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from atoms_mcp.entities.catalogue import Field, Filter
from atoms_mcp.entities.faults import Fault, not_allowed, shown

MAX_ELEMENTS = 50
INT64_LIMIT = 2**63
NUL = "\x00"


def value_faults(field: Field, path: str, value: object) -> Iterator[Fault]:
    """Give what is wrong with a value for `field`; `path` names it for the reader."""
    if value is None:
        if not field.is_nullable:
            yield Fault(f"{path} cannot be null", path, field.values)
    elif field.kind == "choice":
        if value not in field.values:
            yield not_allowed(path, value, field.values)
    elif field.kind == "integer":
        yield from _integer_faults(field, path, value)
    elif field.kind == "texts":
        yield from _texts_faults(field, path, value)
    elif field.kind == "object":
        yield from _object_faults(field, path, value)
    else:
        yield from _text_faults(field, path, value)


def _integer_faults(field: Field, path: str, value: object) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= INT64_LIMIT:
        yield Fault(f"{path} must be a whole number, not {shown(value)}", path)
    elif field.most is not None and not field.least <= value <= field.most:
        yield Fault(f"{path} must be from {field.least} to {field.most}, not {value}", path)


def _text_faults(field: Field, path: str, value: object) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault(f"{path} must be text, not {shown(value)}", path)
        return
    if NUL in value:
        yield Fault(f"{path} contains a NUL character, which cannot be stored", path)
    if len(value.strip()) < field.least:
        yield Fault(f"{path} must have at least {field.least} visible characters", path)
    if field.most is not None and len(value) > field.most:
        message = f"{path} has {len(value)} characters; at most {field.most} fit"
        yield Fault(message, path, fix=f"shorten {path}")


def _texts_faults(field: Field, path: str, value: object) -> Iterator[Fault]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        yield Fault(f"{path} must be a list of texts, not {shown(value)}", path)
    elif len(value) > MAX_ELEMENTS:
        yield Fault(f"{path} has {len(value)} entries; at most {MAX_ELEMENTS} fit", path)
    else:
        for at, one in enumerate(value):
            if field.values and one not in field.values:
                yield not_allowed(f"{path}[{at}]", one, field.values)
            yield from _text_faults(field, f"{path}[{at}]", one)


def _object_faults(field: Field, path: str, value: object) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(f"{path} must be a JSON object, not {shown(value)}", path)
        return
    try:
        encoded = orjson.dumps(value)
    except orjson.JSONEncodeError:
        yield Fault(f"{path} holds something that JSON cannot say", path)
        return
    if field.most is not None and len(encoded) > field.most:
        message = f"{path} is {len(encoded)} bytes of JSON; at most {field.most} fit"
        yield Fault(message, path)
    elif b"\\u0000" in encoded:
        yield Fault(f"{path} contains a NUL character, which cannot be stored", path)


def stored(field: Field, value: Any) -> Any:  # noqa: ANN401 - any JSON value, and the same kind back
    """Give a checked value as it is stored: one-line texts without outer blanks."""
    if field.kind == "text" and isinstance(value, str):
        return value.strip()
    return value


def filter_faults(item: Filter, path: str, value: object) -> Iterator[Fault]:
    """Give what is wrong with the value of a filter."""
    if item.match == "deleted":
        if not isinstance(value, bool):
            yield Fault(f"{path} must be true (deleted ones alone) or false", path)
    elif item.match in {"after", "before"}:
        if moment(value) is None:
            message = f"{path} must be a date or time like 2026-11-23T14:05:00Z, not {shown(value)}"
            yield Fault(message, path)
    else:
        yield from _choice_faults(item, path, value)


def _choice_faults(item: Filter, path: str, value: object) -> Iterator[Fault]:
    values = as_list(value)
    most = 1 if item.match == "same" else MAX_ELEMENTS
    if not 1 <= len(values) <= most:
        yield Fault(f"{path} takes {'one value' if most == 1 else f'1 to {most} values'}", path)
    for one in values:
        if not isinstance(one, str) or not one.strip() or NUL in one:
            yield Fault(f"{path} must be text or a list of texts, not {shown(one)}", path)
        elif item.values and one not in item.values:
            yield not_allowed(path, one, item.values)


def as_list(value: object) -> Sequence[Any]:
    """Give one value or several as several."""
    return value if isinstance(value, list) else [value]


def moment(value: object) -> str | None:
    """Give a date or time in ISO 8601 with its offset (UTC where none is said); None if it is none.

    A date alone is its first moment.
    """
    if not isinstance(value, str):
        return None
    try:
        parsed = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=dt.UTC)
    return parsed.isoformat()


def as_uuid(text: str) -> str | None:
    """Give the canonical form of a UUID in its usual spelling, or None."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        return None
    return text.lower()
