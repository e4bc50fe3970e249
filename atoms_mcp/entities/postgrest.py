"""Values and conditions as PostgREST reads them: the one place where its quoting rules are written.

A plain filter (`name=eq.a,b`) takes everything after the operator as it stands. Inside `in.(…)`,
`or=(…)` and `and=(…)` a value with reserved characters must be quoted, and an array operand is
quoted once more. Column names come from the catalogue, never from a caller, and are checked here
again. Percent-encoding is the sender's work.

Source: PostgREST 16 API reference, "Tables and Views": operators, logical operators, reserved
characters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

COLUMN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
OPERATORS = frozenset(
    {"eq", "neq", "gt", "gte", "lt", "lte", "ilike", "imatch", "in", "is", "ov", "cs"}
)
RESERVED_NAMES = frozenset(
    {"select", "order", "limit", "offset", "columns", "on_conflict", "and", "or", "not"}
)
# Anything else inside a list or a tree is quoted; quoting too much is harmless.
BARE = re.compile(r"[A-Za-z0-9_-]+")
# Written as they stand also inside a tree: a list quotes its own items, `is` takes a keyword.
RAW = frozenset({"in", "is"})

# Gateways refuse request lines over some 8,000 bytes; the path and the protocol need a part.
MAX_QUERY_BYTES = 7_500

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `operand` is as a plain filter has it, without quotes of a tree."""

    column: str
    operator: str
    operand: str
    is_negated: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that could end the comparison and begin another one."""
        if not COLUMN.fullmatch(self.column) or self.column in RESERVED_NAMES:
            raise ValueError(f"not a column name: {self.column!r}")
        if self.operator not in OPERATORS:
            raise ValueError(f"not an operator: {self.operator!r}")

    @property
    def verb(self) -> str:
        """The operator as it is written, with its negation."""
        return f"not.{self.operator}" if self.is_negated else self.operator

    def pair(self) -> Pair:
        """Give the condition as a query parameter of its own."""
        return self.column, f"{self.verb}.{self.operand}"

    def branch(self) -> str:
        """Give the condition as a part of a logic tree."""
        operand = self.operand if self.operator in RAW else quote(self.operand)
        return f"{self.column}.{self.verb}.{operand}"


def quote(value: str) -> str:
    """Quote a value for a list or a logic tree where it needs it."""
    if BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_text(value: object) -> str:
    """Write a scalar as PostgREST casts it back: numbers and booleans as JSON has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def equal(column: str, value: object) -> Condition:
    """Ask that `column` equals `value`."""
    return Condition(column, "eq", as_text(value))


def compare(column: str, operator: str, value: object) -> Condition:
    """Ask that `column` stands in one of the order relations (gt, gte, lt, lte) to `value`."""
    return Condition(column, operator, as_text(value))


def one_of(column: str, values: Iterable[object]) -> Condition:
    """Ask that `column` is one of `values`; no values match nothing."""
    return Condition(column, "in", f"({','.join(quote(as_text(value)) for value in values)})")


def is_null(column: str) -> Condition:
    """Ask that `column` has no value."""
    return Condition(column, "is", "null")


def is_not_null(column: str) -> Condition:
    """Ask that `column` has a value."""
    return Condition(column, "is", "null", is_negated=True)


def overlaps(column: str, values: Iterable[str]) -> Condition:
    """Ask that the array `column` holds at least one of `values`."""
    return Condition(column, "ov", array(values))


def array(values: Iterable[str]) -> str:
    """Write a PostgreSQL array literal of texts, every element quoted.

    Source: PostgreSQL manual, "Arrays", array input and output syntax.
    """
    elements = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{element}"' for element in elements) + "}"


def same_text(column: str, value: str) -> Condition:
    """Ask that `column` equals `value` but for case.

    Databases and `str.casefold` differ about a few letters: compare what comes back where it
    decides anything.
    """
    if "*" in value:
        return Condition(column, "imatch", f"^{_expression(value)}$")
    return Condition(column, "ilike", _pattern(value))


def contains_text(column: str, value: str) -> Condition:
    """Ask that `column` contains `value`, whatever the case."""
    if "*" in value:
        return Condition(column, "imatch", _expression(value))
    return Condition(column, "ilike", f"%{_pattern(value)}%")


def starts_with(column: str, value: str) -> Condition:
    """Ask that `column` begins with `value`, whatever the case."""
    if "*" in value:
        return Condition(column, "imatch", f"^{_expression(value)}")
    return Condition(column, "ilike", f"{_pattern(value)}%")


def _pattern(value: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", value)


def _expression(value: str) -> str:
    """Write a text as a regular expression: in a pattern PostgREST makes "%" of every "*".

    Source: PostgreSQL manual, "POSIX Regular Expressions", escapes.
    """
    return re.sub(r"([\\.*+?()\[\]{}|^$])", r"\\\1", value)


def all_of(conditions: Sequence[Condition]) -> str:
    """Give a branch of a tree that holds when every condition does."""
    if len(conditions) == 1:
        return conditions[0].branch()
    return f"and({','.join(condition.branch() for condition in conditions)})"


def any_of(branches: Iterable[str]) -> Pair:
    """Give the query parameter that holds when one of `branches` does."""
    return "or", f"({','.join(branches)})"


def pairs(conditions: Iterable[Condition]) -> tuple[Pair, ...]:
    """Give conditions that must all hold as query parameters."""
    return tuple(condition.pair() for condition in conditions)


def after(keys: Sequence[tuple[str, bool, Any]], *, has_nulls: bool = False) -> tuple[Pair, ...]:
    """Give the filters for rows that come after a position in an order.

    `keys` are (column, is_descending, value at the position), the last one unique. Beside the
    exact tree goes a plain bound on the first column, because an index can begin its scan there.
    `has_nulls` says that rows without a value in the first column come after all others.
    """
    column, is_descending, value = keys[0]
    if has_nulls and value is None:
        return (is_null(column).pair(), *after(keys[1:]))
    branches = []
    for depth, (name, is_falling, given) in enumerate(keys):
        same = [equal(outer, there) for outer, _, there in keys[:depth]]
        beyond = compare(name, "lt" if is_falling else "gt", given)
        branches.append(all_of([*same, beyond]))
    if has_nulls:
        return (any_of([*branches, is_null(column).branch()]),)
    bound = compare(column, "lte" if is_descending else "gte", value)
    return (bound.pair(), any_of(branches))


def query_bytes(query: Iterable[Pair]) -> int:
    """Give how long a query string will be on the wire, about: blanks count three bytes there."""
    return sum(
        len(name) + len(quote_plus(value)) + 2 * value.count(" ") + 2 for name, value in query
    )
