"""The README keeps up with the code: what exists is told, what is told exists."""

import re
from pathlib import Path

import pytest

from atoms_mcp.cli import main
from atoms_mcp.settings import ServerSettings, load, rows
from atoms_mcp.web.refusals import HTTP, UPSTREAM
from atoms_mcp.web.routes import make_routes
from atoms_mcp.web.site import Sites

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "atoms_mcp"
README = (ROOT / "README.rst").read_text()
SETTINGS = list(rows())
PROJECT = {"SUPABASE_URL": "https://abc.supabase.co", "SUPABASE_ANON_KEY": "k"}
SERVER = load(ServerSettings, PROJECT)
ROUTES = sorted({route.path for route in make_routes(SERVER, Sites(SERVER, 8000))})


def section(title):
    _, found, rest = README.partition(f"\n{title}\n---")
    assert found, title
    return re.split(r"\n[^\n]+\n-{3,}\n", rest, maxsplit=1)[0]


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_is_in_the_table_with_its_default_and_meaning(row):
    table = re.sub(r"\s+", " ", section("Settings"))

    for name in (row.name, *row.other_names):
        assert f"``{name}``" in table
    assert re.sub(r"\s+", " ", row.help) in table
    if row.default and row.name != "ATOMS_STATE_DIR":  # that one depends on the platform
        assert f"``{row.default}``" in table


def test_no_setting_is_told_that_does_not_exist():
    known = {name for row in SETTINGS for name in (row.name, *row.other_names)}

    told = set(re.findall(r"``(ATOMS_[A-Z_]+|[A-Z_]*SUPABASE_[A-Z_]+)``", README))

    assert told <= known


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_is_in_the_table(path):
    assert f"``{path}``" in section("Routes")


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_told(command):
    assert f"``atoms-mcp {command}``" in section("Commands")


def codes_in_source():
    """Every stable error code that the package can answer with."""
    source = "\n".join(
        path.read_text() for path in PACKAGE.rglob("*.py") if "local" not in path.parts
    )
    raised = re.findall(r'(?:Problem|SignInRefused|Refusal)\(\s*\d+,\s*"([a-z_]+)"', source)
    tools = re.findall(r'ToolError\(\s*"([a-z_]+)"', source)
    tables = [row[1] for row in UPSTREAM.values()] + [row[0] for row in HTTP.values()]
    return sorted({*raised, *tools, *tables} - {"refused"})


@pytest.mark.parametrize("code", codes_in_source())
def test_every_error_code_is_told(code):
    assert f"``{code}``" in section("Errors")


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_is_in_the_example_environment(row):
    example = (ROOT / "config" / "example.env").read_text()

    assert f"# {row.help}\n" in example
    assert re.search(rf"^(# )?{row.name}=", example, re.MULTILINE)
