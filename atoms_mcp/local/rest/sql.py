"""A planned read becomes SQL text with numbered parameters.

The same shape of request gives the same text, so that its prepared statement is found
again. Values are always parameters, typed as text and cast to what they are compared
with, so that PostgreSQL itself refuses what does not fit (22P02). Names come from the
catalogue; aliases are the request's own, and quoted like all names.

Source: PostgreSQL manual, "Lexical Structure".
"""

# ruff: noqa: S608 - text is joined from constants and names of the catalogue; values are bound

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from atoms_mcp.local.rest.catalogue import SCHEMA, Relationship
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Form
from atoms_mcp.local.rest.plan import Check, Embed, Group, Output, Place, Read, Sort, Test
from atoms_mcp.local.rest.terms import Filter

OPERATORS: Mapping[str, str] = {
    "eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=",
    "like": "~~", "ilike": "~~*", "match": "~", "imatch": "~*",
    "cs": "@>", "cd": "<@", "ov": "&&",
    "sl": "<<", "sr": ">>", "nxr": "&<", "nxl": "&>", "adj": "-|-",
    "isdistinct": "IS DISTINCT FROM",
}  # fmt: skip
PATTERNS = frozenset({"like", "ilike", "match", "imatch"})
SEARCHES: Mapping[str, str] = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}
IS_WORDS: Mapping[str, str] = {
    "null": "NULL", "not_null": "NOT NULL", "true": "TRUE", "false": "FALSE", "unknown": "UNKNOWN",
}  # fmt: skip
JSON_TYPES = frozenset({"json", "jsonb"})
# Types whose values need no cast, so that an index on the column serves the comparison.
TEXT_TYPES = frozenset({"text", "character varying"})
ROW = "pgrst_row"
SOURCE = "pgrst_source"


def quote_name(name: str) -> str:
    """Quote an identifier; no text gets out of the quotes."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Quote a constant of the catalogue; what a request says is bound, never quoted."""
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{quoted}'"


def quote_relation(name: str) -> str:
    """Quote a relation or function of the exposed schema."""
    return f"{quote_name(SCHEMA)}.{quote_name(name)}"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values of its parameters."""

    text: str
    values: tuple[Any, ...] = field(repr=False, default=())


@dataclass(slots=True)
class Bindings:
    """The parameters of one statement, in order; each method gives the text that stands for one."""

    values: list[Any] = field(default_factory=list)
    languages: frozenset[str] = frozenset()
    aliases: int = 0

    def bind(self, value: str | int | list[str], type_name: str) -> str:
        """Add a parameter of a type that the driver knows."""
        self.values.append(value)
        return f"${len(self.values)}::{type_name}"

    def bind_as(self, value: str, type_name: str) -> str:
        """Add a text parameter and let PostgreSQL read it as `type_name`."""
        bound = self.bind(value, "text")
        return bound if type_name in TEXT_TYPES else f"({bound})::{type_name}"

    def close(self, text: str) -> Statement:
        """Give the finished statement."""
        return Statement(text, tuple(self.values))

    def next_alias(self) -> str:
        """Give a fresh name for a relation in the statement."""
        self.aliases += 1
        return f"r{self.aliases}"


@dataclass(frozen=True, slots=True)
class Level:
    """The clauses of one level; `counted` are the joins that decide which rows there are."""

    columns: str
    source: str
    joins: str
    counted: str
    where: str
    order: str
    window: str

    def render(self) -> str:
        """Give the whole SELECT."""
        return (
            f"SELECT {self.columns} FROM {self.source}{self.joins}{self.where}"
            f"{self.order}{self.window}"
        )

    def render_count(self, limit: str = "") -> str:
        """Give the SELECT of all rows before paging, one constant for each."""
        return f"SELECT 1 FROM {self.source}{self.counted}{self.where}{limit}"


def render_level(
    read: Read,
    bindings: Bindings,
    *,
    source: str | None = None,
    alias: str | None = None,
    tie: str | None = None,
) -> Level:
    """Render one level.

    `source` stands in for the relation's own name; `tie` is the condition that ties an
    embed, known as `alias`, to its parent.
    """
    alias = alias or bindings.next_alias()
    tables = [bindings.next_alias() for _ in read.embeds]
    joins = [
        _join(embed, alias, table, bindings)
        for embed, table in zip(read.embeds, tables, strict=True)
    ]
    checked = _checked(read.where)
    shown = list(zip(read.embeds, tables, strict=True))
    columns = [_output(output, alias, bindings) for output in read.outputs]
    columns += [_embed_output(embed, table) for embed, table in shown if not embed.is_hidden]
    conditions = [tie] if tie is not None else []
    conditions += [_test(test, alias, tables, bindings) for test in read.where]
    return Level(
        columns=", ".join(columns),
        source=f"{source or quote_relation(read.relation.name)} AS {alias}",
        joins="".join(joins),
        counted="".join(
            join
            for number, (join, embed) in enumerate(zip(joins, read.embeds, strict=True))
            if embed.is_inner or number in checked
        ),
        where=f" WHERE {' AND '.join(conditions)}" if conditions else "",
        order=_order(read, alias, bindings),
        window=_window(read, bindings),
    )


def render_body(form: Form, *, is_scalar: bool = False) -> str:
    """Give the expression that makes the JSON text out of the rows."""
    value = f"{ROW}.{quote_name('pgrst_scalar')}" if is_scalar else ROW
    rows = f"json_agg({value})"
    if form.is_stripped:
        rows = f"json_strip_nulls({rows})"
    if form.kind == "object":
        return f"coalesce({rows} -> 0, 'null')::text"
    return f"coalesce({rows}, '[]')::text"


def render_tests(tests: Iterable[Test], alias: str, bindings: Bindings) -> str:
    """Render the conditions of a write, as ` WHERE …` or nothing."""
    conditions = [_test(test, alias, (), bindings) for test in tests]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _checked(tests: Iterable[Test]) -> set[int]:
    """Collect the numbers of embeds whose presence decides."""
    found: set[int] = set()
    for test in tests:
        if isinstance(test, Group):
            found |= _checked(test.terms)
        elif not isinstance(test, Check):
            found.add(test.embed)
    return found


def _place(place: Place, alias: str, bindings: Bindings) -> str:
    column = f"{alias}.{quote_name(place.column)}"
    if not place.path:
        return column
    text = column if place.type in JSON_TYPES else f"to_jsonb({column})"
    for step in place.path:
        key = bindings.bind(step.key, "text" if isinstance(step.key, str) else "int")
        text += f"{'->>' if step.is_text else '->'}{key}"
    return f"({text})"


def _output(output: Output, alias: str, bindings: Bindings) -> str:
    if output.place is None:
        return f"{alias}.*"
    text = _place(output.place, alias, bindings)
    if output.cast is not None:
        text = f"CAST({text} AS {output.cast})"
    return f"{text} AS {quote_name(output.name or output.place.column)}"


def _embed_output(embed: Embed, table: str) -> str:
    if embed.is_spread:
        return f"{table}.*"
    value = f"{table}.j" if embed.way.is_to_one else f"coalesce({table}.j, '[]'::json)"
    return f"{value} AS {quote_name(embed.name)}"


def _join(embed: Embed, parent: str, table: str, bindings: Bindings) -> str:
    kind = "JOIN" if embed.is_inner else "LEFT JOIN"
    alias = bindings.next_alias()
    through, tie = _link(embed.way, parent, alias, bindings)
    level = render_level(embed.read, bindings, alias=alias, tie=tie)
    rows = f"SELECT {level.columns} FROM {level.source}{through}{level.joins}{level.where}"
    rows += level.order + level.window
    if embed.is_spread:
        return f" {kind} LATERAL ({rows}) AS {table} ON TRUE"
    if embed.way.is_to_one:
        made = f"SELECT row_to_json({ROW}) AS j FROM ({rows}) AS {ROW}"
        return f" {kind} LATERAL ({made}) AS {table} ON TRUE"
    made = f"SELECT json_agg({ROW}) AS j FROM ({rows}) AS {ROW}"
    presence = f"{table}.j IS NOT NULL" if embed.is_inner else "TRUE"
    return f" {kind} LATERAL ({made}) AS {table} ON {presence}"


def _link(way: Relationship, parent: str, alias: str, bindings: Bindings) -> tuple[str, str]:
    """Give the join of a junction, if any, and the condition that ties `alias` to `parent`."""
    if way.through is None:
        return "", _equal(parent, alias, way.pairs)
    junction = bindings.next_alias()
    near = _equal(parent, junction, way.through.near)
    far = _equal(alias, junction, way.through.far)
    return f" CROSS JOIN {quote_relation(way.through.table)} AS {junction}", f"{near} AND {far}"


def _equal(here: str, there: str, pairs: Sequence[tuple[str, str]]) -> str:
    return " AND ".join(
        f"{there}.{quote_name(theirs)} = {here}.{quote_name(ours)}" for ours, theirs in pairs
    )


def _order(read: Read, alias: str, bindings: Bindings) -> str:
    terms = []
    for sort in read.sorts:
        text = (
            _place(sort.place, alias, bindings)
            if sort.embed is None
            else _related(sort, read.embeds[sort.embed], alias, bindings)
        )
        text += " DESC" if sort.is_descending else ""
        text += f" NULLS {sort.nulls.upper()}" if sort.nulls is not None else ""
        terms.append(text)
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _related(sort: Sort, embed: Embed, parent: str, bindings: Bindings) -> str:
    """Look the order key up in the related row, as filtered there."""
    alias = bindings.next_alias()
    tied = _equal(parent, alias, embed.way.pairs)
    conditions = [tied, *(_test(test, alias, (), bindings) for test in _own(embed.read.where))]
    key = _place(sort.place, alias, bindings)
    source = quote_relation(embed.way.target)
    return f"(SELECT {key} FROM {source} AS {alias} WHERE {' AND '.join(conditions)} LIMIT 1)"


def _own(tests: Iterable[Test]) -> list[Test]:
    return [test for test in tests if not _checked([test])]


def _window(read: Read, bindings: Bindings) -> str:
    text = ""
    if read.window.limit is not None:
        text += f" LIMIT {bindings.bind(read.window.limit, 'bigint')}"
    if read.window.offset:
        text += f" OFFSET {bindings.bind(read.window.offset, 'bigint')}"
    return text


def _test(test: Test, alias: str, tables: Sequence[str], bindings: Bindings) -> str:
    if isinstance(test, Group):
        joined = f" {test.combiner.upper()} ".join(
            _test(term, alias, tables, bindings) for term in test.terms
        )
        return f"{'NOT ' if test.is_negated else ''}({joined})"
    if isinstance(test, Check):
        text = _compare(test.place, test.filter, alias, bindings)
        return f"NOT ({text})" if test.filter.is_negated else text
    return f"{tables[test.embed]}.j IS {'NOT ' if test.is_present else ''}NULL"


def _compare(place: Place, wanted: Filter, alias: str, bindings: Bindings) -> str:
    text = _place(place, alias, bindings)
    if wanted.operator == "is":
        return f"{text} IS {IS_WORDS[wanted.values[0]]}"
    if wanted.operator == "in":
        return _in(place, wanted.values, text, bindings)
    if wanted.operator in SEARCHES:
        return _search(place, wanted, text, bindings)
    value = wanted.values[0]
    type_name = place.value_type
    if wanted.operator in PATTERNS:
        type_name = "text"
    if wanted.operator in {"like", "ilike"}:
        value = value.replace("*", "%")
    operator = OPERATORS[wanted.operator]
    if wanted.quantifier is not None:
        many = bindings.bind_as(value, f"{type_name}[]")
        return f"{text} {operator} {wanted.quantifier.upper()} ({many})"
    return f"{text} {operator} {bindings.bind_as(value, type_name)}"


def _in(place: Place, values: Sequence[str], text: str, bindings: Bindings) -> str:
    type_name = place.value_type
    if place.is_array and not place.path:
        # An array of arrays would have to be rectangular; a list of comparisons need not.
        equal = [f"{text} = {bindings.bind_as(value, type_name)}" for value in values]
        return f"({' OR '.join(equal)})" if equal else "FALSE"
    bound = bindings.bind(list(values), "text[]")
    return f"{text} = ANY ({bound if type_name in TEXT_TYPES else f'({bound})::{type_name}[]'})"


def _search(place: Place, wanted: Filter, text: str, bindings: Bindings) -> str:
    language = ""
    if wanted.language is not None:
        if wanted.language not in bindings.languages:
            missing = f'text search configuration "{wanted.language}" does not exist'
            raise RestError(400, "42704", missing)
        # A constant, not a parameter: only so can an expression index match.
        language = f"{quote_literal(quote_name(wanted.language))}::regconfig, "
    if place.value_type != "tsvector":
        text = f"to_tsvector({language}{text})"
    query = f"{SEARCHES[wanted.operator]}({language}{bindings.bind(wanted.values[0], 'text')})"
    return f"{text} @@ {query}"
