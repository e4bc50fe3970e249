"""Answers that fit a model: long texts are cut, then rows left for the next page, never in silence.

A budget of 32,000 bytes of JSON is about 8,000 tokens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

BUDGET_BYTES = 32_000
# What an answer says around its items, and the notes about what was cut.
FRAME_BYTES = 1_500
# One part of a text that is read in parts, in UTF-8.
PART_BYTES = 24_000
CUT_CHARS = (24_000, 8_000, 4_000, 2_000, 1_000, 500, 200)
ELLIPSIS = "…"

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The items that fit, what was cut in them, and how many were left out at the end."""

    items: list[Item]
    truncated: list[dict[str, Any]]
    left_out: int = 0


def size(value: object) -> int:
    """Give the size of a value as JSON, in bytes."""
    return len(orjson.dumps(value))


def fit(
    items: Sequence[Item], handle: str, how: Callable[[str, str], str], *, more_bytes: int = 0
) -> Fitted:
    """Make items fit the budget, of which `more_bytes` are taken already.

    Texts are cut first, to the longest of a few lengths with which everything fits; if none
    does, items at the end are left out, for a page of their own. The first item always stays.
    `handle` is the member that names an item; `how` tells, from that name and the name of a cut
    member, how to get the whole of it.
    """
    room = BUDGET_BYTES - FRAME_BYTES - more_bytes
    if size(items) <= room:
        return Fitted(list(items), [])
    fitted = Fitted([], [])
    for limit in CUT_CHARS:
        fitted = _cut(items, handle, how, limit)
        if size(fitted.items) + size(fitted.truncated) <= room:
            return fitted
    return _drop(fitted, handle, room)


def _cut(items: Sequence[Item], handle: str, how: Callable[[str, str], str], limit: int) -> Fitted:
    kept, notes = [], []
    for item in items:
        name = str(item.get(handle, ""))
        shorter = dict(item)
        for member, text in _long_texts(item, handle, limit):
            shorter[member] = text[: limit - 1] + ELLIPSIS
            notes.append(
                {"of": name, "field": member, "chars": len(text), "get": how(name, member)}
            )
        kept.append(shorter)
    return Fitted(kept, notes)


def _long_texts(item: Item, handle: str, limit: int) -> Iterator[tuple[str, str]]:
    """Give the members over the limit as text; JSON that is too long is shown as cut text, too."""
    for name, value in item.items():
        if name == handle:
            continue
        text = value if isinstance(value, str) else None
        if isinstance(value, dict | list):
            text = orjson.dumps(value).decode()
        if text is not None and len(text) > limit:
            yield name, text


def _drop(fitted: Fitted, handle: str, room: int) -> Fitted:
    used, kept = 2, 0
    for item in fitted.items:
        name = str(item.get(handle, ""))
        used += size(item) + 1 + size([note for note in fitted.truncated if note["of"] == name])
        if used > room and kept:
            break
        kept += 1
    items = fitted.items[:kept]
    names = {str(item.get(handle, "")) for item in items}
    notes = [note for note in fitted.truncated if note["of"] in names]
    return Fitted(items, notes, len(fitted.items) - kept)


def part(text: str, offset: int) -> tuple[str, int | None]:
    """Give one part of a text from `offset` on, and the offset of the next part or None.

    A part ends at the end of a line where there is one in its last quarter.
    """
    fitting = head_of(text[offset:], PART_BYTES)
    end = offset + len(fitting)
    if end >= len(text):
        return fitting, None
    line = text.rfind("\n", end - len(fitting) // 4, end)
    end = line + 1 if line >= 0 else end
    return text[offset:end], end


def head_of(text: str, limit_bytes: int) -> str:
    """Give the beginning of a text that fits so many bytes of UTF-8."""
    if len(text) * 4 <= limit_bytes:
        return text
    return text.encode("utf-8", "replace")[:limit_bytes].decode("utf-8", "ignore")
