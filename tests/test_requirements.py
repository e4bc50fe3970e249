"""What the protocol demands of servers, and the tests that hold us to it.

`requirements.toml` has a row for each MUST and SHOULD; a test names the rows that it shows by
`@pytest.mark.requirement("id", ...)`. A row without a test says why there is none.
"""

import ast
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
ROWS = tomllib.loads((TESTS / "requirements.toml").read_text())
NEEDED = {"level", "revisions", "source", "says"}


def is_mark(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement"


def read_marks():
    """Give every test that has marks, and the ids in them."""
    found = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        stray = sum(is_mark(node) for node in ast.walk(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                marks = [mark for mark in node.decorator_list if is_mark(mark)]
                stray -= len(marks)
                if marks:
                    name = f"{path.relative_to(TESTS)}::{node.name}"
                    found[name] = [arg.value for mark in marks for arg in mark.args]
        assert stray == 0, f"{path} has a mark that is on no test"
    return found


MARKS = read_marks()
MARKED = {row for rows in MARKS.values() for row in rows}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_who_demands_what_in_which_revisions(row):
    told = ROWS[row]

    assert NEEDED <= told.keys() <= NEEDED | {"gap"}
    assert told["level"] in {"MUST", "SHOULD"}
    first, _, last = told["revisions"].partition("..")
    assert REVISIONS.index(first) <= REVISIONS.index(last or first)
    assert told["says"].endswith(".")


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_either_a_test_or_a_reason_why_there_is_none(row):
    assert (row in MARKED) != bool(ROWS[row].get("gap"))


@pytest.mark.parametrize("test", MARKS)
def test_a_mark_names_rows_and_is_on_a_test(test):
    assert test.partition("::")[2].startswith("test_")
    assert MARKS[test]
    assert [row for row in MARKS[test] if row not in ROWS] == []


def test_the_gaps_are_told(capsys):
    gaps = {row: told["gap"] for row, told in ROWS.items() if "gap" in told}

    with capsys.disabled():
        print(f"\n{len(ROWS)} requirements, {len(gaps)} without a test")  # noqa: T201
        for row, reason in gaps.items():
            print(f"  {row} ({ROWS[row]['level']}): {reason}")  # noqa: T201
