"""The tree keeps its promises: ceilings hold and each module has its test."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "atoms_mcp"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60

# Exercised as processes by tests/journeys, where they mean something.
RUN_AS_PROCESSES = {
    "__main__.py",
    "app.py",
    "cli/banner.py",
    "cli/commands.py",
    "cli/doctor.py",
    "cli/login.py",
    "cli/options.py",
    "doctor/examination.py",
}


def relative(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_file_is_longer_than_the_ceiling(path):
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_function_is_longer_than_the_ceiling(path):
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert not [f.name for f in functions if f.end_lineno - f.lineno >= MAX_FUNCTION_LINES]


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in MODULES
        if path.name != "__init__.py" and relative(path) not in RUN_AS_PROCESSES
    ],
    ids=relative,
)
def test_each_module_has_its_own_tests(path):
    mirror = ROOT / "tests" / path.relative_to(PACKAGE)
    assert mirror.with_name(f"test_{path.name}").exists()
