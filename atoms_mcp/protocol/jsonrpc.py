"""JSON-RPC 2.0: bytes become messages, and outcomes become bytes.

Knows nothing of MCP beyond what its base pages say of every message: an id is a string or an
integer and never null, and it is echoed with the type it came in.

Source: JSON-RPC 2.0; MCP 2026-07-28 basic, Requests and Error Codes; RFC 8259.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from atoms_mcp.errors import AtomsError
from atoms_mcp.protocol.ambiguity import find_ambiguity

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

MAX_DEPTH: Final = 64
MAX_ID_CHARS: Final = 1024
MAX_ID: Final = 2**53

Id = int | str


class RpcError(AtomsError):
    """A request ends in a JSON-RPC error.

    `status` is the HTTP status where the rule that was broken names one; None leaves it to the
    revision in which the request is answered. `call_id` is what to answer to, where the message
    itself goes no further.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        data: dict[str, Any] | None = None,
        status: int | None = None,
        call_id: int | str | None = None,
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.data = data
        self.status = status
        self.call_id = call_id


@dataclass(slots=True)  # made for every request, and a frozen one costs thrice as much
class Call:
    """A request, or a notification where `id` is None."""

    method: str
    params: dict[str, Any]
    id: Id | None


def parse(raw: bytes) -> Any:  # noqa: ANN401 - JSON is anything until it was looked at
    """Give what the bytes say.

    Invalid UTF-8, NaN, numbers beyond a double and lone surrogates are syntax errors here.

    Raises:
        RpcError: -32700 where it is not JSON, -32600 where it is nested too deeply, or where two
            readers could understand it differently: a doubled key, a whole number beyond 64 bits.
    """
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RpcError(PARSE_ERROR, "the body is not valid JSON", status=400) from None
    # Counting brackets is far cheaper than walking, and few messages have so many.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _is_too_deep(message):
        raise _refused(message, f"the body is nested deeper than {MAX_DEPTH} levels")
    ambiguity = find_ambiguity(raw, message)
    if ambiguity is not None:
        raise _refused(message, ambiguity)
    return message


def _refused(message: object, fault: str) -> RpcError:
    return RpcError(INVALID_REQUEST, fault, status=400, call_id=find_id(message))


def _is_too_deep(message: object) -> bool:
    level = [message]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for value in level:
            if type(value) is dict:
                below.extend(value.values())
            elif type(value) is list:
                below.extend(value)
        if not below:
            return False
        level = below
    return any(type(value) in {dict, list} for value in level)


def is_id(value: object) -> bool:
    """Tell whether a request may have `value` as its id. `true` and `1.0` are no integers here."""
    if type(value) is int:
        return -MAX_ID <= value <= MAX_ID
    return type(value) is str and len(value) <= MAX_ID_CHARS


def find_id(message: object) -> Id | None:
    """Give the id that an error about this message must carry, or None where none is readable."""
    if type(message) is not dict:
        return None
    found = message.get("id")
    return found if is_id(found) else None


@dataclass(frozen=True, slots=True)
class Response:
    """A client's answer to a request of ours; `error` is None where it has a result."""

    id: Id | None
    result: Any
    error: dict[str, Any] | None


def read_response(message: dict[str, Any]) -> Response:
    """Give the response that a message is for which `read` gave None."""
    error = message.get("error")
    if "error" in message and type(error) is not dict:
        error = {}
    return Response(find_id(message), message.get("result"), error)


def read(message: object) -> Call | None:
    """Give the call that one parsed message makes; None for a response to a request of ours.

    Raises:
        RpcError: -32600 for what is no JSON-RPC message, -32602 for positional parameters.
    """
    if type(message) is not dict or message.get("jsonrpc") != "2.0":
        raise _invalid('a message is a JSON object with "jsonrpc": "2.0"')
    call_id = message.get("id")
    if (call_id is not None or "id" in message) and not is_id(call_id):
        raise _invalid('"id" must be a string or an integer')
    is_response = "result" in message or "error" in message
    method = message.get("method")
    if method is None and "method" not in message:
        if is_response and "id" in message:
            return None
        raise _invalid('"method" is missing')
    if type(method) is not str or is_response:
        raise _invalid('"method" must be a string, without "result" or "error" beside it')
    params = message.get("params")
    if type(params) is not dict:
        params = _read_params(params)
    return Call(method, params, call_id)


def _read_params(params: object) -> dict[str, Any]:
    if params is None:  # left out, or null as some serializers write it
        return {}
    if type(params) is list:
        raise RpcError(INVALID_PARAMS, '"params" must be an object, not a list', status=400)
    raise _invalid('"params" must be an object')


def _invalid(message: str) -> RpcError:
    return RpcError(INVALID_REQUEST, message, status=400)


def render_result(call_id: Id, result: bytes) -> bytes:
    """Give the response that carries an already encoded result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (orjson.dumps(call_id), result)


def render_notification(method: str, params: Mapping[str, Any]) -> bytes:
    """Give a notification."""
    return orjson.dumps({"jsonrpc": "2.0", "method": method, "params": dict(params)})


def render_request(call_id: Id, method: str, params: Mapping[str, Any]) -> bytes:
    """Give a request of ours."""
    message = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": dict(params)}
    return orjson.dumps(message)


def render_error(error: RpcError, call_id: Id | None, *, with_null_id: bool) -> bytes:
    """Give the response that carries an error.

    Without a readable id, JSON-RPC and the handshake revisions say null; 2026-07-28 leaves the
    member out.
    """
    body: dict[str, Any] = {"jsonrpc": "2.0"}
    if call_id is not None or with_null_id:
        body["id"] = call_id
    body["error"] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["error"]["data"] = error.data
    return orjson.dumps(body)
