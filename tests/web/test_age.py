import pytest

from atoms_mcp.web.age import measure_age

NOW = 1_800_000_000
DAY = 86_400


@pytest.mark.parametrize(
    ("passed_s", "said"),
    [
        pytest.param(-500, ("now", 0), id="the-future"),
        pytest.param(0, ("now", 0), id="now"),
        pytest.param(59.9, ("now", 0), id="seconds"),
        pytest.param(60, ("minute", 1), id="one-minute"),
        pytest.param(3599, ("minute", 59), id="just-under-an-hour"),
        pytest.param(3600, ("hour", 1), id="an-hour"),
        pytest.param(DAY, ("day", 1), id="a-day"),
        pytest.param(29 * DAY, ("day", 29), id="just-under-a-month"),
        pytest.param(30 * DAY, ("month", 1), id="a-month"),
        pytest.param(365 * DAY, ("year", 1), id="a-year"),
        pytest.param(800 * DAY, ("year", 2), id="years"),
    ],
)
def test_an_age_is_said_in_the_largest_unit_that_fits(passed_s, said):
    assert measure_age(NOW - passed_s, NOW) == said
