"""What a REST query string says, as values: the typed request before any table is known.

Source: PostgREST reference, "Tables and Views".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str, ...]
"""Names of embedded resources from the root down; () is the root."""

Combiner = Literal["and", "or"]
Nulls = Literal["first", "last"]
Quantifier = Literal["any", "all"]


@dataclass(frozen=True, slots=True)
class JsonStep:
    """One arrow into a JSON value; an int key counts array items, `is_text` is `->>`."""

    key: str | int
    is_text: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A column and the way into it."""

    name: str
    path: tuple[JsonStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """One comparison; `values` has one item except for `in`, which lists all of them."""

    field: Field
    operator: str
    values: tuple[str, ...]
    is_negated: bool = False
    quantifier: Quantifier | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """Conditions joined by `and` or `or`."""

    combiner: Combiner
    terms: tuple["Condition", ...]
    is_negated: bool = False


Condition = Filter | Tree


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One key of the order; `relation` names an embedded resource that has the column."""

    field: Field
    is_descending: bool = False
    nulls: Nulls | None = None
    relation: str | None = None


@dataclass(frozen=True, slots=True)
class SelectColumn:
    """One column of the answer; the name `*` is all of them."""

    field: Field
    alias: str | None = None
    cast: str | None = None


@dataclass(frozen=True, slots=True)
class SelectEmbed:
    """A related resource inside each row; without items it only filters."""

    target: str
    items: tuple["SelectItem", ...]
    alias: str | None = None
    hint: str | None = None
    is_inner: bool = False
    is_spread: bool = False

    @property
    def name(self) -> str:
        """Give the key under which it appears, is filtered and ordered."""
        return self.alias or self.target


SelectItem = SelectColumn | SelectEmbed


@dataclass(frozen=True, slots=True)
class Scope:
    """What applies to one level: conditions are AND-ed; `limit` None is no limit."""

    conditions: tuple[Condition, ...] = ()
    order: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query string.

    `columns` and `on_conflict` are None where the parameter is absent. `arguments` are
    the parameters without an operator, which only a function called by GET may have.
    """

    select: tuple[SelectItem, ...]
    scopes: Mapping[Path, Scope] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    on_conflict: tuple[str, ...] | None = None
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def root(self) -> Scope:
        """Give what applies to the requested resource itself."""
        return self.scopes.get((), Scope())
