"""The trace that a request is part of, as its `_meta` names it.

Source: MCP 2026-07-28 basic (_meta, trace context); W3C Trace Context section 3.2.
"""

import re
from collections.abc import Mapping
from typing import Any

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def find_trace(meta: Mapping[str, Any]) -> str | None:
    """Give the `traceparent` of metadata; None where there is none, or none that is well made."""
    parent = meta.get("traceparent")
    return parent if type(parent) is str and _PARENT.fullmatch(parent) else None
