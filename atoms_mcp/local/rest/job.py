"""What one REST request comes to: the statement to run and all that its answer depends on.

Pure: a request that was read and a catalogue give a `Job`, or a refusal.

Source: PostgREST 16 reference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from atoms_mcp.local.rest.body import Payload, parse_arguments, parse_rows
from atoms_mcp.local.rest.call import find_call, render_call, result_relation
from atoms_mcp.local.rest.catalogue import Catalogue, Relation
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Form, Preferences, Window, plan_window
from atoms_mcp.local.rest.plan import Read, plan_read, plan_tests
from atoms_mcp.local.rest.read import render_guess, render_read
from atoms_mcp.local.rest.sql import Statement
from atoms_mcp.local.rest.terms import Condition, Filter, Query, Scope
from atoms_mcp.local.rest.write import (
    Conflict,
    Returning,
    check_columns,
    plan_conflict,
    render_delete,
    render_insert,
    render_update,
)

WHOLE = Window(0, None)
GUESSED = frozenset({"planned", "estimated"})

Kind = Literal["read", "insert", "put", "update", "delete", "call"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as read from HTTP; `range_header` is None for all but GET."""

    method: str
    name: str
    query: Query
    preferences: Preferences
    form: Form
    range_header: str | None = None
    body: bytes = field(repr=False, default=b"")
    content_type: str = ""

    @property
    def returned(self) -> Form | None:
        """Give the form of what a write gives back, or None for nothing."""
        return self.form if self.preferences.get("return") == "representation" else None


@dataclass(frozen=True, slots=True)
class Job:
    """A statement with what is known beforehand of its answer.

    `guess` asks the planner for the total, which counts from `counted_to` rows on. `applied`
    names the preferences that this kind of request heeds, `location` the columns of the key
    that a Location header shows.
    """

    kind: Kind
    asked: Asked
    statement: Statement
    window: Window = WHOLE
    guess: Statement | None = None
    counted_to: int = 0
    is_read_only: bool = False
    is_void: bool = False
    is_merging: bool = False
    location: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()


def prepare_job(catalogue: Catalogue, asked: Asked, max_rows: int) -> Job:
    """Prepare a request for a table or view.

    Raises:
        RestError: whatever of it cannot be done.
    """
    relation = catalogue.find_relation(asked.name)
    if asked.method in {"GET", "HEAD"}:
        return _read(catalogue, relation, asked, max_rows)
    writers: Mapping[str, Callable[[Catalogue, Relation, Asked], Job]] = {
        "POST": _insert,
        "PUT": _put,
        "PATCH": _update,
        "DELETE": _delete,
    }
    if asked.method not in writers:
        raise RestError(405, "PGRST117", f"Unsupported HTTP method: {asked.method}")
    return writers[asked.method](catalogue, relation, asked)


def _read(catalogue: Catalogue, relation: Relation, asked: Asked, max_rows: int) -> Job:
    window = plan_window(asked.query.root, asked.range_header)
    read = plan_read(catalogue, relation, asked.query, window=window, max_rows=max_rows)
    form = None if asked.method == "HEAD" else asked.form
    count = asked.preferences.get("count")
    return Job(
        kind="read",
        asked=asked,
        statement=render_read(read, form, count, catalogue.languages, max_rows),
        window=window,
        guess=render_guess(read, catalogue.languages) if count in GUESSED else None,
        counted_to=max_rows,
        is_read_only=True,
        applied=("count", "handling", "timezone"),
    )


def _insert(catalogue: Catalogue, relation: Relation, asked: Asked) -> Job:
    payload = _payload(relation, asked)
    conflict = plan_conflict(relation, asked.preferences.get("resolution"), asked.query.on_conflict)
    is_located = asked.preferences.get("return") == "headers-only"
    location = relation.primary_key if is_located else ()
    returning = Returning(_written(catalogue, relation, asked), asked.returned, location)
    heeded = ("resolution",) if conflict is not None else ()
    return Job(
        kind="insert",
        asked=asked,
        statement=render_insert(payload, conflict, returning, has_defaults=_fills_defaults(asked)),
        is_merging=conflict is not None and conflict.is_merging,
        location=location,
        applied=(*heeded, "return", "count", "missing", "handling", "timezone"),
    )


def _put(catalogue: Catalogue, relation: Relation, asked: Asked) -> Job:
    scope = asked.query.root
    if scope.limit is not None or scope.offset:
        raise RestError(
            400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT"
        )
    names = {_key_name(condition) for condition in scope.conditions}
    if not names or names != set(relation.primary_key):
        raise RestError(
            405,
            "PGRST105",
            "Filters must include all and only primary key columns with 'eq' operators",
        )
    payload = _payload(relation, asked)
    if not set(relation.primary_key) <= set(payload.columns):
        raise mismatched_key()
    return Job(
        kind="put",
        asked=asked,
        statement=render_insert(
            payload,
            Conflict(relation.primary_key, is_merging=True),
            Returning(_written(catalogue, relation, asked), asked.returned),
            has_defaults=False,
            tests=plan_tests(relation, scope.conditions),
        ),
        is_merging=True,
        applied=("return", "count", "handling", "timezone"),
    )


def _key_name(condition: Condition) -> str | None:
    """Give the column of a plain `column=eq.value`; None for all else."""
    if not isinstance(condition, Filter) or condition.operator != "eq" or condition.field.path:
        return None
    is_plain = condition.quantifier is None and not condition.is_negated
    return condition.field.name if is_plain else None


def mismatched_key() -> RestError:
    """Give the refusal of a PUT whose body is not the row that its URL names."""
    return RestError(400, "PGRST115", "Payload values do not match URL in primary key column(s)")


def _update(catalogue: Catalogue, relation: Relation, asked: Asked) -> Job:
    return Job(
        kind="update",
        asked=asked,
        statement=render_update(
            _payload(relation, asked),
            plan_tests(relation, asked.query.root.conditions),
            Returning(_written(catalogue, relation, asked), asked.returned),
            has_defaults=_fills_defaults(asked),
            languages=catalogue.languages,
        ),
        applied=("return", "count", "missing", "handling", "timezone", "max-affected"),
    )


def _delete(catalogue: Catalogue, relation: Relation, asked: Asked) -> Job:
    return Job(
        kind="delete",
        asked=asked,
        statement=render_delete(
            plan_tests(relation, asked.query.root.conditions),
            Returning(_written(catalogue, relation, asked), asked.returned),
            languages=catalogue.languages,
        ),
        applied=("return", "count", "handling", "timezone", "max-affected"),
    )


def _payload(relation: Relation, asked: Asked) -> Payload:
    payload = parse_rows(asked.body, asked.content_type, asked.query.columns)
    check_columns(relation, payload)
    return payload


def _fills_defaults(asked: Asked) -> bool:
    return asked.preferences.get("missing") == "default"


def _written(catalogue: Catalogue, relation: Relation, asked: Asked) -> Read:
    """Plan what a write gives back.

    The root's own filters, order and window are about rows to write, not rows to show.
    """
    scopes = {path: scope for path, scope in asked.query.scopes.items() if path}
    query = replace(asked.query, scopes={**scopes, (): Scope()})
    return plan_read(catalogue, relation, query, window=WHOLE)


def prepare_call(catalogue: Catalogue, asked: Asked, max_rows: int) -> Job:
    """Prepare a function call.

    Raises:
        RestError: whatever of it cannot be done.
    """
    is_post = asked.method == "POST"
    arguments = (
        parse_arguments(asked.body, asked.content_type, asked.query.columns)
        if is_post
        else asked.query.arguments
    )
    call = find_call(catalogue, asked.name, arguments, is_post=is_post)
    function = call.function
    if asked.preferences.affected_limit is not None and not function.is_set:
        raise RestError(
            400,
            "PGRST128",
            "Function must return SETOF or TABLE when max-affected preference is used with "
            "handling=strict",
        )
    window = plan_window(asked.query.root, asked.range_header)
    read = plan_read(
        catalogue,
        result_relation(catalogue, function),
        asked.query,
        window=window,
        max_rows=max_rows,
    )
    form = None if asked.method == "HEAD" or function.shape == "void" else asked.form
    count = asked.preferences.get("count")
    return Job(
        kind="call",
        asked=asked,
        statement=render_call(
            call,
            read,
            form,
            "exact" if count is not None else None,
            languages=catalogue.languages,
            max_rows=max_rows,
        ),
        window=window,
        is_read_only=not is_post or function.volatility != "v",
        is_void=function.shape == "void",
        applied=("count", "handling", "timezone", "max-affected"),
    )
