import os

import pytest

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.lock import NAME, StateLock, find_running


@pytest.fixture
def taken(tmp_path):
    lock = StateLock(tmp_path)
    lock.take()
    yield lock
    lock.release()


def test_the_second_one_is_told_where_the_first_one_answers(taken, tmp_path):
    taken.tell("http://127.0.0.1:5")

    with pytest.raises(StackError, match="already runs") as refused:
        StateLock(tmp_path).take()

    assert "http://127.0.0.1:5" in str(refused.value)
    assert str(os.getpid()) in str(refused.value)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.usefixtures("taken")
def test_one_that_is_still_starting_is_told_as_such(tmp_path):
    with pytest.raises(StackError, match="about to print"):
        StateLock(tmp_path).take()
    assert find_running(tmp_path) is None


def test_after_a_release_the_next_one_gets_it(taken, tmp_path):
    taken.release()
    taken.release()

    again = StateLock(tmp_path)
    again.take()
    again.release()


def test_a_running_stack_is_found_while_it_runs(taken, tmp_path):
    taken.tell("http://127.0.0.1:5")
    assert find_running(tmp_path) == "http://127.0.0.1:5"

    taken.release()
    assert find_running(tmp_path) is None


def test_where_nothing_ever_ran_nothing_runs(tmp_path):
    assert find_running(tmp_path / "none") is None


def test_what_a_killed_stack_left_behind_means_nothing(tmp_path):
    (tmp_path / NAME).write_text('{"pid": 1, "url": "http://127.0.0.1:5"}')

    assert find_running(tmp_path) is None


def test_a_longer_text_of_before_leaves_no_rest(taken, tmp_path):
    taken.tell("http://127.0.0.1:54321")
    taken.tell("http://127.0.0.1:5")

    assert find_running(tmp_path) == "http://127.0.0.1:5"


def test_the_folder_is_made_for_its_owner_alone(tmp_path):
    lock = StateLock(tmp_path / "new")
    lock.take()
    lock.release()

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
