"""Which form of answer a client can read, by its Accept header.

Lenient: MCP asks clients to list both forms, and many list one.

Source: RFC 9110 section 12.5.1; MCP 2026-07-28 basic/transports/streamable-http, Sending Messages.
"""

import functools
from typing import Literal

Form = Literal["json", "sse"]

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream"


@functools.lru_cache(maxsize=256)
def choose_form(accept: str | None) -> Form | None:
    """Give the form of an answer that is at hand; None where no form is accepted.

    It is JSON where that is accepted, but for clients that say that they would rather have a
    stream: by its quality, or by naming it first, as the official suite does.
    """
    if accept is None:
        return "json"
    ranges = _read(accept)
    json = _find_quality(ranges, JSON_TYPE, "application/*")
    sse = _find_quality(ranges, SSE_TYPE, "text/*")
    if json <= 0:
        return "sse" if sse > 0 else None
    if sse < json or SSE_TYPE not in ranges:
        return "json"
    named = list(ranges)
    is_later = JSON_TYPE in ranges and named.index(JSON_TYPE) < named.index(SSE_TYPE)
    return "json" if sse == json and is_later else "sse"


@functools.lru_cache(maxsize=256)
def takes_events(accept: str | None) -> bool:
    """Tell whether an event stream is accepted; whoever asks for one and says nothing takes it."""
    if accept is None:
        return True
    return _find_quality(_read(accept), SSE_TYPE, "text/*") > 0


def _find_quality(ranges: dict[str, float], *names: str) -> float:
    """Give the quality of the most specific range that names a type."""
    return next((ranges[name] for name in (*names, "*/*") if name in ranges), 0.0)


def _read(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        ranges[name] = min((_read_quality(parameter) for parameter in parameters), default=1.0)
    return ranges


def _read_quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 1.0
