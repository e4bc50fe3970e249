"""A document as one Markdown text, requirements with their keys inline, in parts when it is long."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from atoms_mcp.entities.budget import PART_CHARS
from atoms_mcp.entities.text import clean, one_line

Row = Mapping[str, Any]
BLANK = "\n\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document: its text, how many rows are in it, and where the next one begins.

    `next_at` is (index of the row among those given, characters of its text already shown), or
    None when every row given is in.
    """

    text: str
    rows: int
    next_at: tuple[int, int] | None


def render_head(title: str, key: str, description: str | None) -> str:
    """Give the beginning of a document."""
    head = f"# {one_line(title, 300)} ({clean(key)})"
    return head + (BLANK + clean(description).strip() if description else "")


def render_row(row: Row) -> str:
    """Give one block or requirement of a document's outline."""
    if row["source"] == "requirement":
        return _requirement(row)
    body = clean(row.get("body") or "").strip()
    if row["kind"] == "heading":
        # The document's own title is the only heading of the first level.
        return f"{'#' * min(6, (row.get('heading_level') or 1) + 1)} {one_line(body, 500)}"
    if row["kind"] == "code":
        fence = _fence(body)
        return f"{fence}\n{body}\n{fence}"
    return BLANK.join(filter(None, (body, _content(row.get("content")))))


def _requirement(row: Row) -> str:
    state = ", ".join(filter(None, (row.get("status"), row.get("priority"))))
    parts = [f"**{clean(row['key'])}** {one_line(row['title'], 300)} ({state})"]
    if row.get("body"):
        parts.append(clean(row["body"]).strip())
    if row.get("rationale"):
        parts.append(f"*Rationale:* {clean(row['rationale']).strip()}")
    return BLANK.join(parts)


def _fence(body: str) -> str:
    longest, run = 2, 0
    for sign in body:
        run = run + 1 if sign == "`" else 0
        longest = max(longest, run)
    return "`" * (longest + 1)


def _content(content: object) -> str:
    if not content:
        return ""
    text = clean(orjson.dumps(content).decode())
    fence = _fence(text)
    return f"{fence}json\n{text}\n{fence}"


def render_part(head: str, rows: Sequence[Row], skip_chars: int = 0) -> Part:
    """Give as many rows as a part holds; `skip_chars` of the first one were shown before."""
    pieces = [head] if head else []
    used = len(head)
    for at, text in _texts(rows, skip_chars):
        room = PART_CHARS - used
        if len(text) > room:
            return _ended(pieces, rows, at, text, skip_chars if at == 0 else 0)
        pieces.append(text)
        used += len(text) + len(BLANK)
    return Part(BLANK.join(pieces), len(rows), None)


def _texts(rows: Sequence[Row], skip_chars: int) -> Iterator[tuple[int, str]]:
    for at, row in enumerate(rows):
        yield at, render_row(row)[skip_chars if at == 0 else 0 :]


def _ended(pieces: list[str], rows: Sequence[Row], at: int, text: str, shown: int) -> Part:
    """End a part before row `at`, or inside it where it alone is longer than a part."""
    if len(text) <= PART_CHARS and pieces:
        return Part(BLANK.join(pieces), at, (at, shown))
    used = sum(len(piece) + len(BLANK) for piece in pieces)
    cut = max(PART_CHARS - used, PART_CHARS // 4)
    pieces.append(text[:cut])
    return Part(BLANK.join(pieces), min(at + 1, len(rows)), (at, shown + cut))
