"""When calls of a tool become tasks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from atoms_mcp.engine.context import Context

Arguments = dict[str, Any]


def always(_arguments: Mapping[str, Any]) -> bool:
    """Find every call worth a task."""
    return True


@dataclass(frozen=True, slots=True)
class TaskUse:
    """How a tool uses tasks, where its client knows them.

    `suits` tells by the (checked) arguments whether a call is worth a task; others are answered
    at once. `is_required` refuses clients that do not know tasks.
    `prepare` is run before there is a task and gives the arguments that the handler gets: here
    the client is asked what has to be known before the call can be accepted. In the task itself
    it can be asked as well, and the handler is not run again for that.
    """

    is_required: bool = False
    suits: Callable[[Mapping[str, Any]], bool] = always
    prepare: Callable[[Context, Arguments], Awaitable[Arguments]] | None = None
