"""What the exposed schema holds: relations, keys and functions, as PostgreSQL says.

A value, read by `rest.introspect` and thrown away whole when the schema changes. Every
name that reaches SQL is looked up here first.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from atoms_mcp.local.rest.errors import RestError

SCHEMA = "public"

Cardinality = Literal["many-to-one", "one-to-many", "one-to-one", "many-to-many"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` is how SQL writes it, `default` the expression that fills it."""

    name: str
    type: str
    is_array: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view; a view's primary key is that of its base table, if it shows it."""

    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...] = ()
    is_view: bool = False
    is_insertable: bool = True
    is_updatable: bool = True
    is_deletable: bool = True

    def find_column(self, name: str) -> Column:
        """Find one column.

        Raises:
            RestError: 400 42703, in PostgreSQL's own words.
        """
        column = self.columns.get(name)
        if column is None:
            near = nearest(name, self.columns)
            hint = f'Perhaps you meant to reference the column "{self.name}.{near}".'
            raise RestError(
                400,
                "42703",
                f"column {self.name}.{name} does not exist",
                hint=hint if near is not None else None,
            )
        return column


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One constraint, as a table or a view that shows all of its columns has it.

    `pairs` are (column of the source, column of the target). `is_unique`: at most one
    source row for each target row.
    """

    name: str
    source: str
    target: str
    pairs: tuple[tuple[str, str], ...]
    is_unique: bool = False


@dataclass(frozen=True, slots=True)
class Through:
    """The table between two in a many-to-many relationship.

    `near` pairs (origin column, table column), `far` pairs (target column, table column).
    """

    table: str
    near_key: str
    far_key: str
    near: tuple[tuple[str, str], ...]
    far: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Relationship:
    """One way from `origin` to `target`; `pairs` are (origin column, target column)."""

    origin: str
    target: str
    cardinality: Cardinality
    constraint: str
    pairs: tuple[tuple[str, str], ...]
    through: Through | None = None

    @property
    def is_to_one(self) -> bool:
        """Tell whether there is at most one target row for each origin row."""
        return self.cardinality in {"many-to-one", "one-to-one"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input of a function; the name is empty where it has none."""

    name: str
    type: str
    has_default: bool = False
    is_variadic: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function; `shape` says what one result row is, `columns` what is known of it.

    `relation` names the relation whose row type it returns, so that results can embed.
    """

    name: str
    parameters: tuple[Parameter, ...]
    shape: Literal["void", "scalar", "composite"]
    is_set: bool
    volatility: Literal["i", "s", "v"]
    relation: str | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it; `languages` are the text search configurations."""

    relations: Mapping[str, Relation]
    relationships: Mapping[str, Sequence[Relationship]]
    functions: Mapping[str, Sequence[Function]]
    languages: frozenset[str] = frozenset()

    def find_relation(self, name: str) -> Relation:
        """Find a table or view.

        Raises:
            RestError: 404 PGRST205, with the nearest name.
        """
        relation = self.relations.get(name)
        if relation is None:
            near = nearest(name, self.relations)
            raise RestError(
                404,
                "PGRST205",
                f"Could not find the table '{SCHEMA}.{name}' in the schema cache",
                hint=f"Perhaps you meant the table '{SCHEMA}.{near}'" if near else None,
            )
        return relation


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Give the known name that is most like `name`, if any is."""
    found = difflib.get_close_matches(name[:100], list(names), 1, 0.6)
    return found[0] if found else None
