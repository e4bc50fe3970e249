"""The HTTP headers that repeat what a body says, so that a gateway can route without reading it.

What a gateway believed and what we do must be the same; so every difference is refused.

Source: MCP 2026-07-28 basic/transports/streamable-http, Server Validation, Value Encoding and
Server Behavior for Custom Headers.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from multidict import istr

from atoms_mcp.protocol.jsonrpc import RpcError

HEADER_MISMATCH: Final = -32020

# Names that know their own form without regard to case: looking up a plain text folds it anew.
PROTOCOL_VERSION: Final = istr("MCP-Protocol-Version")
METHOD: Final = istr("Mcp-Method")
NAME: Final = istr("Mcp-Name")
SESSION_ID: Final = istr("Mcp-Session-Id")
PARAM_PREFIX: Final = "Mcp-Param-"
ANNOTATION: Final = "x-mcp-header"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[\x20-\x7e\t]*")
_INTEGER = re.compile(r"(-?[0-9]{1,16})(?:\.0{1,16})?")
_SHOWN_CHARS = 80


class Headers(Protocol):
    """A header list as HTTP knows it: names regardless of case, several values for one name."""

    def get(self, key: str, /) -> str | None:
        """Give the first value."""

    def getall(self, key: str, default: tuple[()], /) -> Sequence[str]:
        """Give all values, in order; `default` where there are none."""


@dataclass(frozen=True, slots=True)
class MirroredArgument:
    """An argument of a tool that a header repeats; `path` leads to it through objects."""

    header: str
    path: tuple[str, ...]


def mismatch(message: str) -> RpcError:
    """Give the one error for a header that does not say what the body says."""
    return RpcError(HEADER_MISMATCH, message, status=400)


def find_single(headers: Headers, name: str) -> str | None:
    """Give a header's value without the white space around it.

    Raises:
        RpcError: -32020 where it came twice, even with one value: two readers could differ.
    """
    values = headers.getall(name, ())
    if not values:
        return None
    if len(values) > 1:
        raise mismatch(f"{name} was sent more than once")
    return values[0].strip(" \t")


def check_equal(headers: Headers, name: str, said: str, *, is_encodable: bool = False) -> None:
    """Refuse a header that is missing, doubled, or not what the body says.

    `is_encodable` headers may be in the Base64 form, which is decoded before the comparison:
    what looks like that form and is meant literally has to be sent in it, too.

    Raises:
        RpcError: -32020.
    """
    value = find_single(headers, name)
    if value is None:
        raise mismatch(f"{name} is missing; the body says {_shown(said)}")
    if (decode(value, name) if is_encodable else value) != said:
        raise mismatch(f"{name} says {_shown(value)}, the body says {_shown(said)}")


def decode(value: str, name: str) -> str:
    """Give what a value means: itself, or the text inside ``=?base64?…?=``.

    Raises:
        RpcError: -32020 where it is marked so and is not Base64 of UTF-8.
    """
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, ValueError):
        raise mismatch(f"{name} is marked as Base64 and is not Base64 of UTF-8") from None


def find_mirrored(schema: Mapping[str, Any]) -> tuple[MirroredArgument, ...]:
    """Give the arguments that a tool's input schema wants repeated in headers.

    Raises:
        ValueError: an annotation for which clients would have to drop the tool.
    """
    found: list[MirroredArgument] = []
    _collect(schema, (), found)
    names = [argument.header.lower() for argument in found]
    if len(set(names)) != len(names):
        raise ValueError(f"{ANNOTATION} names one header twice")
    if len(found) != _count_annotations(schema):
        raise ValueError(f"{ANNOTATION} must be reachable through properties only")
    return tuple(found)


def _collect(
    schema: Mapping[str, Any], path: tuple[str, ...], found: list[MirroredArgument]
) -> None:
    for name, inner in schema.get("properties", {}).items():
        if not isinstance(inner, Mapping):
            continue
        header = inner.get(ANNOTATION)
        if header is not None:
            if not isinstance(header, str) or not _TOKEN.fullmatch(header):
                raise ValueError(f"{ANNOTATION} of {name} is not a header name")
            if inner.get("type") not in {"string", "integer", "boolean"}:
                raise ValueError(f"{ANNOTATION} of {name} needs a string, integer or boolean")
            found.append(MirroredArgument(PARAM_PREFIX + header, (*path, name)))
        _collect(inner, (*path, name), found)


def _count_annotations(schema: object) -> int:
    if isinstance(schema, list):
        return sum(_count_annotations(item) for item in schema)
    if not isinstance(schema, Mapping):
        return 0
    count = int(ANNOTATION in schema)
    for keyword, inner in schema.items():
        # Below "properties" the keys are names of arguments, not keywords.
        parts = (
            inner.values() if keyword == "properties" and isinstance(inner, Mapping) else [inner]
        )
        count += sum(_count_annotations(part) for part in parts)
    return count


def check_arguments(
    headers: Headers, mirrored: tuple[MirroredArgument, ...], arguments: Mapping[str, Any]
) -> None:
    """Refuse a call whose Mcp-Param headers do not repeat its arguments.

    Raises:
        RpcError: -32020.
    """
    for argument in mirrored:
        value = find_single(headers, argument.header)
        said = _value_at(arguments, argument.path)
        if said is None:
            if value is not None:
                raise mismatch(f"{argument.header} was sent, its argument was not")
            continue
        if value is None:
            raise mismatch(f"{argument.header} is missing, its argument is not")
        if not _VISIBLE.fullmatch(value):
            raise mismatch(f"{argument.header} has characters that a header must not have")
        if not _says(decode(value, argument.header), said):
            raise mismatch(f"{argument.header} differs from its argument")


def _value_at(arguments: Mapping[str, Any], path: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    value: Any = arguments
    for name in path:
        if type(value) is not dict:
            return None
        value = value.get(name)
    return value


def _says(text: str, said: object) -> bool:
    if type(said) is bool:
        return text == ("true" if said else "false")
    if type(said) in {int, float}:
        number = _INTEGER.fullmatch(text)
        return number is not None and int(number[1]) == said
    return text == said


def _shown(text: str) -> str:
    """Quote a value of the client's for a message: short, and always encodable."""
    cut = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
    return "'" + cut.encode("utf-8", "backslashreplace").decode() + "'"
