"""A task: a call that goes on after its answer, and what its client can find out about it.

Source: MCP extension io.modelcontextprotocol/tasks, 2026-07-28.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson

from atoms_mcp.protocol.revisions.revision import encode

TASKS: Final = "io.modelcontextprotocol/tasks"
TTL_MS: Final = 3_600_000
POLL_MS: Final = 1000

Status = Literal["working", "input_required", "completed", "failed", "cancelled"]
ENDED: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Task:
    """How a task stands. Times are Unix seconds.

    `questions` are what its client has to answer, as requests by key. `result` is there when it
    is completed, `error` (a JSON-RPC error object) when it has failed.
    """

    task_id: str
    owner: str
    created_at: float
    updated_at: float
    status: Status = "working"
    message: str = ""
    questions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    result: Any = None
    error: Mapping[str, Any] | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it stays as it is."""
        return self.status in ENDED

    def encode(self) -> bytes:
        """Give all of it, to be kept."""
        return encode({one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def decode(cls, kept: bytes) -> "Task":
        """Give back what was kept."""
        return cls(**orjson.loads(kept))

    def describe(self) -> dict[str, Any]:
        """Give what a client is told of it."""
        told: dict[str, Any] = {
            "taskId": self.task_id,
            "status": self.status,
            "createdAt": _render_time(self.created_at),
            "lastUpdatedAt": _render_time(self.updated_at),
            "ttlMs": TTL_MS,
            "pollIntervalMs": POLL_MS,
        }
        if self.message:
            told["statusMessage"] = self.message
        if self.status == "input_required":
            told["inputRequests"] = self.questions
        elif self.status == "completed":
            told["result"] = self.result
        elif self.status == "failed":
            told["error"] = self.error
        return told


def _render_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def render_task_notification(task: Task, tag: bytes) -> bytes:
    """Give the message of how a task stands; `tag` is the encoded member that names its stream."""
    members = encode(task.describe())[1:]
    return b'{"jsonrpc":"2.0","method":"notifications/tasks","params":{%b,%b}' % (tag, members)
