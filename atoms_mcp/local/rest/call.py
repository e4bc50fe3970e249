"""Functions called by name: which overload is meant, and the statement that calls it.

Source: PostgREST reference, "Functions as RPC".
"""

# ruff: noqa: S608 - text is joined from constants and names of the catalogue; values are bound

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from atoms_mcp.local.rest.body import Payload
from atoms_mcp.local.rest.catalogue import SCHEMA, Catalogue, Column, Function, Relation, nearest
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Form
from atoms_mcp.local.rest.plan import Read
from atoms_mcp.local.rest.read import render_total
from atoms_mcp.local.rest.sql import (
    ROW,
    SOURCE,
    Bindings,
    Statement,
    quote_name,
    quote_relation,
    render_body,
    render_level,
)

SCALAR = "pgrst_scalar"
ARGUMENTS = "pgrst_args"
CALL = "pgrst_call"

Arguments = Payload | Sequence[tuple[str, str]]
"""A JSON object from a body, or name and text from a query string."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function with the arguments it gets; `is_whole`: the body is its one argument."""

    function: Function
    arguments: Arguments
    is_whole: bool = False


def find_call(catalogue: Catalogue, name: str, arguments: Arguments, *, is_post: bool) -> Call:
    """Find the one overload that takes exactly these names, defaults aside.

    Raises:
        RestError: 404 PGRST202 for none, 300 PGRST203 for several.
    """
    overloads = catalogue.functions.get(name, ())
    names = _names(arguments)
    found = [function for function in overloads if _takes(function, names)]
    whole = [function for function in overloads if is_post and _takes_whole(function)]
    if len(found) == 1:
        return Call(found[0], arguments)
    if not found and len(whole) == 1:
        return Call(whole[0], arguments, is_whole=True)
    candidates = found or whole
    if candidates:
        raise _ambiguous(candidates)
    raise missing_function(catalogue, name, names)


def _names(arguments: Arguments) -> set[str]:
    if isinstance(arguments, Payload):
        return set(arguments.columns)
    return {name for name, _ in arguments}


def _takes(function: Function, names: Collection[str]) -> bool:
    needed = {parameter.name for parameter in function.parameters if not parameter.has_default}
    known = {parameter.name for parameter in function.parameters}
    return "" not in known and needed <= set(names) <= known


def _takes_whole(function: Function) -> bool:
    kinds = [(parameter.name, parameter.type) for parameter in function.parameters]
    return len(kinds) == 1 and kinds[0] in {("", "json"), ("", "jsonb")}


def missing_function(catalogue: Catalogue, name: str, names: Collection[str] = ()) -> RestError:
    """Give the refusal of a function that is not there, or not with these arguments."""
    listed = ", ".join(sorted(names))
    with_names = f"({listed})" if names else " without parameters"
    plural = "s" if len(names) > 1 else ""
    searched = f" with parameter{plural} {listed}" if names else " without parameters"
    return RestError(
        404,
        "PGRST202",
        f"Could not find the function {SCHEMA}.{name}{with_names} in the schema cache",
        details=f"Searched for the function {SCHEMA}.{name}{searched}, "
        "but no matches were found in the schema cache.",
        hint=_hint(catalogue, name, names),
    )


def _hint(catalogue: Catalogue, name: str, names: Collection[str]) -> str | None:
    overloads = catalogue.functions.get(name)
    if overloads is None:
        near = nearest(name, catalogue.functions)
        return f"Perhaps you meant to call the function {SCHEMA}.{near}" if near else None
    lists = [", ".join(sorted(parameter.name for parameter in f.parameters)) for f in overloads]
    listed = nearest(", ".join(sorted(names)), lists) or lists[0]
    return f"Perhaps you meant to call the function {SCHEMA}.{name}({listed})"


def _ambiguous(candidates: Sequence[Function]) -> RestError:
    described = ", ".join(
        f"{SCHEMA}.{function.name}"
        f"({', '.join(f'{p.name} => {p.type}' for p in function.parameters)})"
        for function in candidates
    )
    return RestError(
        300,
        "PGRST203",
        f"Could not choose the best candidate function between: {described}",
        hint="Try renaming the parameters or the function itself in the database so function "
        "overloading can be resolved",
    )


def result_relation(catalogue: Catalogue, function: Function) -> Relation:
    """Give the result as a relation, so that it can be selected from, filtered and embedded."""
    if function.relation is not None:
        return catalogue.relations[function.relation]
    columns = function.columns
    if function.shape != "composite":
        columns = {SCALAR: Column(SCALAR, "text")}
    return Relation(function.name, columns)


def render_call(
    call: Call,
    read: Read,
    form: Form | None,
    count: str | None,
    *,
    languages: frozenset[str],
    max_rows: int,
) -> Statement:
    """Render the call; columns as those of `rest.read.render_read`."""
    bindings = Bindings(languages=languages)
    source = _source(call, bindings)
    level = render_level(read, bindings, source=SOURCE)
    shown = []
    if form is not None:
        one = form if call.function.is_set else replace(form, kind="object")
        body = render_body(one, is_scalar=call.function.shape == "scalar")
        shown.append(f"{body} AS body")
    shown += ["count(*) AS n", *render_total(level, count, max_rows)]
    return bindings.close(
        f"WITH {SOURCE} AS ({source}) SELECT {', '.join(shown)} FROM ({level.render()}) AS {ROW}"
    )


def _source(call: Call, bindings: Bindings) -> str:
    name = quote_relation(call.function.name)
    called = CALL if call.function.shape == "composite" else f"{CALL}({quote_name(SCALAR)})"
    if isinstance(call.arguments, Payload) and not call.is_whole and call.arguments.columns:
        given, inner = _json_arguments(call.function, call.arguments, bindings)
        text = f"{inner} CROSS JOIN LATERAL {name}({given})"
    elif isinstance(call.arguments, Payload):
        text = f"{name}({_whole(call, bindings)})"
    else:
        text = f"{name}({_text_arguments(call.function, call.arguments, bindings)})"
    return f"SELECT {CALL}.* FROM {text} AS {called}"


def _whole(call: Call, bindings: Bindings) -> str:
    if not call.is_whole or not isinstance(call.arguments, Payload):
        return ""
    whole = f"({bindings.bind(call.arguments.text, 'text')})::json"
    if call.arguments.is_wrapped:
        whole = f"({whole} -> 0)"
    return f"{whole}::{call.function.parameters[0].type}"


def _json_arguments(function: Function, payload: Payload, bindings: Bindings) -> tuple[str, str]:
    used = [p for p in function.parameters if p.name in payload.columns]
    types = ", ".join(f"{quote_name(p.name)} {p.type}" for p in used)
    given = ", ".join(
        f"{'VARIADIC ' if p.is_variadic else ''}{quote_name(p.name)} => "
        f"{ARGUMENTS}.{quote_name(p.name)}"
        for p in used
    )
    bound = bindings.bind(payload.text, "text")
    rows = f"json_to_recordset(({bound})::json) AS {ARGUMENTS}({types})"
    return given, f"(SELECT * FROM {rows} LIMIT 1) AS {ARGUMENTS}"


def _text_arguments(
    function: Function, arguments: Sequence[tuple[str, str]], bindings: Bindings
) -> str:
    given = []
    for parameter in function.parameters:
        values = [value for name, value in arguments if name == parameter.name]
        if not values:
            continue
        name = quote_name(parameter.name)
        if parameter.is_variadic:
            bound = bindings.bind(values, "text[]")
            given.append(f"VARIADIC {name} => ({bound})::{parameter.type}")
        else:
            given.append(f"{name} => {bindings.bind_as(values[-1], parameter.type)}")
    return ", ".join(given)
