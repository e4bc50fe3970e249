"""The README keeps up with the code: what exists is told, what is told exists."""

import re
from pathlib import Path

import pytest

from atoms_mcp.cli import main
from atoms_mcp.settings import ServerSettings, load, rows
from atoms_mcp.web.routes import make_routes
from atoms_mcp.web.site import Sites

README = (Path(__file__).parent.parent / "README.rst").read_text()
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
