"""Resources as data: single ones, and templates for as many as there are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from atoms_mcp.engine.context import Context
from atoms_mcp.errors import AtomsError
from atoms_mcp.protocol.content import Block

Variables = Mapping[str, str]
# Given the context, what was typed so far, and the values of the other variables or arguments.
Completer = Callable[[Context, str, Mapping[str, str]], Awaitable[Sequence[str]]]


class NoSuchResource(AtomsError):  # noqa: N818 - says what is the case
    """There is no resource of that URI, or none that the caller may see."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `items` are resources in their newest form; `next` begins the next."""

    items: Sequence[Mapping[str, Any]]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a URI of its own.

    `read` answers what `content.text_contents` and `content.blob_contents` make, one or more.
    `ttl_ms` is how long an answer may be kept, `is_public` that it is the same for everybody.
    """

    uri: str
    name: str
    read: Callable[[Context], Awaitable[Sequence[Block]]]
    title: str = ""
    description: str = ""
    mime_type: str = ""
    icons: Sequence[Mapping[str, Any]] = ()
    ttl_ms: int = 0
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class ResourceTemplate:
    """All resources whose URIs have one form, such as ``atoms://{org}/{key}`` (RFC 6570).

    `read` is given the URI and the variables in it, and raises `NoSuchResource` where there is
    nothing. `list` gives one page of what the caller can see, from the cursor that the page
    before gave, or None. `complete` has a completer for some of the variables.
    """

    uri_template: str
    name: str
    read: Callable[[Context, str, Variables], Awaitable[Sequence[Block]]]
    title: str = ""
    description: str = ""
    mime_type: str = ""
    icons: Sequence[Mapping[str, Any]] = ()
    list: Callable[[Context, str | None], Awaitable[Page]] | None = None
    complete: Mapping[str, Completer] = field(default_factory=lambda: MappingProxyType({}))
    ttl_ms: int = 0
    is_public: bool = False
