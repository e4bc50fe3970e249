"""How long ago something was, as people say it."""

from typing import Literal

Unit = Literal["now", "minute", "hour", "day", "month", "year"]

STEPS: tuple[tuple[Unit, int], ...] = (
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)


def measure_age(then: float, now: float) -> tuple[Unit, int]:
    """Give the largest unit that fits and how many of it are full; both times in Unix seconds.

    Less than a minute is ("now", 0), and so is the future: clocks differ.
    """
    passed_s = now - then
    for unit, length_s in STEPS:
        if passed_s >= length_s:
            return unit, int(passed_s // length_s)
    return "now", 0
