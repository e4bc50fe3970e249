"""Older spellings of entity_tool's arguments, accepted but not listed, in today's words.

They are what clients of the first Atoms server send. Names alone are looked at here; whether the
values are right is judged later, for old and new spellings alike.
"""

from typing import Any

from atoms_mcp.entities.faults import shown
from atoms_mcp.errors import ToolError

RENAMED = {
    "search_term": "query",
    "batch": "items",
    "order_by": "sort",
    "format_type": "format",
    "parent_id": "parent",
    "include_relations": "include",
}
FORMATS = {"detailed": "full", "raw": "full", "summary": "concise"}
MAX_OFFSET = 1000
OFFSET_DIGITS = 5
# What include_relations becomes, until it is known what the type can bring along.
RELATIONS = "relations"
OFFSET_CURSOR = "offset:"


def modernize(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments in listed names; an argument that is null counts as absent.

    Raises:
        ToolError: ``invalid_argument`` where an old argument has no meaning any more, or where old
            and new spelling say different things.
    """
    modern = {name: value for name, value in arguments.items() if value is not None}
    for old, new in RENAMED.items():
        if old in modern:
            _rename(modern, old, new)
    _reword(modern)
    if "soft_delete" in modern:
        _check_soft(modern.pop("soft_delete"))
    if modern.get("operation") == "list" and "query" in modern:
        modern["operation"] = "search"
    if "offset" in modern:
        _set_offset(modern)
    return modern


def _reword(modern: dict[str, Any]) -> None:
    """Turn older values of arguments into today's."""
    if isinstance(modern.get("format"), str):
        modern["format"] = FORMATS.get(modern["format"], modern["format"])
    if isinstance(modern.get("sort"), str):
        modern["sort"] = _sort(modern["sort"])
    if isinstance(modern.get("include"), bool):
        modern["include"] = [RELATIONS] if modern["include"] else []
    if modern.get("operation") == "get":
        modern["operation"] = "read"
    if modern.get("data") == {} and "items" in modern:
        # The first server wanted some data beside a batch.
        del modern["data"]


def _rename(modern: dict[str, Any], old: str, new: str) -> None:
    value = modern.pop(old)
    if modern.setdefault(new, value) != value:
        raise ToolError(
            "invalid_argument",
            f"{old} and {new} mean the same and were given different values.",
            fix=f"give {new} alone.",
            details={"field": old},
        )


def _sort(text: str) -> str:
    """Turn "name:asc" and "updated_at desc" into "name" and "-updated_at"."""
    column, _, direction = text.strip().replace(":", " ").partition(" ")
    if direction.strip().lower() == "desc":
        return f"-{column}"
    return column if direction.strip().lower() in {"", "asc"} else text


def _check_soft(value: object) -> None:
    if value is not True:
        raise ToolError(
            "invalid_argument",
            "soft_delete can only be true: what is deleted here can be restored, always.",
            fix="leave soft_delete out.",
            details={"field": "soft_delete"},
        )


def _set_offset(modern: dict[str, Any]) -> None:
    offset = modern.pop("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset <= MAX_OFFSET:
        raise ToolError(
            "invalid_argument",
            f"offset must be a whole number from 0 to {MAX_OFFSET}, not {shown(offset)}.",
            fix="page with cursor: each page has the next one's in page.next_cursor.",
            details={"field": "offset"},
        )
    if offset and modern.get("operation") != "list":
        raise ToolError(
            "invalid_argument",
            f"offset is for lists only; {modern.get('operation')} is paged by cursor.",
            fix="leave offset out, and give page.next_cursor of the answer before as cursor.",
            details={"field": "offset"},
        )
    if offset and "cursor" in modern:
        raise ToolError(
            "invalid_argument",
            "offset and cursor cannot go together.",
            fix="give cursor alone.",
            details={"field": "offset"},
        )
    if offset:
        modern["cursor"] = f"{OFFSET_CURSOR}{offset}"


def offset_of(cursor: str) -> int | None:
    """Give the offset that `modernize` put into a cursor, or None for a real cursor."""
    number = cursor.removeprefix(OFFSET_CURSOR)
    if number == cursor or not (number.isascii() and number.isdigit()):
        return None
    # A number may be as long as a request: more digits than these are beyond the most anyway.
    return min(int(number[:OFFSET_DIGITS]), MAX_OFFSET)
