"""The statements that write: insert, upsert, update, delete, and what they give back.

Rows travel as one JSON parameter that PostgreSQL takes apart by the columns' own types.

Source: PostgREST reference, "Tables and Views".
"""

# ruff: noqa: S608 - text is joined from constants and names of the catalogue; values are bound

from dataclasses import dataclass

from atoms_mcp.local.rest.body import Payload
from atoms_mcp.local.rest.catalogue import Relation
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Form
from atoms_mcp.local.rest.plan import Read, Test
from atoms_mcp.local.rest.sql import (
    ROW,
    SOURCE,
    Bindings,
    Statement,
    quote_literal,
    quote_name,
    quote_relation,
    render_body,
    render_level,
    render_tests,
)

TARGET = "pgrst_target"
BODY = "pgrst_body"
# Counts the rows that an upsert met and changed; local to the transaction.
UPDATED = "coalesce(nullif(current_setting('pgrst.updated', true), ''), '0')::int"
COUNT_UPDATE = f"set_config('pgrst.updated', ({UPDATED} + 1)::text, true) IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Conflict:
    """What to do with rows that are there already, by these columns."""

    columns: tuple[str, ...]
    is_merging: bool


@dataclass(frozen=True, slots=True)
class Returning:
    """What a write gives back besides `n`, the number of rows.

    With `form` the rows as JSON (`body`); with `location` the primary key of the first
    row as texts (`location`).
    """

    read: Read
    form: Form | None = None
    location: tuple[str, ...] = ()


def plan_conflict(
    relation: Relation, resolution: str | None, named: tuple[str, ...] | None
) -> Conflict | None:
    """Decide how to upsert: by `on_conflict`, else by the primary key, else not at all.

    Raises:
        RestError: 400 42703, no such column.
    """
    if resolution is None:
        return None
    columns = relation.primary_key if named is None else named
    for name in columns:
        relation.find_column(name)
    return Conflict(columns, resolution == "merge-duplicates") if columns else None


def check_columns(relation: Relation, payload: Payload) -> None:
    """Refuse columns that the relation does not have.

    Raises:
        RestError: 400 PGRST204.
    """
    for name in payload.columns:
        if name not in relation.columns:
            raise RestError(
                400,
                "PGRST204",
                f"Could not find the '{name}' column of '{relation.name}' in the schema cache",
            )


def render_insert(
    payload: Payload,
    conflict: Conflict | None,
    returning: Returning,
    *,
    has_defaults: bool,
    tests: tuple[Test, ...] = (),
) -> Statement:
    """Render an insert; only rows that pass `tests` (the key in the URL of a PUT) go in."""
    bindings = Bindings()
    relation = returning.read.relation
    text = f"INSERT INTO {quote_relation(relation.name)} AS {TARGET} "
    if payload.columns:
        names = [quote_name(name) for name in payload.columns]
        values = ", ".join(f"{BODY}.{name}" for name in names)
        rows = _rows(relation, payload, bindings, has_defaults=has_defaults)
        text += f"({', '.join(names)}) SELECT {values} FROM {rows}"
    else:
        bound = bindings.bind(payload.text, "text")
        text += f"SELECT FROM json_array_elements(({bound})::json) AS {BODY}"
    text += render_tests(tests, BODY, bindings)
    if conflict is not None:
        text += _on_conflict(conflict, payload)
    is_merging = conflict is not None and conflict.is_merging
    return _returned(text, returning, bindings, is_merging=is_merging)


def render_update(
    payload: Payload,
    tests: tuple[Test, ...],
    returning: Returning,
    *,
    has_defaults: bool,
    languages: frozenset[str],
) -> Statement:
    """Render an update of all rows that pass `tests`; without columns it touches none."""
    bindings = Bindings(languages=languages)
    relation = returning.read.relation
    if not payload.columns:
        columns = _returning_columns(returning)
        text = f"SELECT {columns} FROM {quote_relation(relation.name)} AS {TARGET} WHERE FALSE"
        return _wrapped(text, returning, bindings, is_merging=False)
    pairs = ", ".join(f"{quote_name(name)} = {BODY}.{quote_name(name)}" for name in payload.columns)
    rows = _rows(relation, payload, bindings, has_defaults=has_defaults)
    text = (
        f"UPDATE {quote_relation(relation.name)} AS {TARGET} SET {pairs} "
        f"FROM (SELECT * FROM {rows} LIMIT 1) AS {BODY}"
    )
    text += render_tests(tests, TARGET, bindings)
    return _returned(text, returning, bindings, is_merging=False)


def render_delete(
    tests: tuple[Test, ...], returning: Returning, *, languages: frozenset[str]
) -> Statement:
    """Render a delete of all rows that pass `tests`."""
    bindings = Bindings(languages=languages)
    text = f"DELETE FROM {quote_relation(returning.read.relation.name)} AS {TARGET}"
    text += render_tests(tests, TARGET, bindings)
    return _returned(text, returning, bindings, is_merging=False)


def _rows(relation: Relation, payload: Payload, bindings: Bindings, *, has_defaults: bool) -> str:
    columns = [relation.columns[name] for name in payload.columns]
    types = ", ".join(f"{quote_name(column.name)} {column.type}" for column in columns)
    bound = bindings.bind(payload.text, "text")
    defaults = [column for column in columns if has_defaults and column.default is not None]
    if not defaults:
        return f"json_to_recordset(({bound})::json) AS {BODY}({types})"
    pairs = ", ".join(f"{quote_literal(column.name)}, {column.default}" for column in defaults)
    filled = (
        f"(SELECT jsonb_agg(jsonb_build_object({pairs}) || e.value) AS value "
        f"FROM jsonb_array_elements(({bound})::jsonb) AS e) AS pgrst_filled"
    )
    return f"{filled} CROSS JOIN LATERAL jsonb_to_recordset(pgrst_filled.value) AS {BODY}({types})"


def _on_conflict(conflict: Conflict, payload: Payload) -> str:
    columns = ", ".join(quote_name(name) for name in conflict.columns)
    if not (conflict.is_merging and payload.columns):
        return f" ON CONFLICT ({columns}) DO NOTHING"
    pairs = ", ".join(
        f"{quote_name(name)} = EXCLUDED.{quote_name(name)}" for name in payload.columns
    )
    return f" ON CONFLICT ({columns}) DO UPDATE SET {pairs} WHERE {COUNT_UPDATE}"


def _returned(
    text: str, returning: Returning, bindings: Bindings, *, is_merging: bool
) -> Statement:
    text += f" RETURNING {_returning_columns(returning)}"
    return _wrapped(text, returning, bindings, is_merging=is_merging)


def _returning_columns(returning: Returning) -> str:
    """List what the rest of the statement needs; nothing else asks for the right to read."""
    if returning.form is not None and any(
        output.place is None for output in returning.read.outputs
    ):
        return f"{TARGET}.*"
    names = dict.fromkeys(returning.location)
    if returning.form is not None:
        shown = (output.place for output in returning.read.outputs)
        names.update(dict.fromkeys(place.column for place in shown if place is not None))
        for embed in returning.read.embeds:
            pairs = embed.way.pairs if embed.way.through is None else embed.way.through.near
            names.update(dict.fromkeys(here for here, _ in pairs))
    return ", ".join(f"{TARGET}.{quote_name(name)}" for name in names) or "1"


def _wrapped(text: str, returning: Returning, bindings: Bindings, *, is_merging: bool) -> Statement:
    rows = SOURCE
    shown = ["count(*) AS n"]
    if returning.form is not None:
        shown.insert(0, f"{render_body(returning.form)} AS body")
        rows = f"({render_level(returning.read, bindings, source=SOURCE).render()})"
    if is_merging:
        shown.append(f"{UPDATED} AS updated")
    if returning.location:
        key = ", ".join(f"{SOURCE}.{quote_name(name)}::text" for name in returning.location)
        shown.append(f"(SELECT ARRAY[{key}] FROM {SOURCE} LIMIT 1) AS location")
    return bindings.close(
        f"WITH {SOURCE} AS ({text}) SELECT {', '.join(shown)} FROM {rows} AS {ROW}"
    )
