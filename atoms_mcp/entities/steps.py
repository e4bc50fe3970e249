"""A great batch in words: what came of it, and what did not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from atoms_mcp.entities.budget import BUDGET_BYTES
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.errors import ToolError

# What an answer may spend on naming all that is stored.
NAMES_BYTES = BUDGET_BYTES // 2


@dataclass(frozen=True, slots=True)
class Halt:
    """Where a batch of `total` ended: at index `first`, in a step that would have gone to `end`.

    `names` are what was stored before. `is_unknown` says that nobody knows whether the step was
    stored, `has_token` that the call can be repeated without creating anything twice.
    """

    total: int
    first: int
    end: int
    names: Sequence[str]
    is_unknown: bool
    has_token: bool


def name_all(entity: EntityType, names: Sequence[str]) -> dict[str, Any]:
    """Give the names of what is stored, in the order of the items, as far as an answer can."""
    member = "keys" if entity.handle == "key" else "ids"
    used = len(orjson.dumps(list(names)))
    kept = len(names) if used <= NAMES_BYTES else len(names) * NAMES_BYTES // used
    told: dict[str, Any] = {"stored": len(names), member: list(names[:kept])}
    return told if kept == len(names) else told | {f"{member}_left_out": len(names) - kept}


def cut_short(entity: EntityType, halt: Halt, cause: ToolError) -> ToolError:
    """Make the error of a batch that ended before its end."""
    made = len(halt.names)
    named = f" ({halt.names[0]} to {halt.names[-1]})" if made else ""
    message = f"{made} of {halt.total} {entity.plural} are stored{named}; {_what_not(halt)}"
    return ToolError(
        cause.code,
        f"{message}: {cause.message}",
        fix=f"{cause.fix} {_how_to_go_on(halt)}",
        details={**cause.details, **name_all(entity, halt.names), "first_not_done": halt.first},
    )


def _what_not(halt: Halt) -> str:
    if not halt.is_unknown:
        return f"those from items[{halt.first}] on are not"
    step = f"items[{halt.first}] to items[{halt.end - 1}] may be stored or not"
    return step if halt.end == halt.total else f"{step}, those from items[{halt.end}] on are not"


def _how_to_go_on(halt: Halt) -> str:
    if halt.has_token:
        return "Then repeat the whole call with the same client_token: what is there stays."
    look = f"look whether items[{halt.first}] is there, and " if halt.is_unknown else ""
    return f"Then {look}repeat the call with the items from index {halt.first} on alone."


def cancelled() -> ToolError:
    """Make the error of a change that nobody waits for any more."""
    return ToolError(
        "cancelled", "the call was cancelled.", fix="Leave it so, unless it is wanted after all."
    )
