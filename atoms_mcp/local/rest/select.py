"""The language of `select=`: columns, aliases, casts and embedded resources.

Source: PostgREST reference, "Vertical Filtering".
"""

import re

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.scan import Scanner, read_json_path, read_name
from atoms_mcp.local.rest.terms import Field, SelectColumn, SelectEmbed, SelectItem

CAST = re.compile(r"[\w $]+")
AGGREGATE = re.compile(r"\.(?:sum|avg|count|max|min)\(\)")


def parse_select(text: str) -> tuple[SelectItem, ...]:
    """Read a whole `select=`.

    Raises:
        RestError: 400 PGRST100 for what is no select, PGRST123 for an aggregate.
    """
    scanner = Scanner(text, "select parameter")
    items = _select_items(scanner, 0)
    if not scanner.is_done():
        scanner.fail('"," or end of input')
    return items


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
        return _embed(scanner, read_name(scanner), depth, alias=None, is_spread=True)
    if scanner.take("*"):
        return SelectColumn(Field("*"))
    name = read_name(scanner)
    alias = None
    if scanner.next_is(":") and not scanner.next_is("::"):
        scanner.take(":")
        alias, name = name, read_name(scanner)
    if name == "count" and scanner.next_is("()"):
        raise RestError(400, "PGRST123", "Use of aggregate functions is not allowed")
    if scanner.next_is("!", "("):
        return _embed(scanner, name, depth, alias=alias, is_spread=False)
    return _select_column(scanner, name, alias)


def _select_column(scanner: Scanner, name: str, alias: str | None) -> SelectColumn:
    field = Field(name, read_json_path(scanner))
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
        word = read_name(scanner)
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
