"""What every revision of MCP can be asked; the engine knows nothing else of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum, auto

from atoms_mcp.protocol.jsonrpc import METHOD_NOT_FOUND, RpcError
from atoms_mcp.protocol.results import ToolResult


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

    `opening` and `tool_list` are encoded once. `is_stateless` says that a request stands for
    itself, and that a client which goes away has cancelled it.
    """

    name: str
    is_stateless: bool
    has_batches: bool
    operations: Mapping[str, Operation]
    opening: bytes
    tool_list: bytes

    def find(self, method: str) -> Operation:
        """Give the operation behind a method.

        Raises:
            RpcError: -32601.
        """
        operation = self.operations.get(method)
        if operation is None:
            raise RpcError(METHOD_NOT_FOUND, f"there is no such method in {self.name}")
        return operation

    @abstractmethod
    def render_tool_result(self, result: ToolResult) -> bytes:
        """Give the result of `tools/call`, encoded."""

    @abstractmethod
    def find_status(self, code: int) -> int:
        """Give the HTTP status that carries an error code where the error names none."""
