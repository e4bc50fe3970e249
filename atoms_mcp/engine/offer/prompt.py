"""A prompt as data."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.resource import Completer
from atoms_mcp.protocol.content import Block


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """One argument; its value is always a text. `complete` suggests values."""

    name: str
    description: str = ""
    title: str = ""
    is_required: bool = False
    complete: Completer | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt; a plain text stands for a block with that text."""

    content: str | Block
    role: Literal["user", "assistant"] = "user"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt; `render` is given arguments that are known and complete."""

    name: str
    description: str
    render: Callable[[Context, Mapping[str, str]], Awaitable[Sequence[Message]]]
    arguments: Sequence[PromptArgument] = ()
    title: str = ""
    icons: Sequence[Mapping[str, Any]] = ()
