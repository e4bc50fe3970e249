"""Whether somebody may hear of a resource: exactly those who can read it at that moment.

Source: MCP 2026-07-28 basic/patterns/subscriptions, Security Considerations.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.resource import NoSuchResource
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.errors import InsufficientScope
from atoms_mcp.protocol.content import Block
from atoms_mcp.supabase.errors import CallerExpired
from atoms_mcp.supabase.rest import Rest

Find = Callable[[str], Callable[[Context], Awaitable[Sequence[Block]]]]

# What says that a caller cannot read something; anything else says nothing about that.
REFUSED: Final = (NoSuchResource, ToolError, InsufficientScope, CallerExpired)
REQUEST_ID: Final = "listening"


class Rights:
    """Tries to read, as the one whose right is in question. `find` gives what reads a URI."""

    def __init__(self, find: Find, rest: Rest) -> None:
        self._find = find
        self._rest = rest

    async def can_read(self, caller: Caller, uri: str) -> bool:
        """Tell whether there is something at a URI that the caller can read.

        Raises:
            SupabaseError: nobody knows at the moment.
        """
        try:
            return bool(await self._find(uri)(Context(caller, self._rest, REQUEST_ID)))
        except REFUSED:
            return False
