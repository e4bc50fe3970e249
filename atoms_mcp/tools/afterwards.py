"""What is done after a change was stored: it may fail, and the change is a success all the same.

An error would tell the caller that nothing happened; whoever repeats the call then has it twice.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

import structlog

from atoms_mcp.errors import AtomsError
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.tools.desk import Desk

# What is stored is told in time, before the call as a whole has taken too long.
LIMIT_S: Final = 5.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def afterwards(
    desk: Desk, work: Awaitable[T], otherwise: T, *, limit_s: float = LIMIT_S
) -> T:
    """Give what `work` comes to; `otherwise` where it fails or takes too long."""
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except (AtomsError, TimeoutError) as exc:
        # The words of other errors may have data of the workspace in them.
        fault = str(exc) if isinstance(exc, SupabaseError) else type(exc).__name__
        log.warning("change.half_told", fault=fault, request_id=desk.context.request_id)
        return otherwise
