import pytest

from atoms_mcp.local.auth.refresh import REUSE_INTERVAL_S, Decision, decide

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("presented", "current", "ago_s", "decision"),
    [
        pytest.param(0, 0, None, Decision.ADVANCE, id="the first one"),
        pytest.param(5, 5, 9999, Decision.ADVANCE, id="the current one"),
        pytest.param(4, 5, 0, Decision.REPEAT, id="its parent at once"),
        pytest.param(4, 5, 9999, Decision.REPEAT, id="its parent any time later"),
        pytest.param(3, 5, REUSE_INTERVAL_S, Decision.REPEAT, id="an older one in the interval"),
        pytest.param(3, 5, REUSE_INTERVAL_S + 1, Decision.REVOKE, id="an older one after it"),
        pytest.param(0, 2, None, Decision.REVOKE, id="an older one at no known time"),
        pytest.param(6, 5, 0, Decision.UNKNOWN, id="one that was never given out"),
    ],
)
def test_what_becomes_of_a_refresh_token(presented, current, ago_s, decision):
    refreshed_at = None if ago_s is None else NOW - ago_s

    assert (
        decide(presented=presented, current=current, refreshed_at=refreshed_at, now=NOW) is decision
    )
