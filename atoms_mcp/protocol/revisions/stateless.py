"""The revisions whose requests stand for themselves: 2026-07-28.

Each request says in `_meta` which revision it speaks and what its client can do; over HTTP,
headers repeat the routing facts. The checks run in the order of `admit`, first fault wins.

Source: MCP 2026-07-28 basic (_meta), basic/versioning, basic/transports/streamable-http.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from atoms_mcp.protocol.capabilities import read_capabilities
from atoms_mcp.protocol.headers import METHOD, NAME, PROTOCOL_VERSION, Headers, check_equal
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, Call, RpcError
from atoms_mcp.protocol.levels import Level, read_level
from atoms_mcp.protocol.results import Cache, Result, Server, ToolResult, render_structured
from atoms_mcp.protocol.revisions.revision import Operation, Revision, encode

UNSUPPORTED_VERSION: Final = -32022

META: Final = "io.modelcontextprotocol/"
VERSION_KEY: Final = META + "protocolVersion"
CAPABILITIES_KEY: Final = META + "clientCapabilities"
SERVER_INFO_KEY: Final = META + "serverInfo"
LEVEL_KEY: Final = META + "logLevel"

LATEST: Final = "2026-07-28"
NAMES: Final = (LATEST,)
METHODS: Final[Mapping[str, Operation]] = {
    "server/discover": Operation.DISCOVER,
    "tools/list": Operation.LIST_TOOLS,
    "tools/call": Operation.CALL_TOOL,
    "resources/list": Operation.LIST_RESOURCES,
    "resources/templates/list": Operation.LIST_TEMPLATES,
    "resources/read": Operation.READ_RESOURCE,
    "prompts/list": Operation.LIST_PROMPTS,
    "prompts/get": Operation.GET_PROMPT,
    "completion/complete": Operation.COMPLETE,
    "subscriptions/listen": Operation.LISTEN,
    "tasks/get": Operation.GET_TASK,
    "tasks/update": Operation.UPDATE_TASK,
    "tasks/cancel": Operation.CANCEL_TASK,
}
# Which parameter the Mcp-Name header repeats; a method that is not here has no such header.
NAMED: Final[Mapping[str, str]] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
# What is the same for everybody changes with a deployment only.
LASTING: Final = Cache(300_000, is_public=True)
STATUSES: Final[Mapping[int, int]] = {METHOD_NOT_FOUND: 404, INVALID_PARAMS: 400}


class Stateless(Revision):
    """One revision of the family; `supported` is every revision served, newest first."""

    is_stateless = True
    has_batches = False
    operations = METHODS
    missing_resource = INVALID_PARAMS

    def __init__(self, name: str, server: Server, supported: Sequence[str]) -> None:
        self.name = name
        info = {"name": server.name, "title": server.title, "version": server.version}
        self._meta = {SERVER_INFO_KEY: info}
        self._tail = b',"_meta":%b}' % encode(self._meta)
        discovered: dict[str, Any] = {
            "supportedVersions": list(supported),
            "capabilities": server.capabilities,
        }
        if server.instructions:
            discovered["instructions"] = server.instructions
        self.opening = self.render(Result(discovered, LASTING))

    def render(self, result: Result) -> bytes:
        """Give any result but a tool's, encoded."""
        members = {"resultType": "complete", **result.members}
        cache = result.cache
        if cache is not None:
            members["ttlMs"] = cache.ttl_ms
            members["cacheScope"] = "public" if cache.is_public else "private"
        return encode(members | {"_meta": {**members.get("_meta", {}), **self._meta}})

    def render_tool_result(self, result: ToolResult) -> bytes:
        """Give the result of `tools/call`, encoded."""
        return b'{"resultType":"complete",%b%b' % (render_structured(result), self._tail)

    def render_questions(self, questions: Mapping[str, Any], state: str) -> bytes:
        """Give the result that asks the client for input, encoded.

        Source: MCP 2026-07-28 basic/patterns/mrtr.
        """
        return encode(
            {
                "resultType": "input_required",
                "inputRequests": questions,
                "requestState": state,
                "_meta": self._meta,
            }
        )

    def read_declared(self, call: Call) -> tuple[str, ...]:
        """Give the names of what an admitted request says its client can do."""
        return read_capabilities(call.params["_meta"][CAPABILITIES_KEY])

    def read_wanted_level(self, call: Call) -> Level | None:
        """Give the least level of log messages that an admitted request wants; None for none."""
        level = call.params["_meta"].get(LEVEL_KEY)
        return None if level is None else read_level(level)

    def find_status(self, code: int) -> int:
        """Give the HTTP status that carries an error code where the error names none."""
        return STATUSES.get(code, 200)


def admit(call: Call, headers: Headers | None, supported: Sequence[str]) -> str:
    """Give the revision of a request that passes the checks, or refuse it.

    `headers` are None where the transport has none to repeat anything in.

    Raises:
        RpcError: -32602 without the metadata or with a log level that there is not, -32020 where
            a header differs from the body, -32022 for a revision that is not served in this way;
            all with status 400.
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
    if LEVEL_KEY in meta:
        read_level(meta[LEVEL_KEY])
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
        and (type(name) is not str or (headers.getall(NAME, ()) == [name] and name[:2] != "=?"))
    ):
        return  # nearly always, letter by letter
    check_equal(headers, PROTOCOL_VERSION, version)
    check_equal(headers, METHOD, method)
    if type(name) is str:
        check_equal(headers, NAME, name, is_encodable=True)
