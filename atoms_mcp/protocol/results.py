"""What the operations answer, before a revision gives it its shape.

Everything that is the same for all callers is given once, in its newest form; the text of a
tool result is encoded here, so that the text block and `structuredContent` come from one dump.

Source: MCP 2026-07-28 server/tools, Tool Result; server/discover.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says of itself, and the tools as the newest revision lists them."""

    name: str
    title: str
    version: str
    instructions: str
    tools: Sequence[Mapping[str, Any]]


@dataclass(slots=True)  # made for every request, and a frozen one costs thrice as much
class ToolResult:
    """What a tool call came to.

    `structured` is one encoded JSON object. `text` is what the text block says; None repeats
    `structured`. `error_code` is None where the call succeeded.
    """

    structured: bytes
    text: str | None = None
    error_code: str | None = None


def render_text(result: ToolResult) -> bytes:
    """Give the `content` member and its value."""
    text = result.structured.decode() if result.text is None else result.text
    return b'"content":[{"type":"text","text":%b}]' % orjson.dumps(text)


def render_structured(result: ToolResult) -> bytes:
    """Give the `content`, `structuredContent` and `isError` members."""
    structured = result.structured
    text = structured.decode() if result.text is None else result.text
    return b'"content":[{"type":"text","text":%b}],"structuredContent":%b,"isError":%b' % (
        orjson.dumps(text),
        structured,
        b"false" if result.error_code is None else b"true",
    )
