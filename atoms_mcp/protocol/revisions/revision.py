"""What every revision of MCP can be asked; the engine knows nothing else of them."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from enum import Enum, auto
from typing import Any

import orjson

from atoms_mcp.protocol.jsonrpc import METHOD_NOT_FOUND, Call, RpcError, render_notification
from atoms_mcp.protocol.levels import Level
from atoms_mcp.protocol.results import Result, ToolResult
from atoms_mcp.protocol.revisions.since import strip


class Operation(Enum):
    """What the engine can do, under whatever name a revision calls it."""

    PING = auto()
    DISCOVER = auto()
    LIST_TOOLS = auto()
    CALL_TOOL = auto()
    LIST_RESOURCES = auto()
    LIST_TEMPLATES = auto()
    READ_RESOURCE = auto()
    SUBSCRIBE = auto()
    UNSUBSCRIBE = auto()
    LIST_PROMPTS = auto()
    GET_PROMPT = auto()
    COMPLETE = auto()
    SET_LEVEL = auto()
    LISTEN = auto()
    GET_TASK = auto()
    UPDATE_TASK = auto()
    CANCEL_TASK = auto()


class Revision(ABC):
    """One revision: its methods, and the shape of its answers.

    `opening` is encoded once. `is_stateless` says that a request stands for itself: that it
    says what its client can do, that questions to the client are an answer to it, and that a
    client which goes away has cancelled it. `missing_resource` is the code for a URI of nothing.
    """

    name: str
    is_stateless: bool
    has_batches: bool
    operations: Mapping[str, Operation]
    opening: bytes
    missing_resource: int

    def find(self, method: str) -> Operation:
        """Give the operation behind a method.

        Raises:
            RpcError: -32601.
        """
        operation = self.operations.get(method)
        if operation is None:
            raise self.unknown_method()
        return operation

    def unknown_method(self) -> RpcError:
        """Give the error for a method that is not served."""
        return RpcError(METHOD_NOT_FOUND, f"there is no such method in {self.name}")

    @abstractmethod
    def render(self, result: Result) -> bytes:
        """Give any result but a tool's, encoded."""

    @abstractmethod
    def render_tool_result(self, result: ToolResult) -> bytes:
        """Give the result of `tools/call`, encoded."""

    def render_notification(self, method: str, params: Mapping[str, Any]) -> bytes:
        """Give a notification to the client, encoded; `params` are in their newest form."""
        return render_notification(method, strip(method, params, self.name))

    def render_questions(self, questions: Mapping[str, Any], state: str) -> bytes:
        """Give the result that asks the client for input, encoded; only stateless ones have it."""
        raise NotImplementedError(f"{self.name} asks by requests: {questions}, {state}")

    def read_declared(self, call: Call) -> Collection[str]:  # noqa: ARG002 - for those that do
        """Give the names of what an admitted request says its client can do; most say nothing."""
        return ()

    def read_wanted_level(self, call: Call) -> Level | None:  # noqa: ARG002 - for those that do
        """Give the least level of log messages that an admitted request says it wants."""
        return None

    @abstractmethod
    def find_status(self, code: int) -> int:
        """Give the HTTP status that carries an error code where the error names none."""


def encode(value: object) -> bytes:
    """Give JSON; read-only mappings are objects as well."""
    return orjson.dumps(value, default=_unwrap)


def _unwrap(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
