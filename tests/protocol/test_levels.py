import pytest

from atoms_mcp.protocol.jsonrpc import RpcError
from atoms_mcp.protocol.levels import LEVELS, reaches, read_level


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_is_known(level):
    assert read_level(level) == level


@pytest.mark.parametrize("level", ["", "loud", "Info", None, 5, [], {}])
def test_no_other_level_is(level):
    with pytest.raises(RpcError, match="-32602"):
        read_level(level)


def test_a_message_is_heard_by_who_wants_its_level_or_a_lesser_one():
    assert reaches("error", "error")
    assert reaches("emergency", "debug")
    assert not reaches("info", "notice")
