"""The revisions that open with `initialize`: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25.

One row says what each of them has; the answers are the newest ones with the rest stripped.
JSON-RPC errors travel in bodies of status 200; only transport faults have another status.

Source: MCP 2024-11-05 to 2025-11-25, basic/lifecycle and basic/transports.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from atoms_mcp.protocol.headers import PROTOCOL_VERSION, Headers
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, RpcError
from atoms_mcp.protocol.results import Server, ToolResult, render_structured, render_text
from atoms_mcp.protocol.revisions.revision import Operation, Revision

METHODS: Final[Mapping[str, Operation]] = {
    "ping": Operation.PING,
    "tools/list": Operation.LIST_TOOLS,
    "tools/call": Operation.CALL_TOOL,
}
# The capabilities of a client that a server can make use of.
CAPABILITIES: Final = ("elicitation", "roots", "sampling")


@dataclass(frozen=True, slots=True)
class Row:
    """What one of these revisions has.

    `has_structure`: titles, `outputSchema` and `structuredContent`.
    """

    name: str
    has_structure: bool
    has_annotations: bool
    has_batches: bool


ROWS: Final = (
    Row("2025-11-25", has_structure=True, has_annotations=True, has_batches=False),
    Row("2025-06-18", has_structure=True, has_annotations=True, has_batches=False),
    Row("2025-03-26", has_structure=False, has_annotations=True, has_batches=True),
    Row("2024-11-05", has_structure=False, has_annotations=False, has_batches=False),
)


class Handshake(Revision):
    """One revision of the family."""

    is_stateless = False
    operations = METHODS

    def __init__(self, row: Row, server: Server) -> None:
        self.name = row.name
        self.has_batches = row.has_batches
        self._has_structure = row.has_structure
        self.opening = _render_opening(row, server)
        self.tool_list = orjson.dumps({"tools": [_strip(row, tool) for tool in server.tools]})

    def render_tool_result(self, result: ToolResult) -> bytes:
        """Give the result of `tools/call`, encoded."""
        if self._has_structure:
            return b"{%b}" % render_structured(result)
        is_error = b"false" if result.error_code is None else b"true"
        return b'{%b,"isError":%b}' % (render_text(result), is_error)

    def find_status(self, code: int) -> int:  # noqa: ARG002 - the family knows one status for all codes
        """Give the HTTP status that carries an error code where the error names none."""
        return 200

    def check_header(self, headers: Headers) -> None:
        """Refuse a request that names another revision than the session's.

        No header is fine: 2025-03-26 knows none.

        Raises:
            RpcError: -32600 with status 400.

        Source: MCP 2025-11-25 basic/transports, Protocol Version Header.
        """
        named = headers.getall(PROTOCOL_VERSION, ())
        if named != [self.name] and any(value.strip(" \t") != self.name for value in named):
            raise RpcError(
                INVALID_REQUEST,
                f"this session was opened with {self.name}, {PROTOCOL_VERSION} names another",
                status=400,
            )


def _render_opening(row: Row, server: Server) -> bytes:
    info = {"name": server.name, "version": server.version}
    if row.has_structure:
        info["title"] = server.title
    opening: dict[str, Any] = {
        "protocolVersion": row.name,
        "capabilities": {"tools": {}},
        "serverInfo": info,
    }
    if server.instructions:
        opening["instructions"] = server.instructions
    return orjson.dumps(opening)


def _strip(row: Row, tool: Mapping[str, Any]) -> dict[str, Any]:
    dropped = set[str]()
    if not row.has_structure:
        dropped |= {"title", "outputSchema"}
    if not row.has_annotations:
        dropped.add("annotations")
    return {key: value for key, value in tool.items() if key not in dropped}


def read_opening(params: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Give the revision that an `initialize` asks for and the capabilities that it names.

    Lenient about what is missing and would not be used: some small clients send no `clientInfo`.

    Raises:
        RpcError: -32602.
    """
    asked = params.get("protocolVersion")
    if type(asked) is not str:
        raise RpcError(INVALID_PARAMS, "initialize needs a string protocolVersion", status=200)
    capabilities = params.get("capabilities", {})
    if type(capabilities) is not dict:
        raise RpcError(INVALID_PARAMS, "capabilities must be an object", status=200)
    return asked, tuple(name for name in CAPABILITIES if type(capabilities.get(name)) is dict)
