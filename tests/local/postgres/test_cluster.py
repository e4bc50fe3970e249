import asyncio
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import asyncpg
import pytest

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.postgres import cluster as module
from atoms_mcp.local.postgres.cluster import SUPERUSER, Postgres, find_bin_dir
from atoms_mcp.local.postgres.pidfile import is_postmaster

WAIT_S = 5


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of one cluster, which the tests below start and stop in turn."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
async def make(home):
    """Make launchers of that cluster; what still runs is stopped at the end."""
    made = []

    def one(data_dir=None, bin_dir=None, *, fsync=False):
        made.append(Postgres(bin_dir or find_bin_dir(None), data_dir or home / "pg", fsync=fsync))
        return made[-1]

    yield one
    for postgres in made:
        await postgres.stop()


@pytest.fixture
def programs(tmp_path):
    """Programs in the place of PostgreSQL's: what they are to do, as shell text."""

    def write(version, initdb="true", postgres="true"):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        says = f'[ "$1" = -V ] && echo "postgres (PostgreSQL) {version}" && exit\n'
        for name, text in (("initdb", initdb), ("postgres", says + postgres)):
            (folder / name).write_text(f"#!/bin/sh\n{text.replace('HERE', str(tmp_path))}\n")
            (folder / name).chmod(0o755)
        return folder

    return write


# An initdb that writes down its words and makes what the launcher looks for.
INITDB = """
echo "$@" > HERE/said
for word in "$@"; do
  case $word in --pgdata=*) echo NUMBER > "${word#*=}/PG_VERSION";; esac
done
"""


async def ask(postgres, question="select 1"):
    connection = await asyncpg.connect(**postgres.connect_args(SUPERUSER))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def eventually(check):
    async with asyncio.timeout(WAIT_S):
        while not check():  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.01)


async def test_the_first_start_makes_a_cluster_that_nobody_else_reaches(make):
    postgres = make()

    await postgres.start()

    assert await ask(postgres, "show listen_addresses") == ""
    assert await ask(postgres, "show synchronous_commit") == "on"
    assert await ask(postgres, "select 'Ä' ilike 'ä'")
    assert postgres.socket_dir.stat().st_mode & 0o777 == 0o700
    assert postgres.data_dir.stat().st_mode & 0o777 == 0o700


async def test_stopping_leaves_no_process_and_no_socket(make):
    postgres = make()
    await postgres.start()
    pid, socket_dir = postgres.pid, postgres.socket_dir

    await postgres.stop()
    await postgres.stop()

    assert postgres.pid is None
    assert not is_postmaster(pid, postgres.data_dir)
    assert not socket_dir.exists()


async def test_a_second_start_finds_the_data(make):
    first, second = make(), make()
    await first.start()
    await ask(first, "create table kept as select 1")
    await first.stop()

    await second.start()

    assert await ask(second, "select count(*) from kept") == 1
    await ask(second, "drop table kept")


async def test_the_url_works_as_the_arguments_do(make):
    postgres = make()
    await postgres.start()

    connection = await asyncpg.connect(dsn=postgres.dsn(SUPERUSER))
    assert await connection.fetchval("select current_user") == SUPERUSER
    await connection.close()


async def test_ctrl_c_of_the_terminal_does_not_reach_it(make):
    postgres = make()
    await postgres.start()

    assert os.getsid(postgres.pid) == postgres.pid


async def test_a_killed_one_comes_back_by_itself(make):
    postgres = make()
    await postgres.start()
    killed = postgres.pid

    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: postgres.pid != killed)
    await eventually((postgres.socket_dir / f".s.PGSQL.{postgres.port}").exists)
    await postgres.stop()
    await postgres.start()

    assert await ask(postgres) == 1


async def test_it_is_tried_again_until_it_comes_back(make, monkeypatch):
    monkeypatch.setattr(module, "BACKOFF_S", (0.01,))
    postgres = make()
    await postgres.start()
    killed, settings = postgres.pid, postgres.data_dir / "postgresql.conf"
    right = settings.read_text()
    settings.write_text(right + "\nnonsense = 1\n")
    size = postgres.log_path.stat().st_size

    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: b"nonsense" in postgres.log_path.read_bytes()[size:])
    settings.write_text(right)
    await eventually(lambda: b"ready to accept" in postgres.log_path.read_bytes()[size:])

    assert await ask(postgres) == 1


async def test_one_that_already_runs_is_taken_over(make):
    first, second = make(), make()
    await first.start()
    first.socket_dir, kept = Path("/nowhere"), first.socket_dir

    await second.start()

    assert second.pid == first.pid
    assert second.socket_dir == kept
    assert await ask(second) == 1


async def test_one_that_was_taken_over_is_watched_and_stopped_like_our_own(make, monkeypatch):
    monkeypatch.setattr(module, "WATCH_S", 0.01)
    first, second = make(), make()
    await first.start()
    await second.start()
    taken = second.pid

    os.kill(taken, signal.SIGKILL)
    await eventually(lambda: second.pid != taken)
    again = second.pid
    await second.stop()

    assert not is_postmaster(again, second.data_dir)


async def test_a_number_that_another_process_has_now_is_no_obstacle(make):
    postgres = make()
    await postgres.start()
    await postgres.stop()
    (postgres.data_dir / "postmaster.pid").write_text(
        f"{os.getpid()}\n{postgres.data_dir}\n1\n5432\n/tmp\n\n\nready\n"
    )

    await postgres.start()

    assert await ask(postgres) == 1


async def test_an_interrupted_first_start_leaves_no_half_cluster(make, tmp_path):
    half = tmp_path / "pg.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    postgres = make(tmp_path / "pg", fsync=True)

    await postgres.start()

    assert await ask(postgres, "show fsync") == "on"
    assert not half.exists()


async def test_settings_that_stop_it_are_told_from_its_own_words(make):
    postgres = make()
    await postgres.start()
    await postgres.stop()
    settings = postgres.data_dir / "postgresql.conf"
    right = settings.read_text()
    settings.write_text(right + "\nnonsense = 1\n")

    with pytest.raises(StackError, match=r'(?s)did not start.*"nonsense"'):
        await postgres.start()

    settings.write_text(right)
    assert postgres.pid is None


async def test_data_of_another_version_is_told_and_not_touched(make, programs):
    postgres = make()
    await postgres.start()
    await postgres.stop()

    with pytest.raises(StackError, match=r"was made by PostgreSQL \d+, and .* is PostgreSQL 99"):
        await make(bin_dir=programs(99)).start()


async def test_a_version_that_is_too_old_is_refused(make, programs, tmp_path):
    with pytest.raises(StackError, match=r"PostgreSQL 14 in .* is too old"):
        await make(tmp_path / "pg", programs(14)).start()


async def test_an_initdb_that_fails_is_told_in_its_own_words(make, programs, tmp_path):
    bin_dir = programs(18, initdb="echo no room left; exit 1")

    with pytest.raises(StackError, match=r"(?s)could not make a database.*no room left"):
        await make(tmp_path / "pg", bin_dir).start()


@pytest.mark.parametrize(
    ("version", "locale", "has_io_method"),
    [
        (15, "--locale=C --lc-ctype=C.UTF-8", False),
        (18, "--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8", True),
    ],
)
async def test_each_version_is_told_what_it_understands(
    make, programs, tmp_path, version, locale, has_io_method
):
    bin_dir = programs(
        version, INITDB.replace("NUMBER", str(version)), 'echo "$@" > HERE/started; exit 1'
    )

    with pytest.raises(StackError, match="did not start"):
        await make(tmp_path / "pg", bin_dir).start()

    assert locale in (tmp_path / "said").read_text()
    assert ("io_method" in (tmp_path / "started").read_text()) is has_io_method


async def test_one_that_never_gets_ready_is_given_up_and_ended(
    make, programs, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "READY_S", 0.2)
    bin_dir = programs(
        18, INITDB.replace("NUMBER", "18"), "echo waiting for nothing; exec sleep 60"
    )

    with pytest.raises(StackError, match=r"(?s)did not start.*waiting for nothing"):
        await make(tmp_path / "pg", bin_dir).start()


async def test_without_a_log_there_is_nothing_to_quote(make, programs, tmp_path):
    bin_dir = programs(18, INITDB.replace("NUMBER", "18"), "rm -f HERE/pg.log; exit 1")

    with pytest.raises(StackError, match=r"\(nothing\)"):
        await make(tmp_path / "pg", bin_dir).start()


async def test_one_that_does_not_listen_is_killed_in_the_end(make, monkeypatch):
    monkeypatch.setattr(module, "STOPS", ((signal.SIGINT, 0.05), (signal.SIGKILL, WAIT_S)))
    postgres = make()
    await postgres.start()
    pid = postgres.pid
    os.kill(pid, signal.SIGSTOP)

    await postgres.stop()

    assert not is_postmaster(pid, postgres.data_dir)


async def test_one_that_is_gone_already_needs_no_signal(make, monkeypatch):
    monkeypatch.setattr(module, "WATCH_S", 60)
    first, second = make(), make()
    await first.start()
    await second.start()
    await first.stop()

    await second.stop()

    assert second.pid is None


async def test_the_log_is_its_owners_and_holds_no_error_of_a_user(make):
    postgres = make()
    postgres.log_path.parent.mkdir(exist_ok=True)
    postgres.log_path.touch(mode=0o644)
    await postgres.start()
    connection = await asyncpg.connect(**postgres.connect_args(SUPERUSER))
    try:
        with pytest.raises(asyncpg.PostgresError, match="hidden-value"):
            await connection.fetch("select 'hidden-value'::integer")
    finally:
        await connection.close()
    await postgres.stop()

    told = postgres.log_path.read_text()
    assert "ready to accept" in told
    assert "hidden-value" not in told
    assert stat.S_IMODE(postgres.log_path.stat().st_mode) == 0o600


async def test_a_long_log_begins_anew(make, monkeypatch):
    monkeypatch.setattr(module, "LOG_BYTES", 10)
    postgres = make()
    await postgres.start()
    await postgres.stop()
    postgres.log_path.write_text("old " * 100)

    await postgres.start()

    assert not postgres.log_path.read_text().startswith("old")


async def test_a_long_folder_for_temporary_files_gets_a_short_socket(monkeypatch, make, tmp_path):
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))

    assert make(tmp_path / "pg").socket_dir.parent == Path("/tmp")  # noqa: S108 - the fallback


@pytest.mark.parametrize("kind", ["open folder", "link", "file"])
async def test_what_somebody_else_put_in_the_place_of_the_socket_is_not_used(make, tmp_path, kind):
    postgres = make()
    planted = postgres.socket_dir
    shutil.rmtree(planted, ignore_errors=True)
    if kind == "open folder":
        planted.mkdir()
        planted.chmod(0o777)
    elif kind == "link":
        planted.symlink_to(tmp_path)
    else:
        planted.touch()

    try:
        await postgres.start()
        used = postgres.socket_dir
        assert await ask(postgres) == 1
    finally:
        await postgres.stop()
        shutil.rmtree(planted) if kind == "open folder" else planted.unlink()

    assert used != planted
    assert not used.exists()
