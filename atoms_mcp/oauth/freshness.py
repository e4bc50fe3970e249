"""For how long an answer of the web may be kept, within bounds of our own.

Source: RFC 9111 sections 4.2 and 5.2.2.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

MIN_S = 30
MAX_S = 24 * 3600
# Where the answer says nothing.
DEFAULT_S = 300
DIRECTIVE = re.compile(r'\s*([a-z-]+)\s*(?:=\s*"?([^",]*)"?)?\s*(?:,|\Z)')


def find_freshness(headers: Mapping[str, str]) -> float:
    """Give the seconds for which an answer with these headers stays fresh.

    `headers` are looked up by the names of the RFC and have to find them in any case. What the
    answer forbids to keep is kept for the least time, so that nobody can make us ask for ever.
    """
    directives: dict[str, str] = dict(DIRECTIVE.findall(headers.get("Cache-Control", "").lower()))
    if "no-store" in directives or "no-cache" in directives:
        return MIN_S
    age_s = _seconds(headers.get("Age", "0")) or 0
    # We share the answer among all users, so what is said for shared caches comes first.
    told = directives.get("s-maxage", directives.get("max-age"))
    if told is not None:
        return _within_bounds((_seconds(told) or 0) - age_s)
    if "Expires" in headers:
        return _within_bounds(_life(headers) - age_s)
    return DEFAULT_S


def _life(headers: Mapping[str, str]) -> float:
    """Give the seconds between Date and Expires; one that cannot be read has expired."""
    try:
        life: timedelta = parsedate_to_datetime(headers["Expires"]) - parsedate_to_datetime(
            headers["Date"]
        )
    except (ValueError, TypeError, KeyError):
        return 0
    return life.total_seconds()


def _seconds(text: str) -> int | None:
    text = text.strip()
    return int(text[:10]) if text.isascii() and text.isdigit() else None


def _within_bounds(seconds: float) -> float:
    return min(max(seconds, MIN_S), MAX_S)
