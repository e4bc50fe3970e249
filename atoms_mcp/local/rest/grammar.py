"""The small languages inside a REST query string: filters, trees, order, lists of names.

Each `parse_` takes one decoded parameter value and gives terms or raises `RestError`
(400 PGRST100) that says where it stopped. Nothing here knows tables.

Deviation: text after a complete `in` list or `is` word is refused; PostgREST ignores it.

Source: PostgREST reference, "Reserved characters".
"""

import re
from collections.abc import Callable
from typing import cast

from atoms_mcp.local.rest.scan import NAME, Scanner, read_json_path, read_name, take_quoted
from atoms_mcp.local.rest.terms import (
    Combiner,
    Condition,
    Field,
    Filter,
    Nulls,
    OrderTerm,
    Path,
    Quantifier,
    Tree,
)

COMPARED = frozenset({"eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"})
PLAIN = frozenset({"neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "isdistinct"})
SEARCHES = frozenset({"fts", "plfts", "phfts", "wfts"})
IS_WORDS = frozenset({"null", "not_null", "true", "false", "unknown"})

OPERATOR = re.compile(r"([a-z]+)(?:\(([\w $]+)\))?\.")
TREE = re.compile(r"(not\.)?(and|or)[ \t]*\(")
TO_DELIMITER = re.compile(r"[^,)]*")
BRACES = re.compile(r"\{[^{}]*\}")


def parse_filter(field: Field, text: str) -> Filter:
    """Read the value of `column=op.value`: all after the operator is the value, as it stands."""
    scanner = Scanner(text, "filter")
    found = _filter(scanner, field, _rest)
    if not scanner.is_done():
        scanner.fail("end of input")
    return found


def parse_tree(key: str, text: str) -> tuple[Path, Condition]:
    """Read `or=(…)`, `not.and=(…)`, `rel.or=(…)`; `key` is the parameter's name."""
    names = parse_names(key)
    combiner = cast("Combiner", names[-1])
    path = tuple(name for name in names[:-1] if name != "not")
    scanner = Scanner(text, "logic tree")
    tree = _branches(scanner, combiner, 1, is_negated="not" in names[:-1])
    if not scanner.is_done():
        scanner.fail("end of input")
    return path, tree


def parse_order(text: str) -> tuple[OrderTerm, ...]:
    """Read `order=`."""
    scanner = Scanner(text, "order")
    terms = []
    while True:
        scanner.count_term()
        terms.append(_order_term(scanner))
        if scanner.is_done():
            return tuple(terms)
        if not scanner.take(","):
            scanner.fail('"asc", "desc", "nullsfirst", "nullslast", "," or end of input')


def parse_columns(text: str, what: str) -> tuple[str, ...]:
    """Read `columns=` or `on_conflict=`; each name once, in the order given."""
    scanner = Scanner(text, f"{what} parameter")
    names: dict[str, None] = {}
    while True:
        scanner.count_term()
        scanner.blanks()
        names[read_name(scanner)] = None
        scanner.blanks()
        if scanner.is_done():
            return tuple(names)
        if not scanner.take(","):
            scanner.fail('"," or end of input')


def parse_names(key: str) -> Path:
    """Read names joined by dots."""
    scanner = Scanner(key, "tree path")
    names = _dotted(scanner)
    if not scanner.is_done():
        scanner.fail('"." or end of input')
    return names


def parse_field_path(key: str) -> tuple[Path, Field]:
    """Read a filter's key: `column`, `rel.column`, `"odd.column"`, `data->a->>b`."""
    scanner = Scanner(key, "tree path")
    names = _dotted(scanner)
    field = Field(names[-1], read_json_path(scanner))
    if not scanner.is_done():
        scanner.fail('"->", "->>", "." or end of input')
    return names[:-1], field


def _dotted(scanner: Scanner) -> Path:
    names = [read_name(scanner)]
    while scanner.take("."):
        names.append(read_name(scanner))
        scanner.enter(len(names) - 1)
    return tuple(names)


def _filter(scanner: Scanner, field: Field, value: Callable[[Scanner], str]) -> Filter:
    is_negated = scanner.take("not.")
    start = scanner.at
    found = scanner.match(OPERATOR)
    operator, inside = (found[1], found[2]) if found is not None else ("", None)
    quantifier = cast("Quantifier", inside) if operator in COMPARED else None
    language = inside if operator in SEARCHES else None
    if not _takes(operator, inside):
        scanner.at = start
        scanner.fail("operator (eq, gt, ...)" if is_negated else '"not" or operator (eq, gt, ...)')
    if operator == "in":
        values = _list(scanner)
    else:
        values = (_is_word(scanner) if operator == "is" else value(scanner),)
    return Filter(field, operator, values, is_negated, quantifier, language)


def _takes(operator: str, inside: str | None) -> bool:
    """Tell whether this is an operator, and may have what stands in its parentheses."""
    if inside is None:
        return operator in COMPARED | PLAIN | SEARCHES | {"in", "is"}
    return operator in SEARCHES or (operator in COMPARED and inside in {"any", "all"})


def _rest(scanner: Scanner) -> str:
    value = scanner.text[scanner.at :]
    scanner.at = len(scanner.text)
    return value


def _is_word(scanner: Scanner) -> str:
    found = scanner.match(NAME)
    word = found[0].lower() if found is not None else ""
    if word not in IS_WORDS:
        scanner.fail("isVal: (null, not_null, true, false, unknown)")
    return word


def _list(scanner: Scanner) -> tuple[str, ...]:
    scanner.blanks()
    if not scanner.take("("):
        scanner.fail('"("')
    values = []
    scanner.blanks()
    while True:
        values.append(_delimited(scanner))
        if not scanner.take(","):
            break
    if not scanner.take(")"):
        scanner.fail('"," or ")"')
    scanner.blanks()
    # As the real one: a list of one empty item, quoted or not, is the empty list.
    return () if values == [""] else tuple(values)


def _delimited(scanner: Scanner) -> str:
    """Read one item up to `,` or `)`; quotes count only around the whole of it."""
    start = scanner.at
    quoted = take_quoted(scanner)
    if quoted is not None and (scanner.is_done() or scanner.next_is(",", ")")):
        return quoted
    scanner.at = start
    found = scanner.match(TO_DELIMITER)
    return found[0] if found is not None else ""


def _tree_value(scanner: Scanner) -> str:
    """Read a value in a tree; an array literal `{…}` is taken whole, commas included."""
    if scanner.next_is("{"):
        found = scanner.match(BRACES)
        if found is not None:
            return found[0]
    return _delimited(scanner)


def _branches(scanner: Scanner, combiner: Combiner, depth: int, *, is_negated: bool) -> Tree:
    scanner.enter(depth)
    scanner.blanks()
    if not scanner.take("("):
        scanner.fail('"("')
    terms = []
    while True:
        scanner.count_term()
        scanner.blanks()
        terms.append(_tree_term(scanner, depth))
        scanner.blanks()
        if not scanner.take(","):
            break
    if not scanner.take(")"):
        scanner.fail('"," or ")"')
    scanner.blanks()
    return Tree(combiner, tuple(terms), is_negated)


def _tree_term(scanner: Scanner, depth: int) -> Condition:
    found = TREE.match(scanner.text, scanner.at)
    if found is not None:
        scanner.at = found.end() - 1
        combiner = cast("Combiner", found[2])
        return _branches(scanner, combiner, depth + 1, is_negated=found[1] is not None)
    field = Field(read_name(scanner), read_json_path(scanner))
    if not scanner.take("."):
        scanner.fail('"->", "->>" or delimiter (.)')
    return _filter(scanner, field, _tree_value)


def _order_term(scanner: Scanner) -> OrderTerm:
    scanner.blanks()
    relation = None
    field = Field(read_name(scanner), read_json_path(scanner))
    if not field.path and scanner.take("("):
        relation = field.name
        scanner.blanks()
        field = Field(read_name(scanner), read_json_path(scanner))
        if not scanner.take(")"):
            scanner.fail('")"')
    is_descending = scanner.take(".desc")
    if not is_descending:
        scanner.take(".asc")
    nulls: Nulls | None = None
    if scanner.take(".nullsfirst"):
        nulls = "first"
    elif scanner.take(".nullslast"):
        nulls = "last"
    scanner.blanks()
    return OrderTerm(field, is_descending, nulls, relation)
