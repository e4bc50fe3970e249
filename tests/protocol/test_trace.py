import pytest

from atoms_mcp.protocol.trace import find_trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_request_may_be_part_of_a_trace():
    assert find_trace({"traceparent": PARENT}) == PARENT


@pytest.mark.parametrize(
    "parent",
    [
        None,
        5,
        "",
        PARENT.upper(),
        PARENT + "-x",
        PARENT.replace("00-", "ff-", 1),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "00-0af7651916cd43dd8448eb211c80319c\n-b7ad6b7169203331-01",
    ],
)
def test_what_is_no_trace_is_none(parent):
    assert find_trace({"traceparent": parent}) is None


def test_a_request_may_be_part_of_none():
    assert find_trace({}) is None
