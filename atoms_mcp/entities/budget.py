"""Answers that fit a model: long texts are cut, then rows left for the next page, never in silence.

A budget of 32,000 bytes of JSON is about 8,000 tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from atoms_mcp.entities.catalogue import EntityType

BUDGET_BYTES = 32_000
# What an answer says around its items, and the notes about what was cut.
FRAME_BYTES = 1_500
NOTE_BYTES = 160
# One part of a text that is read in parts.
PART_CHARS = 24_000
CUT_CHARS = (8_000, 4_000, 2_000, 1_000, 500, 200)
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Fitted:
    """The items that fit, what was cut in them, and how many were left out at the end."""

    items: list[dict[str, Any]]
    truncated: list[dict[str, Any]]
    left_out: int = 0


def size(value: object) -> int:
    """Give the size of a value as JSON, in bytes."""
    return len(orjson.dumps(value))


def fit(
    entity: EntityType, items: Sequence[dict[str, Any]], *, more_bytes: int = 0
) -> Fitted:
    """Make items fit the budget, of which `more_bytes` are taken already.

    Texts are cut first, to the longest of a few lengths with which everything fits; if none
    does, items at the end are left out, for a page of their own. The first item always stays.
    """
    room = BUDGET_BYTES - FRAME_BYTES - more_bytes
    if size(items) <= room:
        return Fitted(list(items), [])
    fitted = Fitted([], [])
    for limit in CUT_CHARS:
        fitted = _cut(entity, items, limit)
        if size(fitted.items) + size(fitted.truncated) <= room:
            return fitted
    return _drop(entity, fitted, room)


def _cut(entity: EntityType, items: Sequence[dict[str, Any]], limit: int) -> Fitted:
    kept, notes = [], []
    for item in items:
        shorter = dict(item)
        for name, text in _long_texts(entity, item, limit):
            shorter[name] = text[: limit - 1] + ELLIPSIS
            notes.append(_note(entity, item, name, len(text)))
        kept.append(shorter)
    return Fitted(kept, notes)


def _long_texts(
    entity: EntityType, item: dict[str, Any], limit: int
) -> Iterator[tuple[str, str]]:
    """Give the fields over the limit as text; JSON that is too long is shown as cut text, too."""
    for name, value in item.items():
        if name == entity.handle or name not in entity.fields:
            continue
        text = value if isinstance(value, str) else None
        if isinstance(value, dict | list):
            text = orjson.dumps(value).decode()
        if text is not None and len(text) > limit:
            yield name, text


def _note(entity: EntityType, item: dict[str, Any], name: str, chars: int) -> dict[str, Any]:
    handle = str(item.get(entity.handle, ""))
    return {
        "entity_id": handle,
        "field": name,
        "chars": chars,
        "get": f'operation read, entity_id "{handle}", fields ["{name}"]',
    }


def _drop(entity: EntityType, fitted: Fitted, room: int) -> Fitted:
    used, kept = 2, 0
    for item in fitted.items:
        handle = item.get(entity.handle, "")
        notes = [note for note in fitted.truncated if note["entity_id"] == handle]
        used += size(item) + 1 + size(notes)
        if used > room and kept:
            break
        kept += 1
    items = fitted.items[:kept]
    handles = {item.get(entity.handle) for item in items}
    notes = [note for note in fitted.truncated if note["entity_id"] in handles]
    return Fitted(items, notes, len(fitted.items) - kept)


def part(text: str, offset: int) -> tuple[str, int | None]:
    """Give one part of a text from `offset` on, and the offset of the next part or None.

    A part ends at the end of a line where there is one in its last quarter.
    """
    if len(text) - offset <= PART_CHARS:
        return text[offset:], None
    end = offset + PART_CHARS
    line = text.rfind("\n", end - PART_CHARS // 4, end)
    end = line + 1 if line >= 0 else end
    return text[offset:end], end
