"""How much is being worked on, so that what could not be done in time is refused at once.

A stream that is open and silent is no work; whoever opens one says so.

Source: RFC 9110 section 15.6.4.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import hdrs

from atoms_mcp.web.problem import Problem

MAX_AT_WORK: Final = 1000
RETRY_S: Final = 2


class Load:
    """The requests that are open in this process, and how many of them are only streams."""

    def __init__(self, limit: int = MAX_AT_WORK) -> None:
        self.limit = limit
        self.requests = 0
        self.streams = 0

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Count the request at hand among the streams meanwhile."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

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
