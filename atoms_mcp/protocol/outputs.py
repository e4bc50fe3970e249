"""Checks what a tool gave against the schema that it promised: clients refuse what does not fit.

Source: JSON Schema 2020-12; MCP 2026-07-28 server/tools, Output Schema.
"""

from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs
import orjson

# Of these alone an object says no more than that it is one.
_SAYING_NOTHING: Final = frozenset({"$schema", "type", "title", "description"})


class WrongOutput(ValueError):  # noqa: N818 - says what is the case
    """It is not what the schema says; the words name the place and the rule, never a value."""


class OutputCheck:
    """The compiled check of one tool's structured results."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Compile the schema; nothing that it refers to is ever fetched.

        Raises:
            ValueError: it is no JSON Schema.
        """
        try:
            self._validator = jsonschema_rs.Draft202012Validator(dict(schema), offline=True)
        except jsonschema_rs.ValidationError as exc:
            raise ValueError(f"not a JSON Schema: {exc.message}") from None

    def check(self, structured: bytes) -> None:
        """Pass an encoded result that fits: what is sent, not what it was made of.

        Raises:
            WrongOutput: it does not.
        """
        error = next(self._validator.iter_errors(orjson.loads(structured)), None)
        if error is not None:
            place = "/".join(map(str, error.instance_path)) or "the result"
            raise WrongOutput(f"{place} does not fit its rule {error.kind.name}")


def demands_nothing(schema: Mapping[str, Any]) -> bool:
    """Tell whether every object fits a schema of an object."""
    return schema.get("type") == "object" and schema.keys() <= _SAYING_NOTHING
