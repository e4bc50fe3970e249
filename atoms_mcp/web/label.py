"""Text of strangers, made fit to be read on a page: one line, not long, no tricks of direction.

Escaping is the template's; this takes away what would lie even when escaped: characters that
turn the direction of what follows, that cannot be seen, or that pile up over other lines.

Source: Unicode Technical Report 36, section 2.10; Unicode Standard Annex 9 (bidi controls).
"""

import unicodedata

MAX_LABEL_CHARS = 60
# Two marks on one letter are enough for every living script; towers of them cover other lines.
MAX_MARKS = 2
# Control, format (bidi and zero-width among them), surrogate, private use, unassigned.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
MARKS = frozenset({"Mn", "Me"})
# Letters and a symbol that show as nothing although their category says otherwise.
BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def render_label(text: str, *, limit: int = MAX_LABEL_CHARS) -> str:
    """Give `text` as one line of at most `limit` characters; empty if nothing can be seen of it."""
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if char.isspace() or char in BLANKS:
            kept.append(" ")
        elif category not in UNSEEN:
            marks = marks + 1 if category in MARKS else 0
            if marks <= MAX_MARKS:
                kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
