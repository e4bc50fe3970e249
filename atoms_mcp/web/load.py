"""How much is being worked on, so that what could not be done in time is refused at once.

An open stream of events is mostly silence, and bounded elsewhere: it is not counted.

Source: RFC 9110 section 15.6.4.
"""

from typing import Final

from aiohttp import hdrs

from atoms_mcp.web.problem import Problem

MAX_AT_WORK: Final = 1000
RETRY_S: Final = 2


class Load:
    """The requests that are open in this process, and how many of them have become streams."""

    def __init__(self, limit: int = MAX_AT_WORK) -> None:
        self.limit = limit
        self.requests = 0
        self.streams = 0

    def refuse(self, *, is_vital: bool) -> None:
        """Refuse what comes on top, unless it is vital.

        Raises:
            Problem: 503.
        """
        if not is_vital:
            raise Problem(
                503,
                "overloaded",
                "The server has too much to do at the moment.",
                f"Try again in {RETRY_S} seconds.",
                headers={hdrs.RETRY_AFTER: str(RETRY_S)},
            )
