"""A raw query string becomes a typed request: parameters sorted by what they are for.

Source: PostgREST reference, "Tables and Views".
"""

from typing import Any
from urllib.parse import unquote_to_bytes

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.grammar import (
    parse_columns,
    parse_field_path,
    parse_filter,
    parse_names,
    parse_order,
    parse_tree,
)
from atoms_mcp.local.rest.select import parse_select
from atoms_mcp.local.rest.terms import Path, Query, Scope

MAX_QUERY_BYTES = 64 * 1024  # also bounds the parameters of a statement, 32767
MAX_PARAMETERS = 500
ALONE = frozenset({"select", "columns", "on_conflict"})
SCOPED = frozenset({"order", "limit", "offset", "and", "or"})
SYNTAX = "PGRST100"
BIGINT = 2**63 - 1
BIGINT_DIGITS = 19


def parse_query(raw: str, *, has_arguments: bool = False) -> Query:
    """Read a query string as it stood in the URL, still percent-encoded.

    `has_arguments`: a function is called by GET, so a parameter without an operator is
    one of its arguments and no error.

    Raises:
        RestError: 400 PGRST100, or PGRST123 for an aggregate.
    """
    parameters = _decoded(raw)
    scopes: dict[Path, dict[str, Any]] = {}
    arguments: list[tuple[str, str]] = []
    for name, value in parameters:
        if name in ALONE:
            continue
        if not _read_scoped(scopes, name, value):
            _read_filter(scopes, arguments, (name, value), has_arguments=has_arguments)
    alone = {name: value for name, value in reversed(parameters) if name in ALONE}
    return Query(
        select=parse_select(alone.get("select", "*")),
        scopes={path: Scope(**parts) for path, parts in scopes.items()},
        columns=_names(alone, "columns"),
        on_conflict=_names(alone, "on_conflict"),
        arguments=tuple(arguments),
    )


def _decoded(raw: str) -> list[tuple[str, str]]:
    if len(raw) > MAX_QUERY_BYTES:
        raise RestError(414, SYNTAX, f"The query string is longer than {MAX_QUERY_BYTES} bytes")
    pairs = [pair for pair in raw.split("&") if pair]
    if len(pairs) > MAX_PARAMETERS:
        raise RestError(400, SYNTAX, f"More than {MAX_PARAMETERS} parameters in the query")
    decoded = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if equals:  # a parameter without "=" says nothing, as in the real one
            decoded.append((_unquote(name), _unquote(value)))
    return decoded


def _unquote(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "strict")
    except UnicodeError:  # also what the URL held unencoded and UTF-8 cannot say
        raise RestError(
            400,
            SYNTAX,
            "The query string is not valid UTF-8",
            hint="Percent-encode the UTF-8 bytes of each name and value.",
        ) from None


def _read_scoped(scopes: dict[Path, dict[str, Any]], name: str, value: str) -> bool:
    """Take a parameter whose last word is reserved; False if it is none."""
    word = name.rpartition(".")[2]
    if word not in SCOPED:
        return False
    if word in {"and", "or"}:
        path, tree = parse_tree(name, value)
        _append(scopes, path, tree)
        return True
    parts = scopes.setdefault(parse_names(name)[:-1], {})
    if word == "order":
        parts["order"] = parse_order(value)
    else:
        number = _integer(value)
        if number is not None:
            parts[word] = number
    return True


def _read_filter(
    scopes: dict[Path, dict[str, Any]],
    arguments: list[tuple[str, str]],
    parameter: tuple[str, str],
    *,
    has_arguments: bool,
) -> None:
    path, field = parse_field_path(parameter[0])
    try:
        condition = parse_filter(field, parameter[1])
    except RestError:
        if not has_arguments:
            raise
        arguments.append(parameter)
    else:
        _append(scopes, path, condition)


def _append(scopes: dict[Path, dict[str, Any]], path: Path, condition: object) -> None:
    parts = scopes.setdefault(path, {})
    parts["conditions"] = (*parts.get("conditions", ()), condition)


def _integer(value: str) -> int | None:
    """Read a limit or offset; what is no number is no limit, as in the real one."""
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    # No table is longer than bigint counts, and all that is below zero is refused alike.
    return max(-1, min(int(value[:BIGINT_DIGITS]), BIGINT))


def _names(alone: dict[str, str], what: str) -> tuple[str, ...] | None:
    return parse_columns(alone[what], what) if what in alone else None
