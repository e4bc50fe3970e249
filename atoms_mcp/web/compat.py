"""Tool calls without MCP, for scripts and small clients: `{"tool", "arguments"}` in, result out.

The same dispatcher answers as behind MCP, so the two cannot drift apart.
"""

from typing import Any

from aiohttp import hdrs, web

from atoms_mcp.engine.offer.toolbox import UnknownTool
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.protocol.jsonrpc import RpcError, parse
from atoms_mcp.web.answer import Answer
from atoms_mcp.web.fields import read_body
from atoms_mcp.web.keys import ENGINE, EXCHANGE
from atoms_mcp.web.mcp import make_frame, take_json, tell
from atoms_mcp.web.problem import JSON, Problem

FIELDS = frozenset({"tool", "arguments"})
HINT = 'Send {"tool": "entity_tool", "arguments": {"operation": "list", "entity_type": "project"}}.'


async def call_tool(request: web.Request) -> web.StreamResponse:
    """Call one tool; the answer is its result object, with 200 also where that is an error."""
    exchange = request[EXCHANGE]
    try:
        raw = take_json(request, exchange.route.body_limit_bytes) or await read_body(request)
        tool, arguments = _read(raw)
    except Problem:
        if exchange.caller is None:  # who calls comes before what is wrong
            raise Unauthenticated from None
        raise
    try:
        reply = await request.app[ENGINE].call_tool(tool, arguments, make_frame(request, exchange))
    except UnknownTool as fault:
        raise Problem(404, "unknown_tool", _sentence(fault), "Name one of them.") from None
    exchange.facts = tell(reply)
    assert reply.body is not None  # noqa: S101 - a call has a result
    return Answer(reply.body, headers={hdrs.CONTENT_TYPE: JSON})


def _read(raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        body = parse(raw)
    except RpcError as fault:
        raise _malformed(_sentence(fault)) from None
    if type(body) is not dict:
        raise _malformed("The body must be an object.")
    unknown = next((name for name in body if name not in FIELDS), None)
    if unknown is not None:
        raise _malformed("The body has a field that is neither tool nor arguments.")
    tool, arguments = body.get("tool"), body.get("arguments", {})
    if type(tool) is not str:
        raise _malformed("tool must be the name of a tool.")
    if type(arguments) is not dict:
        raise _malformed("arguments must be an object.")
    return tool, arguments


def _sentence(fault: RpcError) -> str:
    return f"{fault.message[0].upper()}{fault.message[1:]}."


def _malformed(message: str) -> Problem:
    return Problem(400, "malformed", message, HINT)
