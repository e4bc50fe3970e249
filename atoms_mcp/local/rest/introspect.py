"""Reads the catalogue of the exposed schema out of PostgreSQL, in one statement.

Runs with an empty search path, so that every type and default comes back with its schema
and means the same under any other path.

Source: PostgreSQL manual, "System Catalogs"; PostgREST reference, "Schema Cache".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg
import orjson

from atoms_mcp.local.rest.catalogue import (
    SCHEMA,
    Catalogue,
    Column,
    ForeignKey,
    Function,
    Parameter,
    Relation,
)
from atoms_mcp.local.rest.relations import ViewColumns, build_relationships

INSERTS, UPDATES, DELETES = 8, 4, 16  # bits of pg_relation_is_updatable

RELATIONS = """
select coalesce(json_agg(json_build_object(
  'oid', c.oid::bigint,
  'name', c.relname,
  'is_view', c.relkind in ('v', 'm'),
  'writes', pg_relation_is_updatable(c.oid, true),
  'columns', (
    select coalesce(json_agg(json_build_object(
      'number', a.attnum,
      'name', a.attname,
      'type', format_type(a.atttypid, -1),
      'is_array', t.typcategory = 'A',
      'default', case
        when a.attidentity = 'd' then format('nextval(%L::regclass)',
          pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname))
        when a.attgenerated = '' then coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault)
      end
    ) order by a.attnum), '[]')
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'keys', (
    select coalesce(json_agg(json_build_object(
      'is_primary', k.contype = 'p',
      'columns', k.conkey)), '[]')
    from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u')),
  'rule', (
    select r.ev_action::text from pg_rewrite r
    where r.ev_class = c.oid and r.rulename = '_RETURN' and c.relkind in ('v', 'm'))
) order by c.relname), '[]')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
"""

FOREIGN_KEYS = """
select coalesce(json_agg(json_build_object(
  'name', k.conname,
  'source', k.conrelid::bigint, 'source_columns', k.conkey,
  'target', k.confrelid::bigint, 'target_columns', k.confkey) order by k.conname, k.oid), '[]')
from pg_constraint k
join pg_class s on s.oid = k.conrelid join pg_class t on t.oid = k.confrelid
join pg_namespace n on n.oid = s.relnamespace and n.oid = t.relnamespace
where k.contype = 'f' and k.conparentid = 0 and n.nspname = $1
"""

FUNCTIONS = """
select coalesce(json_agg(json_build_object(
  'name', p.proname,
  'inputs', p.pronargs,
  'defaults', p.pronargdefaults,
  'names', p.proargnames,
  'modes', p.proargmodes,
  'types', (
    select json_agg(format_type(a.type, -1) order by a.place)
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
      with ordinality as a (type, place)),
  'arrays', (
    select json_agg(t.typcategory = 'A' order by a.place)
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
      with ordinality as a (type, place) join pg_type t on t.oid = a.type),
  'is_variadic', p.provariadic <> 0,
  'is_set', p.proretset,
  'returns', format_type(p.prorettype, -1),
  'kind', r.typtype,
  'volatility', p.provolatile,
  'relation', r.typrelid::bigint) order by p.proname, p.oid), '[]')
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_type r on r.oid = p.prorettype
where n.nspname = $1 and p.prokind = 'f'
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
"""

ALL = f"""
select json_build_object(
  'relations', ({RELATIONS}),
  'foreign_keys', ({FOREIGN_KEYS}),
  'functions', ({FUNCTIONS}),
  'languages', (select json_agg(cfgname) from pg_ts_config where pg_ts_config_is_visible(oid))
)::text
"""  # noqa: S608 - joined from the constants above

TARGET = re.compile(
    r":resname ((?:[^ \\]|\\.)+) :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+)"
)
NODE_MARK = re.compile(r"\\.|[(){}]", re.DOTALL)
TOP_TARGET_DEPTH = 4  # ({QUERY … :targetList ({TARGETENTRY


async def load_catalogue(connection: asyncpg.Connection) -> Catalogue:
    """Read what the schema holds now; any role may."""
    async with connection.transaction(readonly=True):
        await connection.execute("set local search_path to ''")
        raw = await connection.fetchval(ALL, SCHEMA)
    return _build(orjson.loads(raw))


def _build(raw: Mapping[str, Any]) -> Catalogue:
    tables = {table["oid"]: table for table in raw["relations"]}
    views = {table["name"]: _view_columns(table, tables) for table in tables.values()}
    shown: ViewColumns = {view: bases for view, bases in views.items() if bases}
    relations = {table["name"]: _relation(table, shown, tables) for table in tables.values()}
    keys = [
        _foreign_key(key, tables)
        for key in raw["foreign_keys"]
        if key["source"] in tables and key["target"] in tables
    ]
    functions: dict[str, list[Function]] = {}
    for function in raw["functions"]:
        found = _function(function, tables, relations)
        functions.setdefault(found.name, []).append(found)
    return Catalogue(
        relations=relations,
        relationships=build_relationships(keys, relations, shown),
        functions=functions,
        languages=frozenset(raw["languages"] or ()),
    )


def _names(table: Mapping[str, Any]) -> dict[int, str]:
    return {column["number"]: column["name"] for column in table["columns"]}


def _primary_key(table: Mapping[str, Any]) -> tuple[str, ...]:
    names = _names(table)
    for key in table["keys"]:
        if key["is_primary"]:
            return tuple(names[number] for number in key["columns"])
    return ()


def _relation(
    table: Mapping[str, Any], shown: ViewColumns, tables: Mapping[int, Mapping[str, Any]]
) -> Relation:
    primary_key = _primary_key(table)
    if table["is_view"]:
        bases = shown.get(table["name"], {})
        primary_key = next(_keys_of_bases(bases, tables), ())
    return Relation(
        name=table["name"],
        columns={
            column["name"]: Column(
                column["name"], column["type"], column["is_array"], column["default"]
            )
            for column in table["columns"]
        },
        primary_key=primary_key,
        is_view=table["is_view"],
        is_insertable=bool(table["writes"] & INSERTS),
        is_updatable=bool(table["writes"] & UPDATES),
        is_deletable=bool(table["writes"] & DELETES),
    )


def _keys_of_bases(
    bases: Mapping[str, Mapping[str, str]], tables: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[str, ...]]:
    by_name = {table["name"]: table for table in tables.values()}
    for base, names in bases.items():
        key = _primary_key(by_name[base])
        if key and all(column in names for column in key):
            yield tuple(names[column] for column in key)


def _view_columns(
    table: Mapping[str, Any], tables: Mapping[int, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Say which base columns a view shows: base table -> base column -> name in the view."""
    found: dict[str, dict[str, str]] = {}
    for name, base, number in _targets(table["rule"] or ""):
        if base in tables and number:
            column = _names(tables[base])[number]
            found.setdefault(tables[base]["name"], {}).setdefault(column, name)
    return found


def _targets(rule: str) -> Iterator[tuple[str, int, int]]:
    """Read the outermost target list of a view's stored query: name, base table, base column.

    The text is PostgreSQL's own dump of its parse tree; inner queries lie deeper.
    """
    depth = 0
    start = 0
    for mark in NODE_MARK.finditer(rule):
        if mark[0] in "({":
            depth += 1
            if depth == TOP_TARGET_DEPTH:
                start = mark.start()
        elif mark[0] in ")}":
            if depth == TOP_TARGET_DEPTH and rule.startswith("{TARGETENTRY ", start):
                # The entry's own fields stand after those of its expression.
                for name, base, number in TARGET.findall(rule, start, mark.start())[-1:]:
                    yield re.sub(r"\\(.)", r"\1", name), int(base), int(number)
            depth -= 1


def _foreign_key(key: Mapping[str, Any], tables: Mapping[int, Mapping[str, Any]]) -> ForeignKey:
    source, target = tables[key["source"]], tables[key["target"]]
    from_names, to_names = _names(source), _names(target)
    uniques = [set(unique["columns"]) for unique in source["keys"]]
    return ForeignKey(
        name=key["name"],
        source=source["name"],
        target=target["name"],
        pairs=tuple(
            (from_names[here], to_names[there])
            for here, there in zip(key["source_columns"], key["target_columns"], strict=True)
        ),
        is_unique=set(key["source_columns"]) in uniques,
    )


def _function(
    raw: Mapping[str, Any],
    tables: Mapping[int, Mapping[str, Any]],
    relations: Mapping[str, Relation],
) -> Function:
    table = tables.get(raw["relation"])
    relation = relations[table["name"]] if table is not None else None
    columns = dict(relation.columns) if relation is not None else _output_columns(raw)
    shape: Any = "scalar"
    if raw["returns"] == "void":
        shape = "void"
    elif raw["kind"] == "c" or columns or raw["returns"] == "record":
        shape = "composite"
    return Function(
        name=raw["name"],
        parameters=_parameters(raw),
        shape=shape,
        is_set=raw["is_set"],
        volatility=raw["volatility"],
        relation=relation.name if relation is not None else None,
        columns=columns,
    )


def _parameters(raw: Mapping[str, Any]) -> tuple[Parameter, ...]:
    types = raw["types"] or []
    modes = raw["modes"] or ["i"] * len(types)
    names = raw["names"] or [""] * len(types)
    inputs = [at for at, mode in enumerate(modes) if mode in "ibv"]
    first_default = raw["inputs"] - raw["defaults"]
    return tuple(
        Parameter(
            name=names[at],
            type=types[at],
            has_default=place >= first_default,
            is_variadic=modes[at] == "v",
        )
        for place, at in enumerate(inputs)
    )


def _output_columns(raw: Mapping[str, Any]) -> dict[str, Column]:
    """Give the columns of TABLE(…) or OUT arguments, also of a single one."""
    modes = raw["modes"] or []
    outputs = [at for at, mode in enumerate(modes) if mode in "obt"]
    names, types, arrays = raw["names"] or [], raw["types"] or [], raw["arrays"] or []
    return {names[at]: Column(names[at], types[at], arrays[at]) for at in outputs}
