"""The revisions whose requests stand for themselves: 2026-07-28.

Each request says in `_meta` which revision it speaks and what its client can do; over HTTP,
headers repeat the routing facts. The checks run in the order of `admit`, first fault wins.

Source: MCP 2026-07-28 basic (_meta), basic/versioning, basic/transports/streamable-http.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from atoms_mcp.protocol.headers import METHOD, NAME, PROTOCOL_VERSION, Headers, check_equal
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, Call, RpcError
from atoms_mcp.protocol.results import Server, ToolResult, render_structured
from atoms_mcp.protocol.revisions.revision import Operation, Revision

UNSUPPORTED_VERSION: Final = -32022

META: Final = "io.modelcontextprotocol/"
VERSION_KEY: Final = META + "protocolVersion"
CAPABILITIES_KEY: Final = META + "clientCapabilities"
SERVER_INFO_KEY: Final = META + "serverInfo"

LATEST: Final = "2026-07-28"
NAMES: Final = (LATEST,)
METHODS: Final[Mapping[str, Operation]] = {
    "server/discover": Operation.DISCOVER,
    "tools/list": Operation.LIST_TOOLS,
    "tools/call": Operation.CALL_TOOL,
}
# Which parameter the Mcp-Name header repeats; a method that is not here has no such header.
NAMED: Final[Mapping[str, str]] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
}
# What may be kept is the same for everybody and changes with a deployment only.
CACHE_MS: Final = 300_000
STATUSES: Final[Mapping[int, int]] = {METHOD_NOT_FOUND: 404, INVALID_PARAMS: 400}


class Stateless(Revision):
    """One revision of the family; `supported` is every revision served, newest first."""

    is_stateless = True
    has_batches = False
    operations = METHODS

    def __init__(self, name: str, server: Server, supported: Sequence[str]) -> None:
        self.name = name
        info = {"name": server.name, "title": server.title, "version": server.version}
        self._meta = {SERVER_INFO_KEY: info}
        self._tail = b',"_meta":%b}' % orjson.dumps(self._meta)
        discovered: dict[str, Any] = {
            "supportedVersions": list(supported),
            "capabilities": {"tools": {}},
        }
        if server.instructions:
            discovered["instructions"] = server.instructions
        self.opening = self._render_cacheable(discovered)
        self.tool_list = self._render_cacheable({"tools": list(server.tools)})

    def _render_cacheable(self, members: dict[str, Any]) -> bytes:
        return orjson.dumps(
            {
                "resultType": "complete",
                **members,
                "ttlMs": CACHE_MS,
                "cacheScope": "public",
                "_meta": self._meta,
            }
        )

    def render_tool_result(self, result: ToolResult) -> bytes:
        """Give the result of `tools/call`, encoded."""
        return b'{"resultType":"complete",%b%b' % (render_structured(result), self._tail)

    def find_status(self, code: int) -> int:
        """Give the HTTP status that carries an error code where the error names none."""
        return STATUSES.get(code, 200)


def admit(call: Call, headers: Headers | None, supported: Sequence[str]) -> str:
    """Give the revision of a request that passes the checks, or refuse it.

    `headers` are None where the transport has none to repeat anything in.

    Raises:
        RpcError: -32602 without the metadata, -32020 where a header differs from the body,
            -32022 for a revision that is not served in this way; all with status 400.
    """
    meta = call.params.get("_meta")
    if type(meta) is not dict:
        meta = {}
    version = meta.get(VERSION_KEY)
    if type(version) is not str or type(meta.get(CAPABILITIES_KEY)) is not dict:
        raise RpcError(
            INVALID_PARAMS,
            f"params._meta needs a string {VERSION_KEY} and an object {CAPABILITIES_KEY}",
            status=400,
        )
    if headers is not None:
        _check_mirror(call, version, headers)
    if version not in NAMES:
        raise _unsupported(version, supported)
    return version


def _unsupported(version: str, supported: Sequence[str]) -> RpcError:
    message, offered = "protocol version not implemented", supported
    if version in supported:
        # It must not be served without its handshake, so it is not offered here, either.
        message, offered = f"{version} is served after initialize only", NAMES
    data = {"supported": list(offered), "requested": version}
    return RpcError(UNSUPPORTED_VERSION, message, data=data, status=400)


def _check_mirror(call: Call, version: str, headers: Headers) -> None:
    method, member = call.method, NAMED.get(call.method)
    name = None if member is None else call.params.get(member)
    # A name that is missing in the body is the fault of the method's own check.
    if (
        headers.getall(PROTOCOL_VERSION, ()) == [version]
        and headers.getall(METHOD, ()) == [method]
        and (type(name) is not str or headers.getall(NAME, ()) == [name])
    ):
        return  # nearly always, letter by letter
    check_equal(headers, PROTOCOL_VERSION, version)
    check_equal(headers, METHOD, method)
    if type(name) is str:
        check_equal(headers, NAME, name, is_encodable=True)
