"""What every handler gets, and what becomes of it: a caller, a deadline, a client to talk to.

A request that is worked on here can be cancelled by its client. What a handler fails with
becomes a JSON-RPC error; only tools tell of it in their results (see `tool_calls`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.deadline import DeadlinePassed, Deadlines, Watched
from atoms_mcp.engine.failure import EXPECTED, RIGHTS, to_rpc_error
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.offer.toolbox import Prepared
from atoms_mcp.engine.pace import Pace
from atoms_mcp.engine.talk.dialogue import Dialogue, Herald
from atoms_mcp.engine.talk.questions import QuestionsSpeech
from atoms_mcp.engine.talk.rounds import RetrySpeech, RoundsSpeech
from atoms_mcp.engine.talk.speech import Means
from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.jsonrpc import Call
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.supabase.rest import Rest

T = TypeVar("T")


class Cancelled(AtomsError):  # noqa: N818 - says what is the case
    """The client wants no answer to this request any more."""


class Handling:
    """Runs handlers of all kinds."""

    def __init__(self, rest: Rest, deadlines: Deadlines, means: Means, pace: Pace) -> None:
        self.rest = rest
        self.pace = pace
        self.deadlines = deadlines
        self.means = means
        self._herald = Herald(means.publish)

    async def run(
        self,
        handle: Callable[[Context], Awaitable[T]],
        call: Call,
        revision: Revision,
        frame: Frame,
    ) -> T:
        """Give what a handler answers to a request.

        Raises:
            RpcError: what it failed with.
            InputRequired: its client has to be asked first.
            Unauthenticated, InsufficientScope, CallerExpired: the transport can challenge.
            Cancelled: nobody waits for the answer.
        """
        watched = self.begin(call, revision, frame, None)
        try:
            caller = frame.caller or await self.find_caller(frame)
            self.pace.take(caller.user_id)
            talk = self.talk(call, revision, frame, watched, caller)
            return await handle(Context(caller, self.rest, frame.request_id, talk))
        except asyncio.CancelledError:
            raise to_rpc_error(self.explain_end(watched), frame.request_id) from None
        except EXPECTED as error:
            raise to_rpc_error(error, frame.request_id) from error
        except RIGHTS as error:
            if can_challenge(frame):
                raise
            raise to_rpc_error(error, frame.request_id) from error
        finally:
            self.deadlines.end(watched)

    def begin(
        self, call: Call | None, revision: Revision | None, frame: Frame, tool: Prepared | None
    ) -> Watched:
        """Look after the running task until `deadlines.end`; without a `call` nobody cancels it."""
        origin = frame.origin
        key = None
        if origin is not None and call is not None and call.id is not None:
            key = (origin, type(call.id), call.id)
        is_gone = None
        # Clients of the handshake revisions may leave and come back for the answer.
        if revision is not None and revision.is_stateless:
            is_gone = frame.is_gone
        if tool is None:
            watched = self.deadlines.begin(is_gone, None, key)
        else:
            watched = self.deadlines.begin(
                is_gone, tool.limit_s, key, stops_itself=tool.stops_itself
            )
        if frame.voice is not None:
            watched.keep_alive = frame.voice.keep_alive
        return watched

    async def find_caller(self, frame: Frame) -> Caller:
        """Give who calls, where the transport knows it only now.

        Raises:
            Unauthenticated: nobody does.
        """
        assert frame.find_caller is not None  # noqa: S101 - a frame has this or the caller
        return await frame.find_caller()

    def talk(
        self,
        call: Call | None,
        revision: Revision | None,
        frame: Frame,
        watched: Watched,
        caller: Caller,
    ) -> Dialogue:
        """Give the way to the client of a request.

        Raises:
            RpcError: it brought along answers that are not for it.
        """
        if call is None or revision is None:
            return self._herald
        params, means = call.params, self.means
        if not revision.is_stateless:
            return QuestionsSpeech(call, revision, frame, watched, caller, means)
        if "requestState" in params or "inputResponses" in params:
            return RetrySpeech(call, revision, frame, watched, caller, means)
        return RoundsSpeech(call, revision, frame, watched, caller, means)

    def check_wanted(self, watched: Watched) -> None:
        """Let a result go that came by itself, after its client had cancelled the request.

        Raises:
            Cancelled: the client gets no answer to it, as it wished.
        """
        if watched.is_cancelled:
            raise Cancelled

    def explain_end(self, watched: Watched) -> DeadlinePassed:
        """Give why work was stopped by us.

        Raises:
            Cancelled: its client wanted that.
            CancelledError: it was not us.
        """
        if not watched.take_back():
            raise asyncio.CancelledError
        if watched.is_cancelled:
            raise Cancelled
        return DeadlinePassed(f"stopped after {watched.limit_s:g} s")


def can_challenge(frame: Frame) -> bool:
    """Tell whether the whole message can still be refused for want of a right."""
    return frame.can_challenge and (frame.voice is None or not frame.voice.is_open)
