"""Great batches: stored in steps, each all or none, with word of how far it has come.

What ends one before its end is told with what was stored by then: nothing of it is taken back.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from atoms_mcp.engine.failure import explain
from atoms_mcp.entities.call import STEP_ROWS, Call
from atoms_mcp.entities.failures import twice_in_batch
from atoms_mcp.entities.steps import Halt, cancelled, cut_short
from atoms_mcp.entities.view import handle_of
from atoms_mcp.errors import ToolError
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError
from atoms_mcp.tools.desk import Desk, Row

# Unique in a project: what stands twice in the items would end them half-way.
EXTERNAL_ID = "external_id"

log = structlog.get_logger(__name__)


class PartlyStored(ToolError):  # noqa: N818 - says what is the case
    """Something is wrong with what was to be stored, and a part of it is stored."""


async def store_in_steps(
    desk: Desk, call: Call, store: Callable[[slice], Awaitable[Sequence[Row]]]
) -> None:
    """Store all items of a call by `store`, which gives the rows of a step.

    Raises:
        ToolError: a step failed or the call was cancelled; the error says what is stored.
    """
    _check_unique(call)
    rows: list[Row] = []
    total = len(call.rows)
    for first in range(0, total, STEP_ROWS):
        step = slice(first, min(first + STEP_ROWS, total))
        if desk.context.is_cancelled:
            # Over HTTP its client may be gone: then nobody but the log learns of this.
            log.info(
                "batch.cancelled",
                entity_type=call.entity.name,
                done=len(rows),
                total=total,
                request_id=desk.context.request_id,
            )
            raise _halted(call, rows, step, cancelled())
        try:
            rows += await store(step)
        except ToolError as cause:
            if not rows:
                raise
            is_unknown = isinstance(cause, PartlyStored)
            raise _halted(call, rows, step, cause, is_unknown=is_unknown) from cause
        except (SupabaseError, CallerExpired) as exc:
            if not rows:
                raise
            told = explain(exc, desk.context.request_id)
            is_unknown = isinstance(exc, SupabaseError) and exc.kind in {"wrong", "down", "slow"}
            raise _halted(call, rows, step, told, is_unknown=is_unknown) from exc
        message = f"{len(rows)} of {total} {call.entity.plural} created"
        await desk.context.progress(len(rows), total, message)


def _check_unique(call: Call) -> None:
    seen = set()
    for row in call.rows:
        value = row.get(EXTERNAL_ID)
        if value is not None and value in seen:
            raise twice_in_batch(EXTERNAL_ID, value)
        seen.add(value)


def _halted(
    call: Call, rows: list[Row], step: slice, cause: ToolError, *, is_unknown: bool = False
) -> ToolError:
    halt = Halt(
        total=len(call.rows),
        first=step.start,
        end=step.stop,
        names=[handle_of(call.entity, row) for row in rows],
        is_unknown=is_unknown,
        has_token=call.client_token is not None,
    )
    return cut_short(call.entity, halt, cause)
