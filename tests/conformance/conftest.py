"""The table at the end: what each run of the suite found."""

import pytest
from conformance_suite import count

TABLE = pytest.StashKey[dict]()


def pytest_configure(config):
    config.stash[TABLE] = {}


@pytest.fixture
def conformance_table(request):
    """Where a test leaves the checks of its run, by its name."""
    return request.config.stash[TABLE]


def pytest_terminal_summary(terminalreporter, config):
    table = config.stash[TABLE]
    if not table:
        return
    terminalreporter.section("conformance")
    width = max(len(name) for name in table)
    terminalreporter.line(f"{'':{width}}  scenarios  passed  failed  warned")
    for name in sorted(table):
        scenarios, by_status = count(table[name])
        found = (by_status[status] for status in ("SUCCESS", "FAILURE", "WARNING"))
        figures = "  ".join(f"{number:6}" for number in found)
        terminalreporter.line(f"{name:{width}}  {scenarios:9}  {figures}")
