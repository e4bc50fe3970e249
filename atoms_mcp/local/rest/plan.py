"""A typed request meets the catalogue: every name is found, every embed gets its way there.

What comes out says all that SQL needs and holds no name that the catalogue does not,
except aliases, which `rest.sql` quotes.

Source: PostgREST reference, "Resource Embedding".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from atoms_mcp.local.rest.catalogue import Catalogue, Relation, Relationship
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Window, plan_window
from atoms_mcp.local.rest.relations import find_relationship
from atoms_mcp.local.rest.terms import (
    Combiner,
    Condition,
    Field,
    Filter,
    JsonStep,
    Nulls,
    OrderTerm,
    Path,
    Query,
    Scope,
    SelectColumn,
    SelectEmbed,
    SelectItem,
    Tree,
)

IDENTIFIER_BYTES = 63
CASTS = frozenset(
    {
        "bigint", "bool", "boolean", "bytea", "date", "decimal", "double precision", "float4",
        "float8", "int", "int2", "int4", "int8", "integer", "interval", "json", "jsonb",
        "numeric", "real", "smallint", "text", "time", "timestamp", "timestamptz", "timetz",
        "uuid", "varchar",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A column that exists, and the way into it."""

    column: str
    type: str
    is_array: bool = False
    path: tuple[JsonStep, ...] = ()

    @property
    def value_type(self) -> str:
        """Give the type of what is found there."""
        if not self.path:
            return self.type
        return "text" if self.path[-1].is_text else "jsonb"


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison of a place."""

    place: Place
    filter: Filter


@dataclass(frozen=True, slots=True)
class EmbedCheck:
    """Whether embed number `embed` of the same level has rows."""

    embed: int
    is_present: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Checks joined by `and` or `or`."""

    combiner: Combiner
    terms: tuple["Test", ...]
    is_negated: bool


Test = Check | EmbedCheck | Group


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the answer; without a place it is all of them."""

    place: Place | None
    name: str | None = None
    cast: str | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of the order; `embed` numbers the to-one embed that has the place."""

    place: Place
    is_descending: bool
    nulls: Nulls | None
    embed: int | None = None


@dataclass(frozen=True, slots=True)
class Embed:
    """A related resource; a hidden one (no items) only filters."""

    name: str
    way: Relationship
    read: "Read"
    is_inner: bool
    is_spread: bool
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Read:
    """One level of an answer."""

    relation: Relation
    outputs: tuple[Output, ...]
    embeds: tuple[Embed, ...]
    where: tuple[Test, ...]
    sorts: tuple[Sort, ...]
    window: Window


def plan_read(
    catalogue: Catalogue,
    relation: Relation,
    query: Query,
    *,
    window: Window,
    max_rows: int | None = None,
) -> Read:
    """Plan the answer of `relation`; `window` is that of the root, `max_rows` caps each level.

    Raises:
        RestError: an unknown column, relationship or embed; what cannot be done.
    """
    read = _Planner(catalogue, query, max_rows).plan(relation, query.select, (), window)
    _check_paths(query)
    return read


def plan_tests(relation: Relation, conditions: Iterable[Condition]) -> tuple[Test, ...]:
    """Plan the conditions of a write, which know no embeds.

    Raises:
        RestError: an unknown column.
    """
    return tuple(_test(relation, condition, ()) for condition in conditions)


def _check_paths(query: Query) -> None:
    for path in query.scopes:
        items: Sequence[SelectItem] = query.select
        for name in path:
            embed = _find_embed(items, name)
            if embed is None:
                raise _not_embedded(name)
            items = embed.items


def _find_embed(items: Iterable[SelectItem], name: str) -> SelectEmbed | None:
    embeds = [item for item in items if isinstance(item, SelectEmbed)]
    for embed in embeds:
        if embed.name == name:
            return embed
    return next((embed for embed in embeds if embed.target == name), None)


def _not_embedded(name: str) -> RestError:
    return RestError(
        400,
        "PGRST108",
        f"'{name}' is not an embedded resource in this request",
        hint=f"Verify that '{name}' is included in the 'select' query parameter.",
    )


class _Planner:
    """The walk down the levels of one request."""

    def __init__(self, catalogue: Catalogue, query: Query, max_rows: int | None) -> None:
        self._catalogue = catalogue
        self._query = query
        self._max_rows = max_rows

    def plan(
        self, relation: Relation, items: Iterable[SelectItem], path: Path, window: Window
    ) -> Read:
        items = tuple(items)
        wanted = tuple(item for item in items if isinstance(item, SelectEmbed))
        embeds = tuple(self._embed(relation, embed, items, path) for embed in wanted)
        scope = self._query.scopes.get(path, Scope())
        return Read(
            relation=relation,
            outputs=tuple(
                _output(relation, item) for item in items if isinstance(item, SelectColumn)
            ),
            embeds=embeds,
            where=tuple(_test(relation, condition, embeds) for condition in scope.conditions),
            sorts=tuple(_sort(relation, term, embeds) for term in scope.order),
            window=self._capped(window),
        )

    def _capped(self, window: Window) -> Window:
        if self._max_rows is None:
            return window
        limit = self._max_rows if window.limit is None else min(window.limit, self._max_rows)
        return replace(window, limit=limit)

    def _embed(
        self, relation: Relation, item: SelectEmbed, siblings: Sequence[SelectItem], path: Path
    ) -> Embed:
        _check_alias(item.name)
        way = find_relationship(self._catalogue, relation.name, item.target, item.hint)
        if item.is_spread and not way.is_to_one:
            raise RestError(
                400,
                "PGRST127",
                "Feature not implemented",
                details=f"'{relation.name}' and '{item.target}' do not form a many-to-one or "
                "one-to-one relationship, and only such can be spread here",
            )
        below = (*path, self._scope_name(item, siblings, path))
        scope = self._query.scopes.get(below, Scope())
        target = self._catalogue.relations[way.target]
        read = self.plan(target, item.items, below, plan_window(scope, None))
        return Embed(item.name, way, read, item.is_inner, item.is_spread, not item.items)

    def _scope_name(self, item: SelectEmbed, siblings: Sequence[SelectItem], path: Path) -> str:
        """Say under which name the request filters this embed: its own, else its target's."""
        by_target = (*path, item.target)
        depth = len(by_target)
        is_used = any(scope[:depth] == by_target for scope in self._query.scopes)
        return item.target if is_used and _find_embed(siblings, item.target) is item else item.name


def _check_alias(name: str) -> None:
    if len(name.encode()) > IDENTIFIER_BYTES or "\0" in name:
        raise RestError(
            400,
            "PGRST100",
            "A name in the select parameter is too long or has a NUL",
            details=f"At most {IDENTIFIER_BYTES} bytes of UTF-8 are allowed.",
        )


def _place(relation: Relation, field: Field) -> Place:
    column = relation.find_column(field.name)
    return Place(column.name, column.type, column.is_array, field.path)


def _output(relation: Relation, item: SelectColumn) -> Output:
    if item.field.name == "*" and not item.field.path:
        return Output(None)
    if item.cast is not None and item.cast.lower() not in CASTS:
        raise RestError(
            400,
            "42704",
            f'type "{item.cast}" does not exist',
            hint=f"Cast to one of: {', '.join(sorted(CASTS))}",
        )
    name = item.alias
    if name is None and item.field.path:
        keys = [step.key for step in item.field.path if isinstance(step.key, str)]
        name = keys[-1] if keys else item.field.name
    if name is not None:
        _check_alias(name)
    cast = None if item.cast is None else item.cast.lower()
    return Output(_place(relation, item.field), name, cast)


def _test(relation: Relation, condition: Condition, embeds: Sequence[Embed]) -> Test:
    if isinstance(condition, Tree):
        terms = tuple(_test(relation, term, embeds) for term in condition.terms)
        return Group(condition.combiner, terms, condition.is_negated)
    number = _embed_number(embeds, condition.field.name)
    if number is not None and not condition.field.path:
        if condition.operator == "is" and condition.values[0] in {"null", "not_null"}:
            is_present = (condition.values[0] == "not_null") != condition.is_negated
            return EmbedCheck(number, is_present)
        if condition.field.name not in relation.columns:
            raise RestError(
                400,
                "PGRST120",
                f"Bad operator on the '{condition.field.name}' embedded resource",
                details="Only is null or not is null filters are allowed on embedded resources",
            )
    return Check(_place(relation, condition.field), condition)


def _embed_number(embeds: Sequence[Embed], name: str) -> int | None:
    numbered = enumerate(embeds)
    return next((at for at, embed in numbered if embed.name == name and not embed.is_spread), None)


def _sort(relation: Relation, term: OrderTerm, embeds: Sequence[Embed]) -> Sort:
    if term.relation is None:
        return Sort(_place(relation, term.field), term.is_descending, term.nulls)
    number = next((at for at, embed in enumerate(embeds) if embed.name == term.relation), None)
    if number is None:
        raise _not_embedded(term.relation)
    embed = embeds[number]
    if not embed.way.is_to_one:
        raise RestError(
            400,
            "PGRST118",
            f"A related order on '{term.relation}' is not possible",
            details=f"'{relation.name}' and '{term.relation}' do not form a many-to-one or "
            "one-to-one relationship",
        )
    place = _place(embed.read.relation, term.field)
    return Sort(place, term.is_descending, term.nulls, number)
