"""What may be put to a client's model, before it is sent.

Source: MCP 2025-11-25 and 2026-07-28 client/sampling, Message Content Constraints.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Blocks = Sequence[Mapping[str, Any]]


def check_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a conversation that providers of models would choke on.

    Results of tools stand in messages of their own, and each use of a tool is followed at once
    by its result.

    Raises:
        ValueError: it is such a one.
    """
    pending: set[str] = set()
    for message in messages:
        blocks = _list_blocks(message)
        results = {block["toolUseId"] for block in blocks if block.get("type") == "tool_result"}
        if results and any(block.get("type") != "tool_result" for block in blocks):
            raise ValueError("a message with results of tools has nothing else in it")
        if results and message.get("role") != "user":
            raise ValueError("results of tools stand in messages of the user")
        _check_balance(pending, results)
        pending = {block["id"] for block in blocks if block.get("type") == "tool_use"}
    _check_balance(pending, set())


def _check_balance(used: set[str], results: set[str]) -> None:
    if used != results:
        odd = ", ".join(sorted(used ^ results))
        raise ValueError(f"each use of a tool is followed at once by its result; not so: {odd}")


def _list_blocks(message: Mapping[str, Any]) -> Blocks:
    content: Mapping[str, Any] | Blocks = message["content"]
    return [content] if isinstance(content, Mapping) else content
