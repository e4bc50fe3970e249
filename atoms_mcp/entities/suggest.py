"""The nearest valid name for one that is not: for error texts only, never to decide anything."""

import difflib
from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Give the valid name that was probably meant, or None.

    A name inside the other one counts as near ("state" has "status" by letters, "desc" has
    "description" by its beginning).
    """
    names = list(valid)
    lowered = name.casefold()
    close = difflib.get_close_matches(lowered, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    partial = [known for known in names if known.startswith(lowered) or lowered.startswith(known)]
    return min(partial, key=len) if lowered and partial else None


def listed(names: Iterable[str]) -> str:
    """Give names as a list to read."""
    return ", ".join(names)


def either(names: Iterable[str]) -> str:
    """Give names as alternatives: "a", "a or b", "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def counted(number: int, plural: str) -> str:
    """Give a number of things: "1 document", "3 documents"."""
    return f"{number} {plural.removesuffix('s') if number == 1 else plural}"


def with_article(text: str) -> str:
    """Put "a" or "an" in front of a name."""
    return f"{'an' if text[:1] in 'aeiou' else 'a'} {text}"
