"""The revisions that open with `initialize`: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25.

A row names each of them; the answers are the newest ones, stripped of what came later.
JSON-RPC errors travel in bodies of status 200; only transport faults have another status.

Source: MCP 2024-11-05 to 2025-11-25, basic/lifecycle and basic/transports.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from atoms_mcp.protocol.capabilities import read_capabilities
from atoms_mcp.protocol.headers import PROTOCOL_VERSION, SESSION_ID, Headers
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, RpcError
from atoms_mcp.protocol.results import (
    Result,
    Server,
    ToolResult,
    render_content,
    render_structured,
)
from atoms_mcp.protocol.revisions.revision import Operation, Revision, encode
from atoms_mcp.protocol.revisions.since import STRUCTURE, strip, strip_block, strip_members

RESOURCE_NOT_FOUND: Final = -32002

METHODS: Final[Mapping[str, Operation]] = {
    "ping": Operation.PING,
    "tools/list": Operation.LIST_TOOLS,
    "tools/call": Operation.CALL_TOOL,
    "resources/list": Operation.LIST_RESOURCES,
    "resources/templates/list": Operation.LIST_TEMPLATES,
    "resources/read": Operation.READ_RESOURCE,
    "resources/subscribe": Operation.SUBSCRIBE,
    "resources/unsubscribe": Operation.UNSUBSCRIBE,
    "prompts/list": Operation.LIST_PROMPTS,
    "prompts/get": Operation.GET_PROMPT,
    "completion/complete": Operation.COMPLETE,
    "logging/setLevel": Operation.SET_LEVEL,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One of these revisions; what else tells them apart is in `since`."""

    name: str
    has_batches: bool = False


ROWS: Final = (
    Row("2025-11-25"),
    Row("2025-06-18"),
    Row("2025-03-26", has_batches=True),
    Row("2024-11-05"),
)
NAMES: Final = frozenset(row.name for row in ROWS)


class Handshake(Revision):
    """One revision of the family."""

    is_stateless = False
    operations = METHODS
    missing_resource = RESOURCE_NOT_FOUND

    def __init__(self, row: Row, server: Server) -> None:
        self.name = row.name
        self.has_batches = row.has_batches
        self._has_structure = row.name >= STRUCTURE
        self.opening = _render_opening(row.name, server)

    def render(self, result: Result) -> bytes:
        """Give any result but a tool's, encoded."""
        return encode(strip_members(result.members, self.name))

    def render_tool_result(self, result: ToolResult) -> bytes:
        """Give the result of `tools/call`, encoded."""
        content = result.content
        if content is not None and not isinstance(content, str):
            shown = [strip_block(block, self.name) for block in content]
            result = ToolResult(result.structured, shown, result.error_code)
        if self._has_structure:
            return b"{%b}" % render_structured(result)
        return b"{%b}" % render_content(result)

    def find_status(self, code: int) -> int:  # noqa: ARG002 - the family knows one status for all codes
        """Give the HTTP status that carries an error code where the error names none."""
        return 200

    def check_header(self, headers: Headers) -> None:
        """Refuse a request that names a revision without sessions, or two revisions or sessions.

        No header is fine: 2025-03-26 knows none. Whatever revision of the family it names, the
        session is served as it was negotiated; some clients name the oldest one that they know.

        Raises:
            RpcError: -32600 with status 400.

        Source: MCP 2025-11-25 basic/transports, Protocol Version Header.
        """
        named = headers.getall(PROTOCOL_VERSION, ())
        is_single = len(headers.getall(SESSION_ID, ())) <= 1
        if is_single and named == [self.name]:
            return  # nearly always, letter by letter
        if len(named) > 1 or not is_single:
            raise RpcError(
                INVALID_REQUEST,
                f"{PROTOCOL_VERSION} and {SESSION_ID} may come once each",
                status=400,
            )
        if named and named[0].strip(" \t") not in NAMES:
            raise RpcError(
                INVALID_REQUEST,
                f"this session was opened with {self.name}; {PROTOCOL_VERSION} names a revision "
                "that is not served in sessions",
                status=400,
            )


def _render_opening(revision: str, server: Server) -> bytes:
    info = {"name": server.name, "title": server.title, "version": server.version}
    opening: dict[str, Any] = {
        "protocolVersion": revision,
        "capabilities": strip("capabilities", server.capabilities, revision),
        "serverInfo": strip("info", info, revision),
    }
    if server.instructions:
        opening["instructions"] = server.instructions
    return encode(opening)


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
    return asked, read_capabilities(capabilities)
