from email.utils import formatdate

import pytest

from atoms_mcp.doctor.clock import judge_clock
from atoms_mcp.doctor.finding import Grade

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("ahead_s", "grade", "told"),
    [
        (0, Grade.GOOD, "agree"),
        (-5, Grade.GOOD, "agree"),
        (20, Grade.WARNING, "20 s ahead of"),
        (-31, Grade.FAULT, "31 s behind"),
        (3600, Grade.FAULT, "3600 s ahead of"),
    ],
)
def test_clocks_that_differ_are_told_by_how_much(answered, ahead_s, grade, told):
    finding = judge_clock("it", answered({}, at=NOW, Date=formatdate(NOW + ahead_s, usegmt=True)))

    assert finding.grade is grade
    assert told in finding.told


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_without_a_date_nothing_can_be_said(answered, headers):
    assert judge_clock("it", answered({}, **headers)).grade is Grade.NOTE
