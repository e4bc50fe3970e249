"""Which relation leads to which: foreign keys in both directions, through views and junctions.

Source: PostgREST reference, "Resource Embedding".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import permutations

from atoms_mcp.local.rest.catalogue import (
    SCHEMA,
    Catalogue,
    ForeignKey,
    Relation,
    Relationship,
    Through,
    nearest,
)
from atoms_mcp.local.rest.errors import RestError

ViewColumns = Mapping[str, Mapping[str, Mapping[str, str]]]
"""View name -> base table name -> base column -> the view's name for it."""


def build_relationships(
    keys: Iterable[ForeignKey], relations: Mapping[str, Relation], views: ViewColumns
) -> dict[str, tuple[Relationship, ...]]:
    """Derive every relationship, by the name of its origin."""
    shown = [key for base in keys for key in _as_shown(base, views)]
    found: dict[str, list[Relationship]] = {}
    for key in shown:
        forward, backward = _both_ways(key)
        found.setdefault(forward.origin, []).append(forward)
        found.setdefault(backward.origin, []).append(backward)
    for relationship in _through_junctions(shown, relations):
        found.setdefault(relationship.origin, []).append(relationship)
    return {origin: tuple(ways) for origin, ways in found.items()}


def _as_shown(key: ForeignKey, views: ViewColumns) -> Iterator[ForeignKey]:
    """Give the key itself and as each view of its tables shows it."""
    sources = list(_appearances(key.source, [pair[0] for pair in key.pairs], views))
    targets = list(_appearances(key.target, [pair[1] for pair in key.pairs], views))
    for source, from_columns in sources:
        for target, to_columns in targets:
            pairs = tuple(zip(from_columns, to_columns, strict=True))
            yield ForeignKey(key.name, source, target, pairs, key.is_unique)


def _appearances(
    table: str, columns: Sequence[str], views: ViewColumns
) -> Iterator[tuple[str, list[str]]]:
    yield table, list(columns)
    for view, bases in views.items():
        names = bases.get(table, {})
        if all(column in names for column in columns):
            yield view, [names[column] for column in columns]


def _both_ways(key: ForeignKey) -> tuple[Relationship, Relationship]:
    turned = tuple((target, source) for source, target in key.pairs)
    if key.is_unique:
        return (
            Relationship(key.source, key.target, "one-to-one", key.name, key.pairs),
            Relationship(key.target, key.source, "one-to-one", key.name, turned),
        )
    return (
        Relationship(key.source, key.target, "many-to-one", key.name, key.pairs),
        Relationship(key.target, key.source, "one-to-many", key.name, turned),
    )


def _through_junctions(
    keys: Sequence[ForeignKey], relations: Mapping[str, Relation]
) -> Iterator[Relationship]:
    """Find tables whose primary key holds the columns of two foreign keys."""
    by_source: dict[str, list[ForeignKey]] = {}
    for key in keys:
        if not key.is_unique:
            by_source.setdefault(key.source, []).append(key)
    for table, owned in by_source.items():
        primary = set(relations[table].primary_key)
        for near, far in permutations(owned, 2):
            used = {pair[0] for pair in (*near.pairs, *far.pairs)}
            if near.name != far.name and used <= primary:
                through = Through(
                    table,
                    near.name,
                    far.name,
                    tuple((target, source) for source, target in near.pairs),
                    tuple((target, source) for source, target in far.pairs),
                )
                yield Relationship(near.target, far.target, "many-to-many", table, (), through)


def find_relationship(
    catalogue: Catalogue, origin: str, target: str, hint: str | None
) -> Relationship:
    """Find the one way from `origin` to what the request calls `target`.

    The target may be a relation, a foreign key or its only column; the hint a foreign
    key, its only column on either side, or the junction.

    Raises:
        RestError: 400 PGRST200 for none, 300 PGRST201 for several.
    """
    ways = catalogue.relationships.get(origin, ())
    fits = _fits_hint(target, hint) if hint is not None else _fits_plain(catalogue, target)
    own = _fits_self(target, hint)
    found = [way for way in ways if (own(way) if way.origin == way.target else fits(way))]
    if len(found) == 1:
        return found[0]
    raise _ambiguous(origin, target, found) if found else _missing(catalogue, origin, target, hint)


def _fits_plain(catalogue: Catalogue, target: str) -> Callable[[Relationship], bool]:
    def fits(way: Relationship) -> bool:
        if way.target == target:
            return True
        is_key = way.through is None and target in {way.constraint, _only_column(way, 0)}
        return is_key and not catalogue.relations[way.target].is_view

    return fits


def _fits_hint(target: str, hint: str) -> Callable[[Relationship], bool]:
    def fits(way: Relationship) -> bool:
        names = {way.constraint, _only_column(way, 0), _only_column(way, 1)}
        return way.target == target and hint in names

    return fits


def _fits_self(target: str, hint: str | None) -> Callable[[Relationship], bool]:
    """Of the two ways along a key to the same table, the table's name is the one to many."""

    def fits(way: Relationship) -> bool:
        if hint is not None:
            is_hinted = hint in {way.constraint, _only_column(way, 1)}
            return way.target == target and way.cardinality == "one-to-many" and is_hinted
        if way.cardinality == "many-to-one":
            return target == _only_column(way, 0)
        return way.target == target and way.cardinality == "one-to-many"

    return fits


def _only_column(way: Relationship, side: int) -> str | None:
    return way.pairs[0][side] if len(way.pairs) == 1 else None


def _missing(catalogue: Catalogue, origin: str, target: str, hint: str | None) -> RestError:
    near = nearest(target, {way.target for way in catalogue.relationships.get(origin, ())})
    using = f" using the hint '{hint}'" if hint is not None else ""
    return RestError(
        400,
        "PGRST200",
        f"Could not find a relationship between '{origin}' and '{target}' in the schema cache",
        details=f"Searched for a foreign key relationship between '{origin}' and '{target}'"
        f"{using} in the schema '{SCHEMA}', but no matches were found.",
        hint=f"Perhaps you meant '{near}' instead of '{target}'."
        if near not in {None, target}
        else None,
    )


def _ambiguous(origin: str, target: str, found: Sequence[Relationship]) -> RestError:
    choices = ", ".join(f"'{way.target}!{way.constraint}'" for way in found)
    return RestError(
        300,
        "PGRST201",
        "Could not embed because more than one relationship was found for "
        f"'{origin}' and '{target}'",
        details=[
            {
                "cardinality": way.cardinality,
                "embedding": f"{way.origin} with {way.target}",
                "relationship": _described(way),
            }
            for way in found
        ],
        hint=f"Try changing '{target}' to one of the following: {choices}. "
        "Find the desired relationship in the 'details' key.",
    )


def _described(way: Relationship) -> str:
    if way.through is not None:
        near = ", ".join(pair[1] for pair in way.through.near)
        far = ", ".join(pair[1] for pair in way.through.far)
        between = way.through
        return f"{between.table} using {between.near_key}({near}) and {between.far_key}({far})"
    here = ", ".join(pair[0] for pair in way.pairs)
    there = ", ".join(pair[1] for pair in way.pairs)
    return f"{way.constraint} using {way.origin}({here}) and {way.target}({there})"
