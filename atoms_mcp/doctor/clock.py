"""Whether clocks agree: tokens are not yet or no longer valid where they do not."""

from email.utils import parsedate_to_datetime

from atoms_mcp.doctor.finding import Finding, fault, good, note, warning
from atoms_mcp.doctor.visit import Answer

SUBJECT = "clock"
# A header has whole seconds, and the answer was under way for a while.
SLIGHT_S = 5
# What verifiers forgive.
LEEWAY_S = 30


def judge_clock(who: str, answer: Answer) -> Finding:
    """Compare the Date header of an answer with the clock here."""
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return note(SUBJECT, f"{who} does not say what time it is")
    ahead_s = round(theirs - answer.at)
    if abs(ahead_s) <= SLIGHT_S:
        return good(SUBJECT, f"{who} and this machine agree")
    told = f"{who} is {abs(ahead_s)} s {'ahead of' if ahead_s > 0 else 'behind'} this machine"
    fix = "Let both take their time from the network (NTP)."
    return (fault if abs(ahead_s) > LEEWAY_S else warning)(SUBJECT, told, fix)
