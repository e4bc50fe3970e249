"""The official conformance suite against our engine: every check passes, also the unscored ones.

Each run is of one release and one set of scenarios, against the server of `server.py`: once open,
once through a bearer token. There is no list of expected failures.
"""

import pytest
from conformance_suite import NEXT, RELEASE, count, find_faults, run_suite

REQUIREMENTS = "--requirements"
VERSION = ("--suite", "all", "--spec-version")
# Release, arguments, and how many scenarios and good checks have to come of them at least, so that
# none gets lost. What the suite only tells (INFO) and cannot look at yet (SKIPPED) is not counted.
RUNS = {
    "0.1.16 all": (RELEASE, ("--suite", "all"), 32, 46),
    "0.2.0-alpha.12 2025-03-26": (NEXT, (*VERSION, "2025-03-26"), 1, 3),
    "0.2.0-alpha.12 2025-06-18": (NEXT, (*VERSION, "2025-06-18"), 27, 56),
    "0.2.0-alpha.12 2025-11-25": (NEXT, (REQUIREMENTS, "2025-11-25"), 33, 84),
    "0.2.0-alpha.12 2026-07-28": (NEXT, (REQUIREMENTS, "2026-07-28"), 50, 196),
}


@pytest.fixture(scope="module", params=["open", "bearer"])
def door(request, start, stack, tokens):
    """The fixture server: its MCP endpoint, and the token that has to go with each request."""
    is_open = request.param == "open"
    env = stack.env | ({"OPEN_TOKEN": tokens["ada"]} if is_open else {})
    process = start("tests/conformance/server.py", env=env, program=())
    url = process.wait_for(r"http://\S+").group()
    yield request.param, url, None if is_open else tokens["ada"]
    process.stop()


@pytest.mark.requirement(
    "subs-acknowledged",
    "subs-filter",
    "subs-id",
    "tools-list-changed",
    "prom-list-changed",
    "sse-priming",
    "sse-retry",
)
@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_check_of_the_suite_passes(door, name, conformance_table):
    package, arguments, scenarios, passed = RUNS[name]
    how, url, token = door

    checks = run_suite(package, ("server", "--url", url, *arguments), target=url, token=token)

    conformance_table[f"{name}, {how}"] = checks
    assert [str(check) for check in find_faults(checks)] == []
    found, by_status = count(checks)
    assert found == scenarios
    assert by_status["SUCCESS"] >= passed
