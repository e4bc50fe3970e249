"""How much one user may ask of a server in a while, counted by each process for itself.

Counted in whole windows: the price of a count is paid by every call.

Source: MCP 2026-07-28 server/tools and completion, Security Considerations.
"""

import time
from collections.abc import Callable

from atoms_mcp.errors import ToolError


class Pace:
    """Counts the calls of each user; `calls` in `window_s` seconds, or any number for None."""

    def __init__(
        self,
        calls: int | None = None,
        window_s: int = 60,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._window_s = window_s
        self._now = now
        self._ends_at = 0.0
        self._counts: dict[str, int] = {}

    def take(self, user_id: str) -> None:
        """Count a call.

        Raises:
            ToolError: (rate_limited) it is one too many.
        """
        if self._calls is None:
            return
        now = self._now()
        if now >= self._ends_at:
            self._ends_at = now + self._window_s
            self._counts = {}
        count = self._counts.get(user_id, 0) + 1
        if count > self._calls:
            wait_s = max(round(self._ends_at - now), 1)
            raise ToolError(
                "rate_limited",
                f"You may make {self._calls} calls in {self._window_s} s, and have.",
                fix=f"Repeat the call after {wait_s} s; ask for more in one call (items, limit).",
                details={"retry_after_s": wait_s},
            )
        self._counts[user_id] = count
