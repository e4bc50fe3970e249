"""The heart: bytes come in, one reply goes out, over whatever transport.

What is asked is found out here, once; in which shape it is answered is the revision's matter.
Errors become replies here and nowhere else, but for `Unauthenticated`, `InsufficientScope` and
`CallerExpired`: they pass through where the transport can answer them with a challenge.
"""

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson
import structlog

from atoms_mcp import __version__
from atoms_mcp.engine.context import Context
from atoms_mcp.engine.deadline import DeadlinePassed, Deadlines
from atoms_mcp.engine.failure import EXPECTED, RIGHTS, render_failure
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.reply import ACCEPTED, Reply
from atoms_mcp.engine.session import Sessions
from atoms_mcp.engine.tool import Tool
from atoms_mcp.engine.toolbox import Prepared, Toolbox
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.identity.verify import InvalidToken, Verifier
from atoms_mcp.protocol.headers import PROTOCOL_VERSION, check_arguments
from atoms_mcp.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    Call,
    RpcError,
    find_id,
    parse,
    read,
    render_error,
    render_result,
)
from atoms_mcp.protocol.results import Server, ToolResult, render_structured
from atoms_mcp.protocol.revisions import Revisions, is_stateless, omits_unknown_id
from atoms_mcp.protocol.revisions.handshake import Handshake, read_opening
from atoms_mcp.protocol.revisions.revision import Operation, Revision
from atoms_mcp.supabase.rest import Rest

CALL_LIMIT_S: Final = 20.0
MAX_BATCH: Final = 50
CREDENTIAL: Final = "auth_token"

log = structlog.get_logger(__name__)


class Engine:
    """Answers messages. Holds nothing of any one request or user.

    `instructions` are what a model is told of the server as a whole.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        rest: Rest,
        verifier: Verifier,
        sessions: Sessions,
        *,
        instructions: str = "",
        call_limit_s: float = CALL_LIMIT_S,
    ) -> None:
        self._tools = Toolbox(tools)
        self._rest = rest
        self._verifier = verifier
        self._sessions = sessions
        self._deadlines = Deadlines(call_limit_s)
        self._revisions = Revisions(
            Server("atoms-mcp", "Atoms", __version__, instructions, self._tools.listing)
        )

    async def answer(self, raw: bytes, frame: Frame) -> Reply:
        """Answer one body or line.

        Raises:
            Unauthenticated: nobody is known to call, and the transport can challenge.
            InsufficientScope, CallerExpired: the same, for a call that went further.
            SupabaseError: an `auth_token` cannot be checked, because Supabase cannot be asked.
        """
        try:
            message = parse(raw)
        except RpcError as fault:
            _demand_caller(frame)
            return _refuse(fault, None, frame)
        if type(message) is list:
            _demand_caller(frame)
            return await self._answer_batch(message, frame)
        token = _take_token(message)
        if token is None and frame.caller is not None:
            return await self._answer_one(message, frame)
        known = await self._identify(token, frame)
        return _name_caller(await self._answer_one(message, known), known)

    async def call_tool(self, name: str, arguments: dict[str, Any], frame: Frame) -> Reply:
        """Call one tool outside of MCP; the body is the bare result object.

        Raises:
            UnknownTool: there is no such tool.
            Unauthenticated, InsufficientScope, CallerExpired, SupabaseError: as `answer`.
        """
        frame = await self._identify(arguments.pop(CREDENTIAL, None), frame)
        tool = self._tools.find(name)
        result = await self._run(tool, arguments, frame, is_watched=False)
        body = b"{%b}" % render_structured(result)
        return _name_caller(Reply(body, tool=name, error_code=result.error_code), frame)

    async def end_session(self, frame: Frame) -> None:
        """End the session of a frame before its time.

        Raises:
            RpcError: there is no such session, or another revision was named.
        """
        await self._find_revision(frame)
        assert frame.session_id is not None  # noqa: S101 - `_find_revision` refused it otherwise
        assert frame.caller is not None  # noqa: S101 - the route wants a caller
        await self._sessions.end(frame.session_id, frame.caller.user_id)

    async def _identify(self, token: object, frame: Frame) -> Frame:
        """Give the frame with whom an `auth_token` (None without one) proves to call.

        A header decides alone: a different token beside it is refused, never followed.
        """
        if not frame.can_challenge:
            if token is None:
                return frame
            return replace(frame, find_caller=partial(self._verify, token))
        if frame.caller is None:
            return replace(frame, caller=await self._verify(token))
        if token is not None and not _is_same(token, frame.caller.presented):
            raise Unauthenticated("auth_token differs from the Authorization header")
        return frame

    async def _verify(self, token: object) -> Caller:
        if token is None:
            raise Unauthenticated
        if not isinstance(token, str):
            raise Unauthenticated("auth_token is not a string")
        try:
            return await self._verifier.verify(token)
        except InvalidToken as exc:
            raise Unauthenticated(exc.reason) from exc

    async def _answer_one(self, message: object, frame: Frame) -> Reply:
        try:
            call = read(message)
            if call is None:  # a client's answer to a request: only sessions have those
                await self._find_revision(frame)
                return ACCEPTED
            revision: Revision
            if not is_stateless(call, frame.headers, has_session=frame.session_id is not None):
                if call.method == "initialize":
                    return await self._initialize(call, frame)
                # A notification on a transport with one client needs no session to be let go.
                if call.id is not None or frame.headers is not None:
                    revision = await self._find_revision(frame)
            elif call.id is not None:
                revision = self._revisions.admit(call, frame.headers)
        except RpcError as fault:
            return _refuse(fault, find_id(message), frame)
        if call.id is None:
            return _take_notice(call, frame)
        return await self._perform(call, revision, frame)

    async def _find_revision(self, frame: Frame) -> Handshake:
        """Give the revision of the frame's session.

        Raises:
            RpcError: no session (status 400), an unknown one (404), another revision named (400).
        """
        session = frame.session
        if frame.session_id is not None and frame.caller is not None:
            session = await self._sessions.find(frame.session_id, frame.caller.user_id)
        if session is None:
            raise RpcError(
                INVALID_REQUEST,
                "this needs a session (send initialize first) or the metadata of 2026-07-28",
                status=400,
            )
        revision = self._revisions.handshakes[session.revision]
        if frame.headers is not None:
            revision.check_header(frame.headers)
        return revision

    async def _initialize(self, call: Call, frame: Frame) -> Reply:
        if call.id is None:
            raise RpcError(INVALID_REQUEST, "initialize is a request: it needs an id", status=400)
        if await self._has_session(frame):
            raise RpcError(INVALID_REQUEST, "this session is already open", status=400)
        asked, capabilities = read_opening(call.params)
        revision = self._revisions.negotiate(asked)
        owner = "" if frame.caller is None else frame.caller.user_id
        session = self._sessions.start(owner, revision.name, capabilities)
        return Reply(
            render_result(call.id, revision.opening),
            session=session,
            session_id=None if frame.headers is None else self._sessions.seal(session),
            rpc_method="initialize",
        )

    async def _has_session(self, frame: Frame) -> bool:
        if frame.session_id is None or frame.caller is None:
            return frame.session is not None
        try:
            await self._sessions.find(frame.session_id, frame.caller.user_id)
        except RpcError:
            return False
        return True

    async def _answer_batch(self, messages: list[Any], frame: Frame) -> Reply:
        """Answer the members of a batch, all at once.

        Source: MCP 2025-03-26 basic, Batching; JSON-RPC 2.0 section 6.
        """
        try:
            revision = await self._find_revision(frame)
            _check_batch(messages, revision)
        except RpcError as fault:
            return _refuse(fault, None, frame)
        # All tokens are looked at before anything is done. Past that no member can refuse the
        # whole: the others may have changed something by then.
        frames = [
            replace(await self._identify(_take_token(message), frame), can_challenge=False)
            for message in messages
        ]
        replies = await asyncio.gather(
            *(
                self._answer_member(message, revision, own)
                for message, own in zip(messages, frames, strict=True)
            )
        )
        bodies = [reply.body for reply in replies if reply.body is not None]
        if not bodies:
            return ACCEPTED
        return Reply(b"[%b]" % b",".join(bodies), rpc_method="batch")

    async def _answer_member(self, message: object, revision: Handshake, frame: Frame) -> Reply:
        try:
            call = read(message)
        except RpcError as fault:
            return _refuse(fault, find_id(message), frame)
        if call is None:
            return ACCEPTED
        if call.method == "initialize":
            misplaced = RpcError(INVALID_REQUEST, "initialize must not be in a batch")
            return _refuse(misplaced, call.id, frame)
        if call.id is None:
            return _take_notice(call, frame)
        return await self._perform(call, revision, frame)

    async def _perform(self, call: Call, revision: Revision, frame: Frame) -> Reply:
        """Do what a request asks for; from here on it has its answer, whatever happens."""
        assert call.id is not None  # noqa: S101 - notifications were taken before
        if frame.calls is not None:
            frame.calls.add(call.id)
        try:
            operation = revision.find(call.method)
            if operation is not Operation.CALL_TOOL:
                fixed = _read_fixed(operation, call, revision)
                return Reply(render_result(call.id, fixed), rpc_method=call.method)
            tool, arguments = self._find_tool(call, revision, frame)
            result = await self._run(tool, arguments, frame, is_watched=revision.is_stateless)
            body = render_result(call.id, revision.render_tool_result(result))
            return Reply(body, 200, call.method, tool.name, result.error_code)
        except RpcError as fault:
            return _refuse_call(fault, call, revision, frame)
        except RIGHTS:
            raise
        except Exception:
            log.exception("call.failed", rpc_method=call.method, request_id=frame.request_id)
            internal = RpcError(
                INTERNAL_ERROR, f"internal error; tell the operator the id {frame.request_id}"
            )
            return _refuse_call(internal, call, revision, frame)
        finally:
            if frame.calls is not None:
                frame.calls.remove(call.id)

    def _find_tool(
        self, call: Call, revision: Revision, frame: Frame
    ) -> tuple[Prepared, dict[str, Any]]:
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

    async def _run(
        self, tool: Prepared, arguments: dict[str, Any], frame: Frame, *, is_watched: bool
    ) -> ToolResult:
        """Run a tool; `is_watched` stops it when its client leaves."""
        watched = self._deadlines.begin(frame.is_gone if is_watched else None)
        try:
            caller = frame.caller
            if caller is None:
                assert frame.find_caller is not None  # noqa: S101 - a frame has the one or the other
                caller = await frame.find_caller()
            arguments = tool.admit(caller, arguments)
            context = Context(caller, self._rest, frame.request_id)
            return ToolResult(orjson.dumps(await tool.handler(context, arguments)))
        except asyncio.CancelledError:
            if not watched.take_back():
                raise
            late = DeadlinePassed(f"stopped after {self._deadlines.limit_s:g} s")
            return render_failure(late, frame.request_id)
        except EXPECTED as error:
            return render_failure(error, frame.request_id)
        except RIGHTS as error:
            if frame.can_challenge:
                raise
            return render_failure(error, frame.request_id)
        finally:
            self._deadlines.end(watched)


def _name_caller(reply: Reply, frame: Frame) -> Reply:
    return reply if frame.caller is None else replace(reply, user_id=frame.caller.user_id)


def _take_notice(call: Call, frame: Frame) -> Reply:
    """Take a notification. None needs an answer, so whatever else it says is let be."""
    if frame.calls is not None and call.method == "notifications/cancelled":
        frame.calls.cancel(call.params.get("requestId"))
    return ACCEPTED


def _refuse_call(fault: RpcError, call: Call, revision: Revision, frame: Frame) -> Reply:
    method = call.method if call.method in revision.operations else None
    return replace(_refuse(fault, call.id, frame, revision), rpc_method=method)


def _check_batch(messages: list[Any], revision: Handshake) -> None:
    if not revision.has_batches:
        raise RpcError(
            INVALID_REQUEST, f"{revision.name} has no batches; send one message", status=400
        )
    if not 1 <= len(messages) <= MAX_BATCH:
        raise RpcError(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} messages", status=400)


def _demand_caller(frame: Frame) -> None:
    if frame.can_challenge and frame.caller is None:
        raise Unauthenticated


def _take_token(message: object) -> object:
    """Take `auth_token` out of a tool's arguments, before anything else sees them."""
    if type(message) is not dict or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    arguments = params.get("arguments") if type(params) is dict else None
    return arguments.pop(CREDENTIAL, None) if type(arguments) is dict else None


def _is_same(token: object, known: str) -> bool:
    return isinstance(token, str) and hmac.compare_digest(token.encode(), known.encode())


def _read_fixed(operation: Operation, call: Call, revision: Revision) -> bytes:
    if operation is Operation.LIST_TOOLS:
        # All tools are on one page, so no cursor was ever given out.
        if call.params.get("cursor") is not None:
            raise RpcError(INVALID_PARAMS, "unknown cursor; list again without one")
        return revision.tool_list
    return revision.opening if operation is Operation.DISCOVER else b"{}"


def _refuse(
    fault: RpcError, call_id: int | str | None, frame: Frame, revision: Revision | None = None
) -> Reply:
    status = fault.status
    if status is None:
        status = 400 if revision is None else revision.find_status(fault.code)
    named = None if frame.headers is None else frame.headers.get(PROTOCOL_VERSION)
    body = render_error(fault, call_id, with_null_id=not omits_unknown_id(named))
    return Reply(body, status, error_code=fault.code)
