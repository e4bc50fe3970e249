"""A document as one Markdown text with keys inline, in parts when it is long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from atoms_mcp.entities.budget import PART_BYTES, head_of
from atoms_mcp.entities.text import clean, one_line

Row = Mapping[str, Any]
BLANK = "\n\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document: its text, how many of the pieces given are in it, and what is next.

    `next_at` is (index of the piece that comes next, characters of it already shown), or None
    when every piece given is in.
    """

    text: str
    pieces: int
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


def join_part(pieces: Sequence[str], skip_chars: int = 0) -> Part:
    """Join as many pieces as a part holds; `skip_chars` of the first one were shown before.

    A piece that is longer than a part is shown in several.
    """
    taken: list[str] = []
    room = PART_BYTES
    for at, piece in enumerate(pieces):
        skipped = skip_chars if at == 0 else 0
        text = piece[skipped:]
        needed = len(text.encode())
        if needed <= room:
            taken.append(text)
            room -= needed + len(BLANK)
            continue
        if needed <= PART_BYTES and taken:
            return Part(BLANK.join(taken), at, (at, skipped))
        shown = head_of(text, max(room, PART_BYTES // 4))
        return Part(BLANK.join([*taken, shown]), at + 1, (at, skipped + len(shown)))
    return Part(BLANK.join(taken), len(pieces), None)
