"""Entities as Markdown: a document with keys inline, in parts when it is long, and other pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from atoms_mcp.entities.budget import PART_BYTES, head_of
from atoms_mcp.entities.text import clean, one_line

Row = Mapping[str, Any]
BLANK = "\n\n"
# What stands at the head of a page, in this order.
FACTS = (
    "organization",
    "status",
    "priority",
    "level",
    "kind",
    "format",
    "verification",
    "visibility",
    "role",
    "document",
    "parent",
    "documents",
    "requirements",
    "tags",
    "external_id",
    "source",
    "version",
    "updated_at",
)
GOES_ON = "*(It goes on: entity_tool read gives {key} in parts, to its end.)*"


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


def render_facts(item: Mapping[str, Any]) -> str:
    """Give what is known of an entity as a list, one fact a line."""
    lines = []
    for name in FACTS:
        value = item.get(name)
        if value not in (None, "", []):
            said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"- {name.replace('_', ' ').capitalize()}: {one_line(said, 300)}")
    return "\n".join(lines)


def render_notice(item: Mapping[str, Any]) -> str:
    """Say that an entity is deleted, if it is."""
    if "deleted_at" not in item:
        return ""
    return f"*Deleted since {item['deleted_at']}; entity_tool restore brings it back.*"


def render_requirement(item: Mapping[str, Any]) -> str:
    """Give a requirement, as `view.render` gives it, as a page of its own."""
    parts = [
        render_head(item["title"], item["key"], None),
        render_notice(item),
        render_facts(item),
        item.get("description", "").strip(),
    ]
    if item.get("rationale"):
        parts.append(f"## Rationale{BLANK}{item['rationale'].strip()}")
    if item.get("fields"):
        parts.append(f"## Fields{BLANK}{_content(item['fields'])}")
    return BLANK.join(filter(None, parts))


def render_project(item: Mapping[str, Any], documents: Sequence[Row], more: str) -> str:
    """Give a project, as `view.render` gives it, with its documents (rows); `more` ends their list.

    Documents come as ``key``, ``name`` and ``status``.
    """
    parts = [
        render_head(item["title"], item["key"], None),
        render_notice(item),
        render_facts(item),
        item.get("description", "").strip(),
    ]
    if documents:
        lines = [
            f"- **{row['key']}** {one_line(row['name'], 300)} ({row['status']})"
            for row in documents
        ]
        parts.append(f"## Documents{BLANK}" + "\n".join([*lines, *filter(None, [more])]))
    return BLANK.join(filter(None, parts))


def join_whole(pieces: Sequence[str], key: str, limit_bytes: int) -> str:
    """Join the pieces of a document; one beyond the limit ends with how to go on."""
    text = BLANK.join(filter(None, pieces))
    shown = head_of(text, limit_bytes)
    if len(shown) == len(text):
        return text
    return shown + BLANK + GOES_ON.format(key=key)
