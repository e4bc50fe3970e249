"""The heart: bytes come in, one reply goes out, over whatever transport.

What is asked is found out here, once; in which shape it is answered is the revision's matter, and
what is answered that of the operations. Errors become replies here and nowhere else, but for
`Unauthenticated`, `InsufficientScope` and `CallerExpired`: they pass through where the transport
can answer them with a challenge.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import structlog

from atoms_mcp import __version__
from atoms_mcp.engine.credentials import CREDENTIAL, identify, take_token
from atoms_mcp.engine.deadline import Deadlines
from atoms_mcp.engine.failure import RIGHTS
from atoms_mcp.engine.footing import Footing
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Cancelled, Handling
from atoms_mcp.engine.listening.hub import Hub
from atoms_mcp.engine.listening.listening import Listening
from atoms_mcp.engine.listening.rights import Rights
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.toolbox import Toolbox
from atoms_mcp.engine.operations.completions import Completions
from atoms_mcp.engine.operations.listings import Listings
from atoms_mcp.engine.operations.prompt_gets import PromptGets
from atoms_mcp.engine.operations.resource_reads import Read, ResourceReads
from atoms_mcp.engine.operations.tool_calls import ToolCalls
from atoms_mcp.engine.reply import ACCEPTED, Reply
from atoms_mcp.engine.sessions.opening import Opening
from atoms_mcp.engine.sessions.rows import SessionRows
from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.engine.talk.inputs import InputRequired
from atoms_mcp.engine.talk.levels import Levels
from atoms_mcp.engine.talk.questions import Questions
from atoms_mcp.engine.talk.rounds import Rounds
from atoms_mcp.engine.talk.speech import Means
from atoms_mcp.engine.tasks.records import TaskRecords
from atoms_mcp.engine.tasks.tasks import TaskBegun, Tasks
from atoms_mcp.engine.tasks.watch import TaskWatch
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.identity.box import Box
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.protocol.headers import PROTOCOL_VERSION
from atoms_mcp.protocol.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Call,
    RpcError,
    find_id,
    parse,
    read,
    render_error,
    render_result,
)
from atoms_mcp.protocol.levels import read_level
from atoms_mcp.protocol.results import Server, render_structured
from atoms_mcp.protocol.revisions import Revisions, is_stateless, omits_unknown_id
from atoms_mcp.protocol.revisions.handshake import Handshake
from atoms_mcp.protocol.revisions.revision import Operation, Revision
from atoms_mcp.protocol.trace import find_trace

CALL_LIMIT_S: Final = 20.0
MAX_BATCH: Final = 50

# Does what a request asks for, and gives the result encoded.
Perform = Callable[[Call, Revision, Frame], Awaitable[bytes]]

log = structlog.get_logger(__name__)


class Engine:
    """Answers messages. Holds nothing of any one request or user.

    `instructions` are what a model is told of the server as a whole. `operations` are those
    that are served besides what the offer takes.
    """

    def __init__(
        self,
        offer: Offer,
        footing: Footing,
        *,
        instructions: str = "",
        call_limit_s: float = CALL_LIMIT_S,
        operations: Mapping[Operation, Perform] = MappingProxyType({}),
    ) -> None:
        """Make everything ready.

        Raises:
            ValueError: something is offered that no client could use.
        """
        self._verifier = footing.verifier
        self._questions = Questions(footing.store)
        rows = SessionRows(footing.store)
        self._levels = Levels(rows)
        rounds = Rounds(footing.seal, footing.store)
        self._deadlines = Deadlines(call_limit_s)
        records = TaskRecords(footing.store, Box(footing.seal.derive_all("task")))
        rights = Rights(self._find_reader, footing.rest)
        hub = Hub(footing.store, rights.can_read)
        means = Means(rounds, self._questions, self._levels, hub.publish)
        self._handling = Handling(footing.rest, self._deadlines, means, footing.pace)
        self.listening = Listening(
            hub,
            rows,
            footing,
            self._handling,
            rights,
            changing=offer.changing,
            tasks=TaskWatch(records),
        )
        self._reads = ResourceReads(offer, self._handling)
        self._tools = Toolbox(offer.tools)
        self._tasks = Tasks(self._handling, records, footing.verifier)
        self._tool_calls = ToolCalls(self._tools, self._handling, self._tasks)
        capabilities = offer.declare()
        self._revisions = Revisions(
            Server("atoms-mcp", "Atoms", __version__, instructions, capabilities)
        )
        self._opening = Opening(footing.sessions, self._revisions, footing.pace)
        cursors = Cursors(footing.seal.derive("list cursor"))
        self._operations = {**self._serve(offer, cursors), **operations}

    def _serve(self, offer: Offer, cursors: Cursors) -> dict[Operation, Perform]:
        """Give what is done for each operation; what is not offered cannot be asked for."""
        handling = self._handling
        listings = Listings(offer, self._tools, handling, cursors, self._revisions.all)
        served: dict[Operation, Perform] = {
            Operation.PING: _do_nothing,
            Operation.DISCOVER: _discover,
            Operation.SET_LEVEL: self._set_level,
            Operation.LISTEN: self.listening.listen,
        }
        if offer.tools:
            served[Operation.LIST_TOOLS] = listings.list_tools
        if offer.has_resources:
            served[Operation.LIST_RESOURCES] = listings.list_resources
            served[Operation.LIST_TEMPLATES] = listings.list_templates
            served[Operation.READ_RESOURCE] = self._reads.read
            served[Operation.SUBSCRIBE] = self.listening.subscribe
            served[Operation.UNSUBSCRIBE] = self.listening.unsubscribe
        if offer.prompts:
            served[Operation.LIST_PROMPTS] = listings.list_prompts
            served[Operation.GET_PROMPT] = PromptGets(offer, handling).get
        if offer.has_completions:
            served[Operation.COMPLETE] = Completions(offer, handling).complete
        if offer.has_tasks:
            served[Operation.GET_TASK] = self._tasks.get
            served[Operation.UPDATE_TASK] = self._tasks.update
            served[Operation.CANCEL_TASK] = self._tasks.cancel
        return served

    @property
    def argument_headers(self) -> frozenset[str]:
        """The headers in which clients repeat arguments of the tools: `Mcp-Param-...`."""
        return self._tools.headers

    def _find_reader(self, uri: str) -> Read:
        return self._reads.find(uri)[0]

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
            return _refuse(fault, fault.call_id, frame)
        if type(message) is list:
            _demand_caller(frame)
            return await self._answer_batch(message, frame)
        token = take_token(message)
        if token is None and frame.caller is not None:
            return await self._answer_one(message, frame)
        known = await identify(token, frame, self._verifier)
        return _name_caller(await self._answer_one(message, known), known)

    async def call_tool(self, name: str, arguments: dict[str, Any], frame: Frame) -> Reply:
        """Call one tool outside of MCP; the body is the bare result object.

        Raises:
            UnknownTool: there is no such tool.
            Unauthenticated, InsufficientScope, CallerExpired, SupabaseError: as `answer`.
        """
        frame = await identify(arguments.pop(CREDENTIAL, None), frame, self._verifier)
        tool = self._tools.find(name)
        result = await self._tool_calls.run(tool, arguments, None, None, frame)
        body = b"{%b}" % render_structured(result)
        return _name_caller(Reply(body, tool=name, error_code=result.error_code), frame)

    async def find_session(self, frame: Frame) -> Session:
        """Give the session of a frame.

        Raises:
            RpcError: there is no such session, or another revision was named.
        """
        await self._opening.find(frame)
        assert frame.session is not None  # noqa: S101 - it was found
        return frame.session

    async def end_session(self, frame: Frame) -> None:
        """End the session of a frame before its time.

        Raises:
            RpcError: there is no such session, another revision was named, or it is one too many.
        """
        await self._opening.end(frame)
        assert frame.session is not None  # noqa: S101 - it was found, and ended
        self._levels.forget(frame.session)
        await self.listening.end_session(frame.session)

    def drain(self) -> None:
        """End what waits for clients, before the transport ends: streams and open questions."""
        self.listening.drain()
        self._questions.drain()

    async def close(self) -> None:
        """End the streams and the tasks of this process, and let their clients know."""
        await self.listening.close()
        await self._tasks.close()

    async def _answer_one(self, message: object, frame: Frame) -> Reply:
        try:
            call = read(message)
            if call is None:  # a client's answer to a request: only sessions have those
                await self._opening.find(frame)
                return await self._take_response(message, frame)
            revision: Revision
            if not is_stateless(call, frame.headers, has_session=frame.session_id is not None):
                if call.method == "initialize":
                    return await self._opening.open(call, frame)
                # A notification on a transport with one client needs no session to be let go.
                if call.id is not None or frame.headers is not None:
                    revision = self._opening.recall(frame) or await self._opening.find(frame)
            elif call.id is not None:
                revision = self._revisions.admit(call, frame.headers)
        except RpcError as fault:
            return _refuse(fault, find_id(message), frame)
        if call.id is None:
            return await self._take_notice(call, frame)
        return _trace(await self._perform(call, revision, frame), call)

    async def _answer_batch(self, messages: list[Any], frame: Frame) -> Reply:
        """Answer the members of a batch, all at once.

        Source: MCP 2025-03-26 basic, Batching; JSON-RPC 2.0 section 6.
        """
        try:
            revision = await self._opening.find(frame)
            _check_batch(messages, revision)
        except RpcError as fault:
            return _refuse(fault, None, frame)
        # All tokens are looked at before anything is done. Past that no member can refuse the
        # whole: the others may have changed something by then.
        frames = [
            replace(await identify(take_token(message), frame, self._verifier), can_challenge=False)
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
            return await self._take_response(message, frame)
        if call.method == "initialize":
            misplaced = RpcError(INVALID_REQUEST, "initialize must not be in a batch")
            return _refuse(misplaced, call.id, frame)
        if call.id is None:
            return await self._take_notice(call, frame)
        return await self._perform(call, revision, frame)

    async def _take_notice(self, call: Call, frame: Frame) -> Reply:
        """Take a notification. None needs an answer, so whatever else it says is let be."""
        if call.method == "notifications/cancelled" and frame.origin is not None:
            call_id = call.params.get("requestId")
            reason = call.params.get("reason")
            log.info("call.cancelled", reason=reason if type(reason) is str else None)
            self._deadlines.cancel(frame.origin, call_id)
            # The work of a session may be done at another replica.
            await self.listening.cancel(frame.origin, call_id, is_shared=frame.headers is not None)
        elif call.method == "notifications/initialized" and frame.session is not None:
            await self.listening.attend(frame)
        return ACCEPTED

    async def _take_response(self, message: Any, frame: Frame) -> Reply:  # noqa: ANN401 - JSON
        """Bring a client's answer to the call that asked for it."""
        assert frame.session is not None  # noqa: S101 - it was found before
        try:
            await self._questions.take(frame.session, message)
        except RpcError as fault:
            return _refuse(fault, None, frame)  # its id is that of a request of ours
        return ACCEPTED

    async def _perform(self, call: Call, revision: Revision, frame: Frame) -> Reply:
        """Do what a request asks for; from here on it has its answer, whatever happens."""
        assert call.id is not None  # noqa: S101 - notifications were taken before
        try:
            operation = revision.find(call.method)
            if operation is Operation.CALL_TOOL:
                tool, arguments = self._tool_calls.find(call, revision, frame)
                result = await self._tool_calls.run(tool, arguments, call, revision, frame)
                body = render_result(call.id, revision.render_tool_result(result))
                return Reply(body, 200, call.method, tool.name, result.error_code)
            perform = self._operations.get(operation, _refuse_method)
            body = render_result(call.id, await perform(call, revision, frame))
            return Reply(body, rpc_method=call.method)
        except RpcError as fault:
            return _refuse_call(fault, call, revision, frame)
        except (InputRequired, TaskBegun) as instead:
            body = render_result(call.id, _render_instead(instead, revision))
            return Reply(body, rpc_method=call.method)
        except Cancelled:
            return replace(ACCEPTED, rpc_method=call.method)
        except RIGHTS:
            raise
        except Exception:
            log.exception("call.failed", rpc_method=call.method, request_id=frame.request_id)
            internal = RpcError(
                INTERNAL_ERROR, f"internal error; tell the operator the id {frame.request_id}"
            )
            return _refuse_call(internal, call, revision, frame)

    async def _set_level(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        assert frame.session is not None  # noqa: S101 - the revisions with this have sessions
        session, level = frame.session, read_level(call.params.get("level"))
        await self._handling.run(
            lambda _context: self._levels.set(session, level), call, revision, frame
        )
        return b"{}"


async def _refuse_method(_call: Call, revision: Revision, _frame: Frame) -> bytes:
    raise revision.unknown_method()


async def _do_nothing(_call: Call, _revision: Revision, _frame: Frame) -> bytes:
    return b"{}"


async def _discover(_call: Call, revision: Revision, _frame: Frame) -> bytes:
    return revision.opening


def _render_instead(instead: InputRequired | TaskBegun, revision: Revision) -> bytes:
    """Give what is answered in the place of a result: what the client is asked, or a task."""
    if isinstance(instead, TaskBegun):
        return revision.render(instead.result)
    questions = {
        key: {"method": one.method, "params": one.params} for key, one in instead.requests.items()
    }
    return revision.render_questions(questions, instead.state)


def _trace(reply: Reply, call: Call) -> Reply:
    """Give the reply with the trace that its request is part of."""
    meta = call.params.get("_meta")
    if type(meta) is dict and "traceparent" in meta:
        reply.trace = find_trace(meta)
    return reply


def _name_caller(reply: Reply, frame: Frame) -> Reply:
    return reply if frame.caller is None else replace(reply, user_id=frame.caller.user_id)


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


def _refuse(
    fault: RpcError, call_id: int | str | None, frame: Frame, revision: Revision | None = None
) -> Reply:
    status = fault.status
    if status is None:
        status = 400 if revision is None else revision.find_status(fault.code)
    named = None if frame.headers is None else frame.headers.get(PROTOCOL_VERSION)
    body = render_error(fault, call_id, with_null_id=not omits_unknown_id(named))
    return Reply(body, status, error_code=fault.code)
