import socket

import pytest

from atoms_mcp.local.address import NAME, bind


def port_of(bound):
    return bound.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return port_of(taken)


def test_the_wanted_port_is_taken_where_it_is_free(tmp_path, free_port):
    with bind(tmp_path, free_port) as bound:
        assert bound.getsockname() == ("127.0.0.1", free_port)


def test_another_one_is_taken_where_it_is_not(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, bind(tmp_path, port_of(taken)) as bound:
        assert port_of(bound) != port_of(taken)


def test_a_port_that_was_chosen_before_is_taken_again(tmp_path):
    with bind(tmp_path, 0) as first:
        chosen = port_of(first)

    with bind(tmp_path, 0) as second:
        assert port_of(second) == chosen


def test_the_substitute_stays_when_the_wanted_one_is_free_again(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = port_of(taken)
        with bind(tmp_path, wanted) as first:
            substitute = port_of(first)

    with bind(tmp_path, wanted) as second:
        assert port_of(second) == substitute


def test_another_wish_outranks_what_was_remembered(tmp_path, free_port):
    with bind(tmp_path, 0):
        pass

    with bind(tmp_path, free_port) as bound:
        assert port_of(bound) == free_port


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"wanted": 0, "port": "x"}', "\0"])
def test_a_damaged_memory_is_no_memory(tmp_path, text):
    (tmp_path / NAME).write_text(text)

    with bind(tmp_path, 0) as bound:
        assert port_of(bound) > 0


def test_a_remembered_port_that_cannot_be_is_passed_over(tmp_path):
    (tmp_path / NAME).write_text('{"wanted": 0, "port": 99999}')

    with bind(tmp_path, 0) as bound:
        assert port_of(bound) < 65536
