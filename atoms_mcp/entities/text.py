"""Stored text on its way out: what a reader could not see, or could be fooled by, is taken out."""

from typing import Any

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Invisible operators, the byte order mark, and interlinear annotation.
INVISIBLE = "\u2060\u2061\u2062\u2063\u2064\ufeff\ufff9\ufffa\ufffb"
# Tags spell ASCII that no reader sees; a known way to hide instructions.
TAGS = range(0xE0000, 0xE0080)
CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
SURROGATES = range(0xD800, 0xE000)
KEPT = "\n\t"
REMOVED = {
    code: None
    for code in (*CONTROLS, *map(ord, BIDI + INVISIBLE), *TAGS, *SURROGATES)
    if chr(code) not in KEPT
}


def clean(text: str) -> str:
    """Take out control, bidirectional and invisible characters; newline and tab stay."""
    if text.isascii() and text.isprintable():
        return text
    return text.replace("\r\n", "\n").translate(REMOVED)


def clean_all(value: Any) -> Any:  # noqa: ANN401 - any JSON value, and the same kind back
    """Clean every text inside a JSON value, names of members too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(name)): clean_all(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [clean_all(member) for member in value]
    return value


def one_line(text: str, limit: int = 120) -> str:
    """Give cleaned text on one line, cut to `limit` characters: for messages and headings."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
