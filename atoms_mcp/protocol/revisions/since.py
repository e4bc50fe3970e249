"""Since when there is what: the newest form of every message, turned into an older one.

Revisions are named by dates, so which one is older can be told from the names.

Source: the schemas of MCP 2024-11-05 to 2026-07-28, compared.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from atoms_mcp.protocol.content import Block, text

Item = Mapping[str, Any]

SINCE: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "info": {"title": "2025-06-18", "icons": "2025-11-25"},
        "capabilities": {"completions": "2025-03-26", "extensions": "2026-07-28"},
        "tool": {
            "annotations": "2025-03-26",
            "title": "2025-06-18",
            "outputSchema": "2025-06-18",
            "icons": "2025-11-25",
        },
        "resource": {"title": "2025-06-18", "icons": "2025-11-25"},
        "prompt": {"title": "2025-06-18", "icons": "2025-11-25"},
        "argument": {"title": "2025-06-18"},
        "annotations": {"lastModified": "2025-06-18"},
        "notifications/progress": {"message": "2025-03-26"},
        "elicitation/create": {"mode": "2025-11-25"},
    }
)
STRUCTURE: Final = "2025-06-18"
AUDIO: Final = "2025-03-26"
LINKS: Final = "2025-06-18"
LINKED_PAGES: Final = "2025-11-25"


def strip(kind: str, item: Item, revision: str) -> dict[str, Any]:
    """Give an object without the members that `revision` does not know."""
    since = SINCE.get(kind, {})
    return {key: value for key, value in item.items() if since.get(key, "") <= revision}


def strip_block(block: Block, revision: str) -> Block:
    """Give a block of content as `revision` knows it: as a text, where it has none of its kind."""
    kind = block["type"]
    if kind == "resource_link":
        if revision < LINKS:
            return text(f"{block.get('title') or block['name']}: {block['uri']}")
        block = strip("resource", block, revision)
    if kind == "audio" and revision < AUDIO:
        return text(f"(a sound, {block['mimeType']}, that this revision of MCP cannot carry)")
    if "annotations" in block:
        noted = strip("annotations", block["annotations"], revision)
        return {**block, "annotations": noted}
    return block


def strip_members(members: Item, revision: str) -> dict[str, Any]:
    """Give the members of a result as `revision` knows them."""
    return {
        name: [_STRIPS[name](item, revision) for item in value] if name in _STRIPS else value
        for name, value in members.items()
    }


def _strip_prompt(prompt: Item, revision: str) -> dict[str, Any]:
    stripped = strip("prompt", prompt, revision)
    arguments: Sequence[Item] = prompt.get("arguments", ())
    if arguments:
        stripped["arguments"] = [strip("argument", one, revision) for one in arguments]
    return stripped


def _strip_message(message: Item, revision: str) -> dict[str, Any]:
    return {**message, "content": strip_block(message["content"], revision)}


def _strip_tool(tool: Item, revision: str) -> dict[str, Any]:
    return strip("tool", tool, revision)


def _strip_resource(resource: Item, revision: str) -> dict[str, Any]:
    stripped = strip("resource", resource, revision)
    if "annotations" in stripped:
        stripped["annotations"] = strip("annotations", stripped["annotations"], revision)
    return stripped


_STRIPS: Final[Mapping[str, Callable[[Any, str], Any]]] = MappingProxyType(
    {
        "tools": _strip_tool,
        "resources": _strip_resource,
        "resourceTemplates": _strip_resource,
        "prompts": _strip_prompt,
        "messages": _strip_message,
    }
)
