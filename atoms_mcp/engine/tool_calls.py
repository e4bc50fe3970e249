"""tools/call: the tool is found, its arguments are checked, its handler is run.

What a caller can mend is a result, not an error.

Source: MCP 2026-07-28 server/tools, Calling Tools and Error Handling.
"""

import asyncio
from typing import Any

import orjson

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.failure import EXPECTED, RIGHTS, render_failure
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling, can_challenge
from atoms_mcp.engine.tool import Content
from atoms_mcp.engine.toolbox import Prepared, Toolbox
from atoms_mcp.protocol.headers import check_arguments
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import ToolResult
from atoms_mcp.protocol.revisions.revision import Revision, encode


class ToolCalls:
    """Runs the tools of a server."""

    def __init__(self, tools: Toolbox, handling: Handling) -> None:
        self._tools = tools
        self._handling = handling

    def find(self, call: Call, revision: Revision, frame: Frame) -> tuple[Prepared, dict[str, Any]]:
        """Give the tool that is called and its arguments, yet unchecked.

        Raises:
            RpcError: there is no such tool, the arguments are no object, or a header differs.
        """
        name = call.params.get("name")
        if type(name) is not str:
            raise RpcError(INVALID_PARAMS, "tools/call needs the name of a tool, a string")
        arguments = call.params.get("arguments")
        if arguments is None:
            arguments = {}
        elif type(arguments) is not dict:
            raise RpcError(INVALID_PARAMS, "arguments must be an object")
        tool = self._tools.find(name)
        if tool.mirrored and frame.headers is not None and revision.is_stateless:
            check_arguments(frame.headers, tool.mirrored, arguments)
        return tool, arguments

    async def run(
        self,
        tool: Prepared,
        arguments: dict[str, Any],
        call: Call | None,
        revision: Revision | None,
        frame: Frame,
    ) -> ToolResult:
        """Run a tool; without a call and its revision there is no client to talk to.

        Raises:
            RpcError, InputRequired: what its client has to do first.
            Unauthenticated, InsufficientScope, CallerExpired: the transport can challenge.
            Cancelled: nobody waits for the result.
        """
        handling = self._handling
        watched = handling.begin(call, revision, frame, tool)
        try:
            caller = frame.caller or await handling.find_caller(frame)
            arguments = tool.admit(caller, arguments)
            talk = handling.talk(call, revision, frame, watched, caller)
            found = await tool.handler(
                Context(caller, handling.rest, frame.request_id, talk), arguments
            )
            return _render(found)
        except asyncio.CancelledError:
            return render_failure(handling.explain_end(watched), frame.request_id)
        except EXPECTED as error:
            return render_failure(error, frame.request_id)
        except RIGHTS as error:
            if can_challenge(frame):
                raise
            return render_failure(error, frame.request_id)
        finally:
            handling.deadlines.end(watched)


def _render(found: dict[str, Any] | Content) -> ToolResult:
    if not isinstance(found, Content):
        return ToolResult(orjson.dumps(found))
    structured = None if found.structured is None else encode(found.structured)
    return ToolResult(structured, found.blocks, "tool" if found.is_error else None)
