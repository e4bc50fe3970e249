"""The trace that a request is part of, as its `_meta` names it.

Source: MCP 2026-07-28 basic (_meta, trace context); W3C Trace Context section 3.2.
"""

import re
from typing import Any

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def find_trace(message: Any) -> str | None:  # noqa: ANN401 - JSON is anything
    """Give the `traceparent` of a message; None where there is none, or none that is well made."""
    params = message.get("params") if type(message) is dict else None
    meta = params.get("_meta") if type(params) is dict else None
    parent = meta.get("traceparent") if type(meta) is dict else None
    return parent if type(parent) is str and _PARENT.fullmatch(parent) else None
