import os
import pwd
import subprocess
from pathlib import Path

import pytest

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.postgres import privileges
from atoms_mcp.local.postgres.binaries import find_bin_dir
from atoms_mcp.local.postgres.privileges import NAMESPACE, RunAs, find_run_as


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 0)


@pytest.fixture
def works(monkeypatch):
    """Say which commands work, by their first word."""

    def only(*programs):
        def run(command, **_options):
            code = 0 if Path(command[0]).name in programs else 1
            return subprocess.CompletedProcess(command, code)

        monkeypatch.setattr(privileges.shutil, "which", lambda name: f"/bin/{name}")
        monkeypatch.setattr(privileges.subprocess, "run", run)

    return only


def test_an_ordinary_user_runs_it_directly(monkeypatch, tmp_path):
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 1234)

    assert find_run_as(tmp_path, tmp_path) == RunAs((), 1234, os.getegid())


@pytest.mark.usefixtures("as_root")
def test_root_uses_a_user_namespace_where_it_may(works, tmp_path):
    works("unshare")

    assert find_run_as(tmp_path, tmp_path).prefix == NAMESPACE


@pytest.mark.usefixtures("as_root")
def test_root_uses_an_account_where_it_may_not(works, tmp_path):
    works("setpriv")
    tmp_path.chmod(0o700)

    run_as = find_run_as(tmp_path, tmp_path)

    account = pwd.getpwuid(run_as.uid)
    assert account.pw_name in {"postgres", "nobody"}
    assert run_as.prefix[0] == "setpriv"
    assert tmp_path.stat().st_mode & 0o777 == 0o711  # passable, not readable


@pytest.mark.usefixtures("as_root")
def test_where_neither_works_it_says_what_to_do(works, tmp_path):
    works()

    with pytest.raises(StackError, match="Run as an ordinary user, or allow user namespaces"):
        find_run_as(tmp_path, tmp_path)


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("problem", [FileNotFoundError(), subprocess.TimeoutExpired("x", 1)])
def test_a_program_that_is_missing_or_hangs_does_not_work(tmp_path, monkeypatch, problem):
    def fail(*_args, **_options):
        raise problem

    monkeypatch.setattr(privileges.shutil, "which", lambda name: name if name != "test" else None)
    monkeypatch.setattr(privileges.subprocess, "run", fail)

    with pytest.raises(StackError):
        find_run_as(tmp_path, tmp_path)


@pytest.mark.usefixtures("as_root")
def test_without_the_programs_nothing_works(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(StackError):
        find_run_as(tmp_path, tmp_path)


def test_a_folder_is_given_to_whoever_needs_it(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(privileges.os, "chown", lambda *args: given.append(args))

    RunAs((), os.geteuid(), os.getegid()).give(tmp_path)
    RunAs((), os.geteuid() + 1, 7).give(tmp_path)

    assert given == [(tmp_path, os.geteuid() + 1, 7)]


def test_the_way_found_here_runs_the_program(tmp_path):
    bin_dir = find_bin_dir(None)
    run_as = find_run_as(bin_dir, tmp_path)

    said = subprocess.run(  # noqa: S603 - the program of our own wheel
        [*run_as.prefix, bin_dir / "postgres", "-V"], capture_output=True, check=True
    ).stdout

    assert b"PostgreSQL" in said
