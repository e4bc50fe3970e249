"""Blocks of content, as tools, prompts and embedded resources carry them, in their newest form.

A block is a plain JSON object; each function here makes one kind of it.

Source: MCP 2026-07-28 server/tools, Tool Result; schema, ContentBlock.
"""

import base64
from typing import Any

Block = dict[str, Any]


def text(said: str) -> Block:
    """Give a block of text."""
    return {"type": "text", "text": said}


def image(data: bytes, mime_type: str) -> Block:
    """Give a block with a picture."""
    return {"type": "image", "data": base64.b64encode(data).decode(), "mimeType": mime_type}


def audio(data: bytes, mime_type: str) -> Block:
    """Give a block with a sound."""
    return {"type": "audio", "data": base64.b64encode(data).decode(), "mimeType": mime_type}


def link(uri: str, name: str, *, title: str = "", mime_type: str = "") -> Block:
    """Give a block that points to a resource, which the client may read or not."""
    block: Block = {"type": "resource_link", "uri": uri, "name": name}
    if title:
        block["title"] = title
    if mime_type:
        block["mimeType"] = mime_type
    return block


def resource(contents: Block) -> Block:
    """Give a block with a resource in it; `contents` is one of what reading it answers."""
    return {"type": "resource", "resource": contents}


def text_contents(uri: str, said: str, mime_type: str = "text/plain") -> Block:
    """Give a text as what reading a resource answers."""
    return {"uri": uri, "mimeType": mime_type, "text": said}


def blob_contents(uri: str, data: bytes, mime_type: str) -> Block:
    """Give bytes as what reading a resource answers."""
    return {"uri": uri, "mimeType": mime_type, "blob": base64.b64encode(data).decode()}
