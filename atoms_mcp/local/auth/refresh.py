"""The rules of refresh-token rotation, as one decision.

Source: Supabase Auth API.
"""

from enum import Enum

REUSE_INTERVAL_S = 10.0


class Decision(Enum):
    """What becomes of a refresh request."""

    ADVANCE = "advance"  # the current token: the counter moves on
    REPEAT = "repeat"  # an older one that is forgiven: the current token is handed out again
    REVOKE = "revoke"  # reuse detected: the session ends
    UNKNOWN = "unknown"  # a token that was never handed out


def decide(*, presented: int, current: int, refreshed_at: float | None, now: float) -> Decision:
    """Decide about the token with counter `presented` while the session stands at `current`.

    The parent of the current token is always forgiven: its holder never got, or could not
    save, the answer. Anything older is forgiven within the reuse interval after the last
    refresh, because requests cross; later it means that two parties hold one login.
    """
    if presented > current:
        return Decision.UNKNOWN
    if presented == current:
        return Decision.ADVANCE
    if presented == current - 1:
        return Decision.REPEAT
    if refreshed_at is not None and now - refreshed_at <= REUSE_INTERVAL_S:
        return Decision.REPEAT
    return Decision.REVOKE
