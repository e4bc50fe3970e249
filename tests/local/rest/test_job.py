"""What requests come to."""

import pytest

from atoms_mcp.local.rest.catalogue import Catalogue, Column, Function, Parameter, Relation
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import parse_accept, parse_preferences
from atoms_mcp.local.rest.job import Asked, prepare_call, prepare_job
from atoms_mcp.local.rest.query import parse_query

TASKS = Relation(
    "tasks",
    {"id": Column("id", "integer", default="7"), "title": Column("title", "text")},
    primary_key=("id",),
)
FUNCTIONS = {
    "look": [Function("look", (), "scalar", is_set=False, volatility="s")],
    "change": [Function("change", (Parameter("a", "text"),), "void", is_set=False, volatility="v")],
}
CATALOGUE = Catalogue({"tasks": TASKS}, {}, FUNCTIONS)


def asked(method, name="tasks", query="", prefer=(), body=b""):
    return Asked(
        method,
        name,
        parse_query(query, has_arguments=method == "GET"),
        parse_preferences(prefer),
        parse_accept(()),
        body=body,
    )


@pytest.mark.parametrize(
    ("method", "kind", "is_read_only"),
    [
        ("GET", "read", True),
        ("HEAD", "read", True),
        ("POST", "insert", False),
        ("PATCH", "update", False),
        ("DELETE", "delete", False),
    ],
)
def test_methods(method, kind, is_read_only):
    job = prepare_job(CATALOGUE, asked(method, body=b'{"title": "x"}'), 10)

    assert (job.kind, job.is_read_only) == (kind, is_read_only)


def test_put_is_its_own_kind():
    job = prepare_job(CATALOGUE, asked("PUT", query="id=eq.1", body=b'{"id": 1}'), 10)

    assert job.kind == "put"


def test_other_methods_and_tables_are_refused():
    with pytest.raises(RestError, match="PGRST117"):
        prepare_job(CATALOGUE, asked("BREW"), 10)
    with pytest.raises(RestError, match="PGRST205"):
        prepare_job(CATALOGUE, asked("GET", "nope"), 10)


@pytest.mark.parametrize(
    ("count", "has_total", "has_guess"),
    [("exact", True, False), ("estimated", True, True), ("planned", False, True)],
)
def test_counts(count, has_total, has_guess):
    job = prepare_job(CATALOGUE, asked("GET", prefer=[f"count={count}"]), 10)

    assert (" AS total" in job.statement.text) is has_total
    assert (job.guess is not None) is has_guess
    assert job.counted_to == 10


def test_a_head_makes_no_body():
    assert "json_agg" not in prepare_job(CATALOGUE, asked("HEAD"), 10).statement.text


def test_what_a_write_gives_back_is_not_filtered_by_its_own_conditions():
    job = prepare_job(
        CATALOGUE,
        asked(
            "PATCH",
            query="title=eq.old&limit=1&order=id",
            prefer=["return=representation"],
            body=b'{"title": "new"}',
        ),
        10,
    )

    assert job.statement.text.count("WHERE") == 1
    assert "LIMIT $" not in job.statement.text


def test_stable_functions_only_read():
    look = prepare_call(CATALOGUE, asked("POST", "look"), 10)
    change = prepare_call(CATALOGUE, asked("POST", "change", body=b'{"a": "x"}'), 10)
    by_get = prepare_call(CATALOGUE, asked("GET", "change", "a=x"), 10)

    assert [job.is_read_only for job in (look, change, by_get)] == [True, False, True]
    assert [job.is_void for job in (look, change)] == [False, True]


def test_the_body_is_no_part_of_a_requests_text():
    assert "hush" not in repr(asked("POST", body=b'{"title": "hush"}'))
