"""What a client can do for a server, as names.

"elicitation" (forms), "elicitation.url", "sampling", "sampling.tools", "roots", and the ids of
extensions, which all have a slash in them.

Source: MCP 2026-07-28 schema, ClientCapabilities; client/elicitation, Capabilities.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from atoms_mcp.protocol.jsonrpc import RpcError

MISSING_CAPABILITY: Final = -32021
MAX_EXTENSIONS: Final = 16
MAX_EXTENSION_CHARS: Final = 128


def read_capabilities(declared: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of what a client declares; whatever we have no use for is passed over."""
    found: list[str] = []
    elicitation = declared.get("elicitation")
    if type(elicitation) is dict:
        # Before there was anything but forms, an empty object said so.
        if "form" in elicitation or "url" not in elicitation:
            found.append("elicitation")
        if type(elicitation.get("url")) is dict:
            found.append("elicitation.url")
    sampling = declared.get("sampling")
    if type(sampling) is dict:
        found.append("sampling")
        if type(sampling.get("tools")) is dict:
            found.append("sampling.tools")
    if type(declared.get("roots")) is dict:
        found.append("roots")
    return (*found, *_read_extensions(declared.get("extensions")))


def _read_extensions(declared: object) -> list[str]:
    if type(declared) is not dict:
        return []
    known = (name for name in declared if "/" in name and len(name) <= MAX_EXTENSION_CHARS)
    return [name for name, _ in zip(known, range(MAX_EXTENSIONS), strict=False)]


def missing_capabilities(names: Iterable[str]) -> RpcError:
    """Give the error for a request that needs what its client did not declare."""
    needed = list(names)
    return RpcError(
        MISSING_CAPABILITY,
        f"this needs a client that declares {', '.join(needed)}",
        data={"requiredCapabilities": render_capabilities(needed)},
        status=400,
    )


def render_capabilities(names: Iterable[str]) -> dict[str, Any]:
    """Give names as a client would have to declare them."""
    declared: dict[str, Any] = {}
    for name in names:
        if "/" in name:
            declared.setdefault("extensions", {})[name] = {}
            continue
        kind, _, part = name.partition(".")
        inside = declared.setdefault(kind, {})
        if part:
            inside[part] = {}
    return declared
