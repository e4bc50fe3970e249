import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.protocol.lines import LineSplitter


def split(*chunks, max_bytes=10):
    splitter = LineSplitter(max_bytes)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.end()


@pytest.mark.requirement("stdio-lines")
def test_lines_may_come_in_any_pieces():
    assert split(b"ab", b"c\nde", b"\n", b"f") == [b"abc", b"de", b"f"]


def test_lines_with_nothing_in_them_are_passed_over():
    assert split(b"\n \r\n\na\n\n") == [b"a"]


def test_a_line_that_is_too_long_is_told_once_and_the_next_is_read():
    assert split(b"x" * 9, b"y" * 9, b"z\nnext\n") == [None, b"next"]
    assert split(b"x" * 11) == [None]
    assert split(b"x" * 10 + b"\n") == [b"x" * 10]


@given(st.binary(max_size=60), st.integers(1, 7))
def test_pieces_make_no_difference(data, size):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]

    assert split(*pieces, max_bytes=8) == split(data, max_bytes=8)
