"""Rows that become answers."""

import pytest

from atoms_mcp.local.rest.answer import check_outcome, render_answer
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Window, parse_accept, parse_preferences
from atoms_mcp.local.rest.job import Asked, Job
from atoms_mcp.local.rest.query import parse_query
from atoms_mcp.local.rest.sql import Statement

OBJECT = "application/vnd.pgrst.object+json"


def job(kind="read", *, prefer=(), accept=(), **more):
    wanted = Asked("GET", "t", parse_query(""), parse_preferences(prefer), parse_accept(accept))
    return Job(kind, wanted, Statement(""), **more)


@pytest.mark.parametrize(
    ("n", "total", "offset", "status", "content_range"),
    [
        (5, None, 0, 200, "0-4/*"),
        (5, 5, 0, 200, "0-4/5"),
        (5, 9, 2, 206, "2-6/9"),
        (0, 0, 0, 200, "*/0"),
        (0, 7, 7, 206, "*/7"),
        (0, None, 7, 200, "*/*"),
    ],
)
def test_pages(n, total, offset, status, content_range):
    row = {"n": n, "body": "[]", "total": total}

    answer = render_answer(job(window=Window(offset, None), prefer=["count=exact"]), row, None)

    assert (answer.status, answer.headers["Content-Range"]) == (status, content_range)


@pytest.mark.parametrize(
    ("count", "counted", "guessed", "total"),
    [
        ("planned", None, 42, 42),
        ("estimated", 3, 42, 3),
        ("estimated", 11, 42, 42),
        ("estimated", 11, 2, 11),
        ("exact", 11, None, 11),
    ],
)
def test_totals(count, counted, guessed, total):
    row = {"n": 0, "body": "[]"} | ({"total": counted} if counted is not None else {})

    answer = render_answer(job(prefer=[f"count={count}"], counted_to=10), row, guessed)

    assert answer.headers["Content-Range"] == f"*/{total}"


def test_pages_past_the_end():
    with pytest.raises(RestError) as refusal:
        render_answer(job(window=Window(9, None)), {"n": 0, "total": 3}, None)

    assert refusal.value.details == "An offset of 9 was requested, but there are only 3 rows."


def test_void_has_no_type_and_no_body():
    answer = render_answer(job("call", is_void=True), {"n": 1}, None)

    assert (answer.status, answer.body) == (204, b"")
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(("key", "url"), [(["a b", None], "/t?x=eq.a%20b&y=is.null"), (None, None)])
def test_locations(key, url):
    answer = render_answer(job("insert", location=("x", "y")), {"n": 1, "location": key}, None)

    assert answer.headers.get("Location") == url
    assert answer.status == 201


@pytest.mark.parametrize(("n", "updated", "status"), [(2, 2, 200), (2, 1, 201), (0, 0, 200)])
def test_an_upsert_that_only_met_rows_is_a_200(n, updated, status):
    answer = render_answer(job("insert", is_merging=True), {"n": n, "updated": updated}, None)

    assert answer.status == status


@pytest.mark.parametrize(("updated", "status"), [(0, 201), (1, 200)])
def test_puts(updated, status):
    wanted = job("put", prefer=["return=representation"])

    assert render_answer(wanted, {"n": 1, "updated": updated, "body": "[]"}, None).status == status
    assert render_answer(job("put"), {"n": 1, "updated": updated}, None).status == 204


@pytest.mark.parametrize(("kind", "content_range"), [("update", "0-1/2"), ("delete", "*/2")])
def test_counts_of_writes(kind, content_range):
    answer = render_answer(job(kind, prefer=["count=exact"]), {"n": 2}, None)

    assert (answer.status, answer.headers["Content-Range"]) == (204, content_range)


@pytest.mark.parametrize(
    ("wanted", "n", "code"),
    [
        (job("put"), 0, "PGRST115"),
        (job(accept=[OBJECT]), 2, "PGRST116"),
        (
            job("delete", prefer=["handling=strict,max-affected=1"], applied=("max-affected",)),
            2,
            "PGRST124",
        ),
    ],
)
def test_unwanted_outcomes(wanted, n, code):
    with pytest.raises(RestError) as refusal:
        check_outcome(wanted, {"n": n})

    assert refusal.value.code == code


def test_wanted_outcomes():
    check_outcome(job(accept=[OBJECT]), {"n": 1})
    check_outcome(job("call", accept=[OBJECT], is_void=True), {"n": 0})
    check_outcome(job("read", prefer=["handling=strict,max-affected=1"]), {"n": 5})
