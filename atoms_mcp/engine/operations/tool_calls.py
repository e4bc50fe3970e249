"""tools/call: the tool is found, its arguments are checked, its handler is run.

What a caller can mend is a result, not an error.

Source: MCP 2026-07-28 server/tools, Calling Tools and Error Handling.
"""

import asyncio
from typing import Any

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.failure import EXPECTED, RIGHTS, render_failure
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling, can_challenge
from atoms_mcp.engine.offer.tool import Arguments
from atoms_mcp.engine.offer.toolbox import Prepared, Toolbox
from atoms_mcp.engine.operations.success import render_success
from atoms_mcp.engine.tasks.tasks import Tasks
from atoms_mcp.engine.tasks.use import TaskUse
from atoms_mcp.engine.tasks.work import Accepted
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.capabilities import missing_capabilities
from atoms_mcp.protocol.headers import check_arguments
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import ToolResult
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.protocol.task import TASKS


class ToolCalls:
    """Runs the tools of a server."""

    def __init__(self, tools: Toolbox, handling: Handling, tasks: Tasks) -> None:
        self._tools = tools
        self._handling = handling
        self._tasks = tasks

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
            TaskBegun: it goes on as a task.
            Unauthenticated, InsufficientScope, CallerExpired: the transport can challenge.
            Cancelled: nobody waits for the result.
        """
        handling = self._handling
        watched = handling.begin(call, revision, frame, tool)
        try:
            caller = frame.caller or await handling.find_caller(frame)
            handling.pace.take(caller.user_id)
            arguments = tool.admit(caller, arguments)
            talk = handling.talk(call, revision, frame, watched, caller)
            context = Context(caller, handling.rest, frame.request_id, talk)
            if tool.as_task is not None:
                arguments = await self._choose(tool.as_task, tool, arguments, context, revision)
            found = await tool.handler(context, arguments)
            handling.check_wanted(watched)
            return render_success(found, tool)
        except asyncio.CancelledError:
            return render_failure(handling.explain_end(watched), frame.request_id)
        except EXPECTED as error:
            handling.check_wanted(watched)
            return render_failure(error, frame.request_id)
        except RIGHTS as error:
            if can_challenge(frame):
                raise
            return render_failure(error, frame.request_id)
        finally:
            handling.deadlines.end(watched)

    async def _choose(
        self,
        use: TaskUse,
        tool: Prepared,
        arguments: Arguments,
        context: Context,
        revision: Revision | None,
    ) -> Arguments:
        """Give the arguments of a call that is answered at once.

        Raises:
            TaskBegun: it goes on as a task instead.
            RpcError: it could only be one, and the client knows no tasks.
            ToolError: the same, for clients whose revision has none; too many tasks run.
        """
        if revision is None or not revision.is_stateless:
            if use.is_required:
                raise ToolError(
                    "unavailable",
                    f"{tool.name} takes long, so it needs a client that knows tasks.",
                    fix="Use a client that speaks MCP 2026-07-28 with tasks.",
                )
            revision = None
        elif use.is_required and not context.can(TASKS):
            raise missing_capabilities([TASKS])
        if use.prepare is not None:
            arguments = await use.prepare(context, arguments)
        if revision is None or not context.can(TASKS):
            return arguments
        if not (use.is_required or use.suits(arguments)):
            return arguments
        declared = context.capabilities
        raise await self._tasks.begin(
            Accepted(tool, arguments, context.caller, revision, declared, context.request_id)
        )
