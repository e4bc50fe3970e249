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
    """Give JSON where it is accepted at all, then an event stream; None where neither is."""
    if accept is None:
        return "json"
    if ";" not in accept and JSON_TYPE in accept:
        return "json"
    ranges = _read(accept)
    for form, names in (
        ("json", (JSON_TYPE, "application/*", "*/*")),
        ("sse", (SSE_TYPE, "text/*", "*/*")),
    ):
        # The most specific range that names the form decides.
        quality = next((ranges[name] for name in names if name in ranges), 0.0)
        if quality > 0:
            return "json" if form == "json" else "sse"
    return None


@functools.lru_cache(maxsize=256)
def takes_events(accept: str | None) -> bool:
    """Tell whether an event stream is accepted; whoever asks for one and says nothing takes it."""
    if accept is None:
        return True
    ranges = _read(accept)
    names = (SSE_TYPE, "text/*", "*/*")
    return next((ranges[name] for name in names if name in ranges), 0.0) > 0


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
