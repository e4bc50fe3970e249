import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.entities.paging import Cursors
from atoms_mcp.errors import ToolError

CURSORS = Cursors(b"k" * 32)
BOUND = ["user-1", "list", "requirement", {"status": ["draft"]}, "-updated_at"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(JSON, max_size=4), st.lists(JSON, max_size=4))
def test_a_cursor_gives_its_position_back(position, bound_to):
    assert CURSORS.open(CURSORS.seal(position, bound_to), bound_to) == position


@pytest.mark.parametrize(
    "bound_to",
    [
        pytest.param(["user-2", *BOUND[1:]], id="another-user"),
        pytest.param([*BOUND[:3], {"status": ["approved"]}, BOUND[4]], id="other-filters"),
        pytest.param([*BOUND[:4], "title"], id="another-sort"),
        pytest.param(BOUND[:4], id="shorter"),
    ],
)
def test_a_cursor_is_of_no_use_for_another_question(bound_to):
    cursor = CURSORS.seal([1, "a"], BOUND)

    with pytest.raises(ToolError, match="without cursor") as caught:
        CURSORS.open(cursor, bound_to)
    assert caught.value.code == "invalid_cursor"


def forged():
    real = CURSORS.seal([1, "a"], BOUND)
    version, body, signature = real.split(".")
    return [
        "",
        "c1",
        "c1..",
        "offset:x",
        "c2." + real[3:],
        f"{version}.{body}.",
        f"{version}.{body[:-2]}AA.{signature}",
        f"{version}.{body}.{signature[:-2]}AA",
        f"{version}.{body}.{signature}.x",
        real + "=" * 5000,
        "c1.é.漢",
        Cursors(b"x" * 32).seal([1, "a"], BOUND),
    ]


@pytest.mark.parametrize("cursor", forged())
def test_a_cursor_that_we_did_not_make_is_refused(cursor):
    with pytest.raises(ToolError, match="does not belong to this call"):
        CURSORS.open(cursor, BOUND)


def test_filters_may_be_named_in_any_order():
    cursor = CURSORS.seal([1], [{"a": 1, "b": 2}])

    assert CURSORS.open(cursor, [{"b": 2, "a": 1}]) == [1]
