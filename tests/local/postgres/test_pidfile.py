import os
import subprocess
from pathlib import Path

import pytest

from atoms_mcp.local.postgres import pidfile
from atoms_mcp.local.postgres.pidfile import NAME, PidFile, is_postmaster, read_pid_file

LINES = ["42", "/data", "1700000000", "5432", "/run/pg", "", "  123  456", "ready   "]


def test_a_running_servers_file_says_where_it_listens(tmp_path):
    (tmp_path / NAME).write_text("\n".join(LINES))

    assert read_pid_file(tmp_path) == PidFile(42, 5432, Path("/run/pg"), is_ready=True)


@pytest.mark.parametrize("lines", [LINES[:7], [*LINES[:7], "starting"]])
def test_one_that_starts_is_not_ready(tmp_path, lines):
    (tmp_path / NAME).write_text("\n".join(lines))

    assert not read_pid_file(tmp_path).is_ready


@pytest.mark.parametrize("text", ["", "x", "42\n/data", "\xff\xfe"])
def test_a_half_written_file_says_nothing(tmp_path, text):
    (tmp_path / NAME).write_bytes(text.encode("latin-1"))

    assert read_pid_file(tmp_path) is None


def test_no_file_says_nothing(tmp_path):
    assert read_pid_file(tmp_path) is None


def test_the_running_server_is_recognized(rest_postgres):
    assert is_postmaster(rest_postgres.pid, rest_postgres.data_dir)


def test_another_process_of_that_number_is_not_the_server(rest_postgres, tmp_path):
    assert not is_postmaster(os.getpid(), rest_postgres.data_dir)
    assert not is_postmaster(rest_postgres.pid, tmp_path)


def test_a_process_that_has_ended_is_not_the_server(tmp_path):
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()

    assert not is_postmaster(ended.pid, tmp_path)


def test_without_proc_the_command_ps_is_asked(rest_postgres, tmp_path, monkeypatch):
    ps = tmp_path / "ps"
    ps.write_text(f"#!/bin/sh\necho /x/bin/postgres -D {rest_postgres.data_dir}\n")
    ps.chmod(0o755)
    monkeypatch.setattr(pidfile, "PROC", tmp_path)
    monkeypatch.setattr(pidfile, "PS", str(ps))

    assert is_postmaster(rest_postgres.pid, rest_postgres.data_dir)
    assert not is_postmaster(rest_postgres.pid, tmp_path / "other")
