"""The statements that read: one page of rows as JSON, and how many there are in all.

Source: PostgREST reference, "Pagination and Count".
"""

# ruff: noqa: S608 - text is joined from constants and names of the catalogue; values are bound

from dataclasses import replace

from atoms_mcp.local.rest.headers import Form, Window
from atoms_mcp.local.rest.plan import Read
from atoms_mcp.local.rest.sql import ROW, Bindings, Level, Statement, render_body, render_level


def render_read(
    read: Read, form: Form | None, count: str | None, languages: frozenset[str], max_rows: int
) -> Statement:
    """Render a page: `body` (JSON text, unless `form` is None), `n` rows, `total` if counted.

    For count=estimated the total stops just past `max_rows`: beyond that the planner's
    guess is good enough. For count=planned there is none; see `render_guess`.
    """
    bindings = Bindings(languages=languages)
    level = render_level(read, bindings)
    shown = [f"{render_body(form)} AS body"] if form is not None else []
    shown += ["count(*) AS n", *render_total(level, count, max_rows)]
    return bindings.close(f"SELECT {', '.join(shown)} FROM ({level.render()}) AS {ROW}")


def render_total(level: Level, count: str | None, max_rows: int) -> list[str]:
    """Give the column `total` where this count needs one."""
    if count not in {"exact", "estimated"}:
        return []
    rows = level.render_count(f" LIMIT {max_rows + 1:d}" if count == "estimated" else "")
    return [f"(SELECT count(*) FROM ({rows}) AS {ROW}) AS total"]


def render_guess(read: Read, languages: frozenset[str]) -> Statement:
    """Ask the planner how many rows it expects before paging; the answer is EXPLAIN's JSON."""
    whole = replace(read, outputs=(), sorts=(), window=Window(0, None))
    bindings = Bindings(languages=languages)
    return bindings.close(f"EXPLAIN (FORMAT JSON) {render_level(whole, bindings).render()}")
