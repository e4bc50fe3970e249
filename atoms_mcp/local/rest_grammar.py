"""The small languages inside a REST query string: names, select, filters, trees, order.

Each `parse_` takes one decoded parameter value and gives terms or raises `RestError`
(400 PGRST100) that says where it stopped. Nothing here knows tables.

Deviation: text after a complete `in` list or `is` word is refused; PostgREST ignores it.

Source: supabase-contract.md section 13.1; PostgREST reference, "Reserved characters".
"""

import re
from collections.abc import Callable
from typing import NoReturn, cast

from atoms_mcp.local.rest_errors import RestError
from atoms_mcp.local.rest_terms import (
    Combiner,
    Condition,
    Field,
    Filter,
    JsonStep,
    Nulls,
    OrderTerm,
    Path,
    Quantifier,
    SelectColumn,
    SelectEmbed,
    SelectItem,
    Tree,
)

MAX_DEPTH = 16
MAX_TERMS = 1000

COMPARED = frozenset({"eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"})
PLAIN = frozenset({"neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "isdistinct"})
SEARCHES = frozenset({"fts", "plfts", "phfts", "wfts"})
IS_WORDS = frozenset({"null", "not_null", "true", "false", "unknown"})

BLANKS = re.compile(r"[ \t]*")
NAME = re.compile(r"[\w $]+(?:-(?!>)[\w $]+)*")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ARROW = re.compile(r"->>?")
JSON_INDEX = re.compile(r"-?\d{1,9}(?=->|::|[.,)]|\Z)")
JSON_KEY = re.compile(r"[^(\-:.,>)]+(?:-(?!>)[^(\-:.,>)]+)*")
CAST = re.compile(r"[\w $]+")
AGGREGATE = re.compile(r"\.(?:sum|avg|count|max|min)\(\)")
OPERATOR = re.compile(r"([a-z]+)(?:\(([\w $]+)\))?\.")
TREE = re.compile(r"(not\.)?(and|or)[ \t]*\(")
TO_DELIMITER = re.compile(r"[^,)]*")
BRACES = re.compile(r"\{[^{}]*\}")


class Scanner:
    """A place in one parameter value; `what` names the parameter in refusals."""

    __slots__ = ("at", "terms", "text", "what")

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        self.at = 0
        self.terms = 0

    def is_done(self) -> bool:
        """Tell whether all is read."""
        return self.at >= len(self.text)

    def next_is(self, *wanted: str) -> bool:
        """Tell whether one of `wanted` comes next; reads nothing."""
        return self.text.startswith(wanted, self.at)

    def take(self, wanted: str) -> bool:
        """Read `wanted` if it comes next."""
        if not self.text.startswith(wanted, self.at):
            return False
        self.at += len(wanted)
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what `pattern` finds here, if anything."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def blanks(self) -> None:
        """Read spaces and tabs."""
        self.match(BLANKS)

    def count_term(self) -> None:
        """Note one more term; a query string may not grow without end."""
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise _refused(self, f"at most {MAX_TERMS} terms are allowed")

    def enter(self, depth: int) -> None:
        """Refuse nesting that goes too deep."""
        if depth > MAX_DEPTH:
            raise _refused(self, f"at most {MAX_DEPTH} levels of nesting are allowed")

    def fail(self, expecting: str) -> NoReturn:
        """Raise the refusal that says what should have come here."""
        seen = f'unexpected "{self.text[self.at]}"' if not self.is_done() else "unexpected end"
        raise _refused(self, f"{seen} expecting {expecting}")


def _refused(scanner: Scanner, details: str) -> RestError:
    where = f"(line 1, column {scanner.at + 1})"
    message = f'"failed to parse {scanner.what} ({scanner.text})" {where}'
    return RestError(400, "PGRST100", message, details=details)


def parse_select(text: str) -> tuple[SelectItem, ...]:
    """Read `select=`."""
    scanner = Scanner(text, "select parameter")
    items = _select_items(scanner, 0)
    if not scanner.is_done():
        scanner.fail('"," or end of input')
    return items


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
        names[_name(scanner)] = None
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
    field = Field(names[-1], _json_path(scanner))
    if not scanner.is_done():
        scanner.fail('"->", "->>", "." or end of input')
    return names[:-1], field


def _dotted(scanner: Scanner) -> Path:
    names = [_name(scanner)]
    while scanner.take("."):
        names.append(_name(scanner))
        scanner.enter(len(names) - 1)
    return tuple(names)


def _quoted(scanner: Scanner) -> str | None:
    found = scanner.match(QUOTED)
    return None if found is None else ESCAPE.sub(r"\1", found[1])


def _name(scanner: Scanner) -> str:
    quoted = _quoted(scanner)
    if quoted is not None:
        return quoted
    found = scanner.match(NAME)
    name = found[0].strip() if found is not None else ""
    if not name:
        scanner.fail("field name (* or [a..z0..9_$])")
    return name


def _json_path(scanner: Scanner) -> tuple[JsonStep, ...]:
    steps: list[JsonStep] = []
    while (arrow := scanner.match(ARROW)) is not None:
        scanner.enter(len(steps))
        index = scanner.match(JSON_INDEX)
        key = int(index[0]) if index is not None else _json_key(scanner)
        steps.append(JsonStep(key, is_text=arrow[0] == "->>"))
    return tuple(steps)


def _json_key(scanner: Scanner) -> str:
    quoted = _quoted(scanner)
    if quoted is not None:
        return quoted
    found = scanner.match(JSON_KEY)
    if found is None:
        scanner.fail("digit or any non reserved character different from: .,>()")
    return found[0].strip()


def _select_items(scanner: Scanner, depth: int) -> tuple[SelectItem, ...]:
    scanner.enter(depth)
    scanner.blanks()
    if scanner.is_done() or scanner.next_is(")"):
        return ()
    items = []
    while True:
        scanner.count_term()
        scanner.blanks()
        items.append(_select_item(scanner, depth))
        scanner.blanks()
        if not scanner.take(","):
            return tuple(items)


def _select_item(scanner: Scanner, depth: int) -> SelectItem:
    if scanner.take("..."):
        return _embed(scanner, _name(scanner), depth, alias=None, is_spread=True)
    if scanner.take("*"):
        return SelectColumn(Field("*"))
    name = _name(scanner)
    alias = None
    if scanner.next_is(":") and not scanner.next_is("::"):
        scanner.take(":")
        alias, name = name, _name(scanner)
    if name == "count" and scanner.next_is("()"):
        raise RestError(400, "PGRST123", "Use of aggregate functions is not allowed")
    if scanner.next_is("!", "("):
        return _embed(scanner, name, depth, alias=alias, is_spread=False)
    return _select_column(scanner, name, alias)


def _select_column(scanner: Scanner, name: str, alias: str | None) -> SelectColumn:
    field = Field(name, _json_path(scanner))
    cast_to = None
    if scanner.take("::"):
        found = scanner.match(CAST)
        if found is None:
            scanner.fail("letter or digit")
        cast_to = found[0].strip()
    if AGGREGATE.match(scanner.text, scanner.at):
        raise RestError(400, "PGRST123", "Use of aggregate functions is not allowed")
    scanner.blanks()
    if not (scanner.is_done() or scanner.next_is(",", ")")):
        scanner.fail('"->", "->>", "::", ")", "," or end of input')
    return SelectColumn(field, alias, cast_to)


def _embed(
    scanner: Scanner, target: str, depth: int, *, alias: str | None, is_spread: bool
) -> SelectEmbed:
    hint = None
    is_inner = False
    for _ in range(2):
        if not scanner.take("!"):
            break
        word = _name(scanner)
        if word == "inner":
            is_inner = True
        elif word != "left":
            hint = word
    if not scanner.take("("):
        scanner.fail('"("')
    items = _select_items(scanner, depth + 1)
    if not scanner.take(")"):
        scanner.fail('"," or ")"')
    return SelectEmbed(target, items, alias, hint, is_inner, is_spread)


def _filter(scanner: Scanner, field: Field, value: Callable[[Scanner], str]) -> Filter:
    is_negated = scanner.take("not.")
    start = scanner.at
    found = scanner.match(OPERATOR)
    operator, inside = (found[1], found[2]) if found is not None else ("", None)
    if operator in COMPARED and inside in {None, "any", "all"}:
        quantifier = cast("Quantifier | None", inside)
        return Filter(field, operator, (value(scanner),), is_negated, quantifier)
    if operator in SEARCHES:
        language = None if inside is None else inside.strip()
        return Filter(field, operator, (value(scanner),), is_negated, None, language)
    if inside is None and operator in PLAIN:
        return Filter(field, operator, (value(scanner),), is_negated)
    if inside is None and operator == "in":
        return Filter(field, operator, _list(scanner), is_negated)
    if inside is None and operator == "is":
        return Filter(field, operator, (_is_word(scanner),), is_negated)
    scanner.at = start
    scanner.fail('"not" or operator (eq, gt, ...)' if not is_negated else "operator (eq, gt, ...)")


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
        scanner.count_term()
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
    quoted = _quoted(scanner)
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
    field = Field(_name(scanner), _json_path(scanner))
    if not scanner.take("."):
        scanner.fail('"->", "->>" or delimiter (.)')
    return _filter(scanner, field, _tree_value)


def _order_term(scanner: Scanner) -> OrderTerm:
    scanner.blanks()
    relation = None
    field = Field(_name(scanner), _json_path(scanner))
    if not field.path and scanner.take("("):
        relation = field.name
        scanner.blanks()
        field = Field(_name(scanner), _json_path(scanner))
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
