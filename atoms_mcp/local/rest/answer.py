"""The row that came back becomes status, headers and body.

`check_outcome` runs before the commit: what it refuses never happened.

Source: PostgREST 16 reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.job import Job, mismatched_key

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response in parts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")


def check_outcome(job: Job, row: Row) -> None:
    """Refuse an outcome that the request does not want, so that it is rolled back.

    Raises:
        RestError: 406 PGRST116, 400 PGRST115 or PGRST124.
    """
    n = row["n"]
    if job.kind == "put" and n != 1:
        raise mismatched_key()
    if job.asked.form.kind == "object" and n != 1 and not job.is_void:
        raise RestError(
            406,
            "PGRST116",
            "Cannot coerce the result to a single JSON object",
            details=f"The result contains {n} rows",
        )
    limit = job.asked.preferences.affected_limit
    if limit is not None and "max-affected" in job.applied and n > limit:
        raise RestError(
            400,
            "PGRST124",
            "Query result exceeds max-affected preference constraint",
            details=f"The query affects {n} rows",
        )


def render_answer(job: Job, row: Row, guessed: int | None) -> Answer:
    """Render what happened; `guessed` is the planner's total where it was asked for.

    Raises:
        RestError: 416 PGRST103, the page begins after the last row.
    """
    headers = {"Content-Type": job.asked.form.content_type}
    applied = job.asked.preferences.render_applied(*job.applied)
    if applied:
        headers["Preference-Applied"] = applied
    if job.kind in {"read", "call"}:
        return _page(job, row, _total(row, guessed, job), headers)
    if job.kind == "insert":
        return _inserted(job, row, headers)
    if job.kind == "put":
        status = 201 if row["n"] > row["updated"] else 200
        return _written(job, row, status, headers)
    headers["Content-Range"] = _range(
        0 if job.kind == "update" else None, row["n"], _count(job, row)
    )
    return _written(job, row, 200, headers)


def _total(row: Row, guessed: int | None, job: Job) -> int | None:
    counted: int | None = row.get("total")
    if job.asked.preferences.get("count") != "estimated" or counted is None or guessed is None:
        return counted if counted is not None else guessed
    return counted if counted <= job.counted_to else max(counted, guessed)


def _count(job: Job, row: Row) -> int | None:
    return row["n"] if job.asked.preferences.get("count") is not None else None


def _range(first: int | None, n: int, total: int | None) -> str:
    rows = "*" if first is None or n == 0 else f"{first}-{first + n - 1}"
    return f"{rows}/{'*' if total is None else total}"


def _page(job: Job, row: Row, total: int | None, headers: dict[str, str]) -> Answer:
    n, offset = row["n"], job.window.offset
    if total is not None and offset > total:
        raise RestError(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            details=f"An offset of {offset} was requested, but there are only {total} rows.",
        )
    headers["Content-Range"] = _range(offset, n, total)
    if job.is_void:
        del headers["Content-Type"]
        return Answer(204, headers)
    status = 206 if total is not None and n < total else 200
    return Answer(status, headers, (row.get("body") or "").encode())


def _inserted(job: Job, row: Row, headers: dict[str, str]) -> Answer:
    headers["Content-Range"] = _range(None, 0, _count(job, row))
    key = row.get("location")
    if key is not None:
        pairs = zip(job.location, key, strict=True)
        text = "&".join(f"{quote(name, safe='')}={_equals(value)}" for name, value in pairs)
        headers["Location"] = f"/{quote(job.asked.name, safe='')}?{text}"
    is_all_met = job.is_merging and row["n"] - row["updated"] <= 0
    status = 200 if is_all_met else 201
    if job.asked.returned is None:
        del headers["Content-Type"]
        return Answer(status, headers)
    return Answer(status, headers, row["body"].encode())


def _equals(value: str | None) -> str:
    return "is.null" if value is None else "eq." + quote(value, safe="")


def _written(job: Job, row: Row, status: int, headers: dict[str, str]) -> Answer:
    if job.asked.returned is None:
        del headers["Content-Type"]
        return Answer(204, headers)
    return Answer(status, headers, row["body"].encode())
