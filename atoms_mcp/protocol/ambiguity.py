"""What two readers of one JSON text could understand differently, though both can read it.

Of a doubled key some take the first value and some the last one, so a gateway may have checked
what a server does not do. A whole number beyond 64 bits is rounded by some, and by others not.

Source: RFC 8259 sections 4 and 6; RFC 7493 sections 2.2 and 2.3.
"""

import json
from typing import Any, Final

import orjson

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
MAX_DIGITS: Final = 20

DOUBLED: Final = "an object has a key twice"
TOO_LARGE: Final = "a whole number is too large"

# Leads every digit to 0, so that a long number is a plain text to look for.
_ALIKE: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG: Final = b"0" * len(str(MAX_INTEGER // 2))


def find_ambiguity(raw: bytes, parsed: object) -> str | None:
    """Give what is ambiguous in a text, or None; `parsed` is what orjson made of it.

    It must not be nested deeper than orjson writes.

    Nearly every text is cleared by a glance, in less time than it took to parse it.
    """
    again = orjson.dumps(parsed)
    if again == raw:  # nothing was lost or rounded: most clients write as orjson does
        return None
    # A key that was lost took its colon along. All others are in both texts, but for escaped ones.
    if (
        raw.count(b":") == again.count(b":")
        and b"\\u" not in raw
        and _LONG not in raw.translate(_ALIKE)
    ):
        return None
    try:
        json.loads(raw, object_pairs_hook=_check_keys, parse_int=_check_integer)
    except _Found as found:
        return str(found)
    return None


class _Found(Exception):  # noqa: N818 - it ends the search, and is no error
    pass


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _Found(DOUBLED)


def _check_integer(digits: str) -> None:
    # Python itself refuses to read very long ones.
    if len(digits) > MAX_DIGITS or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        raise _Found(TOO_LARGE)
