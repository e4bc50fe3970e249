"""What the operations answer, before a revision gives it its shape.

Everything is in its newest form; the text of a tool result is encoded here, so that the text
block and `structuredContent` come from one dump.

Source: MCP 2026-07-28 server/tools, Tool Result; server/discover; server/utilities/caching.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from atoms_mcp.protocol.content import Block


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says of itself."""

    name: str
    title: str
    version: str
    instructions: str
    capabilities: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cache:
    """How long a result may be kept, and whether for everybody or for who asked only."""

    ttl_ms: int = 0
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The members of a result; `cache` is None where the operation has no such hints."""

    members: Mapping[str, Any]
    cache: Cache | None = None


@dataclass(slots=True)  # made for every request, and a frozen one costs thrice as much
class ToolResult:
    """What a tool call came to.

    `structured` is one encoded JSON object. `content` is what it is shown as: blocks; a text;
    None repeats `structured` as text. `error_code` is None where the call succeeded.
    """

    structured: bytes | None
    content: str | Sequence[Block] | None = None
    error_code: str | None = None


def render_content(result: ToolResult) -> bytes:
    """Give the `content` and `isError` members."""
    return b'"content":%b,"isError":%b' % (_render_blocks(result), _render_flag(result))


def render_structured(result: ToolResult) -> bytes:
    """Give the `content`, `structuredContent` and `isError` members."""
    structured = result.structured
    if structured is None:
        return render_content(result)
    if result.content is None and result.error_code is None:  # nearly always
        return b'"content":[{"type":"text","text":%b}],"structuredContent":%b,"isError":false' % (
            orjson.dumps(structured.decode()),
            structured,
        )
    return b'"content":%b,"structuredContent":%b,"isError":%b' % (
        _render_blocks(result),
        structured,
        _render_flag(result),
    )


def _render_blocks(result: ToolResult) -> bytes:
    content = result.content
    if content is None:
        assert result.structured is not None  # noqa: S101 - a result has the one or the other
        content = result.structured.decode()
    if isinstance(content, str):
        return b'[{"type":"text","text":%b}]' % orjson.dumps(content)
    return orjson.dumps(list(content))


def _render_flag(result: ToolResult) -> bytes:
    return b"false" if result.error_code is None else b"true"
