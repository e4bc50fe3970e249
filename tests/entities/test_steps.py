import pytest

from atoms_mcp.entities.budget import BUDGET_BYTES
from atoms_mcp.entities.steps import Halt, cancelled, cut_short, name_all
from atoms_mcp.errors import ToolError

CAUSE = ToolError("duplicate", "it is there.", fix="Take another.", details={"field": "x"})
NAMES = [f"VEH-REQ-{number}" for number in range(1, 101)]


def halt(**changed):
    facts = {
        "total": 250,
        "first": 100,
        "end": 200,
        "names": NAMES,
        "is_unknown": False,
        "has_token": False,
    }
    return Halt(**{**facts, **changed})


@pytest.fixture
def requirement(catalogue):
    return catalogue["requirement"]


def test_all_that_is_stored_is_named(catalogue):
    assert name_all(catalogue["document"], ["A", "B"]) == {"stored": 2, "keys": ["A", "B"]}
    assert name_all(catalogue["block"], ["1"]) == {"stored": 1, "ids": ["1"]}


def test_what_does_not_fit_is_counted(catalogue):
    ids = ["0ac3e000-0000-4000-8000-000000000002"] * 1000

    told = name_all(catalogue["block"], ids)

    assert told["stored"] == 1000
    assert len(told["ids"]) + told["ids_left_out"] == 1000
    assert len(str(told)) < BUDGET_BYTES


def test_what_ended_half_way_says_what_is_stored_and_what_is_not(requirement):
    error = cut_short(requirement, halt(), CAUSE)

    assert str(error) == (
        "duplicate: 100 of 250 requirements are stored (VEH-REQ-1 to VEH-REQ-100); those from "
        "items[100] on are not: it is there. Fix: Take another. Then repeat the call with the "
        "items from index 100 on alone."
    )
    assert error.details == {"field": "x", "stored": 100, "keys": NAMES, "first_not_done": 100}


def test_with_a_token_the_whole_call_can_be_repeated(requirement):
    error = cut_short(requirement, halt(has_token=True), CAUSE)

    assert error.fix.endswith(
        "repeat the whole call with the same client_token: what is there stays."
    )


def test_a_step_that_may_be_stored_or_not_is_told_as_such(requirement):
    middle = cut_short(requirement, halt(is_unknown=True), CAUSE)
    last = cut_short(requirement, halt(is_unknown=True, end=250), CAUSE)

    assert (
        "items[100] to items[199] may be stored or not, those from items[200] on are not: "
    ) in middle.message
    assert "items[100] to items[249] may be stored or not: it is there." in last.message
    assert "look whether items[100] is there" in last.fix


def test_a_call_that_was_cancelled_at_once_has_stored_nothing(requirement):
    error = cut_short(requirement, halt(first=0, end=100, names=[]), cancelled())

    assert error.code == "cancelled"
    assert error.message == (
        "0 of 250 requirements are stored; those from items[0] on are not: the call was cancelled."
    )
