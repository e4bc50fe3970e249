"""Checks a tool's arguments against its schema, and says what is wrong so that a model can mend it.

The checker is compiled once per tool. What it finds becomes one `ToolError` that names the
field, what was wrong with it, what is allowed, and the name that was probably meant.

Source: JSON Schema 2020-12; MCP 2026-07-28 server/tools, Error Handling.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import orjson

from atoms_mcp.errors import ToolError

CODE: Final = "invalid_argument"
_MAX_READ: Final = 50
_MAX_TOLD: Final = 3
_MAX_SHOWN_CHARS: Final = 60
_TYPES: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `rank` puts what explains the most first."""

    rank: int
    message: str
    fix: str
    details: dict[str, Any] = field(default_factory=dict)


class ArgumentCheck:
    """The compiled check of one tool's arguments."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Compile the schema; nothing that it refers to is ever fetched.

        Raises:
            ValueError: it is no JSON Schema.
        """
        self._schema = schema
        try:
            self._validator = jsonschema_rs.Draft202012Validator(dict(schema), offline=True)
        except jsonschema_rs.ValidationError as exc:
            raise ValueError(f"not a JSON Schema: {exc.message}") from None

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Pass arguments that fit.

        Raises:
            ToolError: `invalid_argument`, with `field` and, where known, `allowed` and
                `did_you_mean` among its details.
        """
        if not self._validator.is_valid(arguments):
            errors = islice(self._validator.iter_errors(arguments), _MAX_READ)
            raise _explain([fault for error in errors for fault in self._read(error, arguments)])

    def _read(
        self, error: jsonschema_rs.ValidationError, arguments: Mapping[str, Any]
    ) -> list[Fault]:
        kind, value = error.kind.name, error.kind.value
        path = _join(error.instance_path)
        around = _resolve(self._schema, error.schema_path[:-1])
        if kind == "falseSchema" and error.schema_path[-1] == "additionalProperties":
            # An object without any fields: the error names none of those that came.
            kind, value = "additionalProperties", list(_resolve(arguments, error.instance_path))
        if kind == "additionalProperties":
            return [_tell_unknown(path, name, around.get("properties", {})) for name in value]
        if kind == "required":
            return [_tell_missing(path, value, around.get("properties", {}))]
        if kind in {"enum", "const"}:
            return [_tell_choice(path, error.instance, value if kind == "enum" else [value])]
        if kind == "anyOf":
            return [_tell_rule(path, _tell_alternatives(around["anyOf"]), error.instance)]
        return [_tell_rule(path, _RULES.get(kind, _tell_form)(value), error.instance)]


def _explain(faults: list[Fault]) -> ToolError:
    """Give the one error that tells of (at most three of) these."""
    faults.sort(key=lambda fault: fault.rank)
    meant = {fault.details.get("did_you_mean") for fault in faults if fault.rank == 0}
    # A misspelt name is also missing under its right one: say it once.
    told: dict[str, Fault] = {}
    for fault in faults:
        name = fault.details["field"]
        if not (fault.rank == 1 and name in meant) and len(told) < _MAX_TOLD:
            told.setdefault(name, fault)
    first = next(iter(told.values()))
    return ToolError(
        CODE,
        " ".join(fault.message for fault in told.values()),
        fix=" ".join(fault.fix for fault in told.values()),
        details=first.details,
    )


def _tell_unknown(path: str, name: str, known: Mapping[str, Any]) -> Fault:
    place = _join([path, name]) if path else name
    details: dict[str, Any] = {"field": place, "allowed": sorted(known)}
    near = difflib.get_close_matches(name, list(known), n=1)
    message = f"unknown field {_cut(place)}."
    if near:
        meant = _join([path, near[0]]) if path else near[0]
        details["did_you_mean"] = meant
        return Fault(0, f"{message} Did you mean {meant}?", f"Use {meant}.", details)
    inside = f" of {path}" if path else ""
    fix = f"Leave {_cut(place)} out; the fields{inside} are {_list(known) or 'none'}."
    return Fault(0, message, fix, details)


def _tell_missing(path: str, name: str, known: Mapping[str, Any]) -> Fault:
    place = _join([path, name]) if path else name
    details: dict[str, Any] = {"field": place}
    rule = known.get(name)
    allowed = rule.get("enum") if isinstance(rule, Mapping) else None
    fix = f"Add {place}."
    if allowed:
        details["allowed"] = list(allowed)
        fix = f"Add {place}, one of {_list(allowed)}."
    return Fault(1, f"{place} is missing.", fix, details)


def _tell_choice(path: str, given: object, allowed: Sequence[Any]) -> Fault:
    name = path or "arguments"
    details: dict[str, Any] = {"field": name, "allowed": list(allowed)}
    message = f"{name} is {_shown(given)}, which is not allowed."
    near = (
        difflib.get_close_matches(given, [text for text in allowed if isinstance(text, str)], n=1)
        if isinstance(given, str)
        else []
    )
    if near:
        details["did_you_mean"] = near[0]
        message = f"{message} Did you mean {near[0]}?"
    return Fault(2, message, f"Allowed for {name}: {_list(allowed)}.", details)


def _tell_rule(path: str, rule: str, given: object) -> Fault:
    name = path or "arguments"
    return Fault(
        3,
        f"{name} {rule}, not {_shown(given)}.",
        f"Correct {name} and repeat the call.",
        {"field": name},
    )


def _tell_type(types: Sequence[str]) -> str:
    return "must be " + " or ".join(sorted((_TYPES[name] for name in types), key="null".__eq__))


def _tell_alternatives(branches: Sequence[Mapping[str, Any]]) -> str:
    """Say what would do where each alternative is a plain type, or a list of one."""
    words = []
    for branch in branches:
        kind, inner = str(branch.get("type")), str(branch.get("items", {}).get("type"))
        if branch.keys() - {"type", "items", "description"} or kind not in _TYPES:
            return _tell_form(None)
        words.append(_TYPES[kind] + (f" of {_TYPES[inner]}" if inner in _TYPES else ""))
    return f"must be {' or '.join(words)}"


def _tell_form(_value: object) -> str:
    return "must have the form that the tool's schema describes"


_RULES: Final[Mapping[str, Callable[[Any], str]]] = {
    "type": _tell_type,
    "minimum": "must be at least {}".format,
    "maximum": "must be at most {}".format,
    "exclusiveMinimum": "must be more than {}".format,
    "exclusiveMaximum": "must be less than {}".format,
    "multipleOf": "must be a multiple of {}".format,
    "minLength": "must have at least {} characters".format,
    "maxLength": "must have at most {} characters".format,
    "minItems": "must have at least {} items".format,
    "maxItems": "must have at most {} items".format,
    "minProperties": "must have at least {} fields".format,
    "maxProperties": "must have at most {} fields".format,
    "pattern": "must match {}".format,
    "format": "must be a valid {}".format,
    "uniqueItems": lambda _: "must have no item twice",
}


def _join(path: Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _resolve(root: Mapping[str, Any], path: Iterable[str | int]) -> Mapping[str, Any]:
    """Give the object that a path leads to, or an empty one where it cannot be followed."""
    found: Any = root
    for part in path:
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            return {}
    return found if isinstance(found, Mapping) else {}


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) if isinstance(value, str) else _shown(value) for value in values)


def _shown(value: object) -> str:
    return _cut(orjson.dumps(value).decode())


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_CHARS else text[:_MAX_SHOWN_CHARS] + "…"
