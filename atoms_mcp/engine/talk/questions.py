"""Questions to clients of the handshake revisions: requests of ours, on the way to an answer.

The call waits; what answers it is a message of its own, which may reach another replica. An
answer is looked for under the session it came in, so that no client answers for another.

Source: MCP 2025-11-25 client/elicitation, client/sampling; basic/transports.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import structlog

from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.engine.talk.answers import BadAnswer, check_answer
from atoms_mcp.engine.talk.dialogue import Answers
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.engine.talk.speech import Speech
from atoms_mcp.engine.talk.voice import Voice
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.jsonrpc import (
    INTERNAL_ERROR,
    Response,
    RpcError,
    read_response,
    render_notification,
    render_request,
)
from atoms_mcp.protocol.levels import Level
from atoms_mcp.protocol.revisions.since import LINKED_PAGES, strip
from atoms_mcp.store.channels import GAP
from atoms_mcp.store.store import Store, StoreDown

# People need time; but not for ever does a call stay open.
ANSWER_LIMIT_S: Final = 300.0
# The status of an answer that cannot be taken now.
AWAY: Final = 503
NO_ANSWER: Final = Response(None, None, {})

log = structlog.get_logger(__name__)


class Questions:
    """The open questions of this process. The store's channels lead to those of the others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[tuple[str, str], asyncio.Future[Response]] = {}
        self._is_closing = False

    async def put(
        self, origin: Session, voice: Voice, method: str, params: Mapping[str, Any]
    ) -> Response:
        """Ask the client of a session something, and give what it answers."""
        if self._is_closing:
            return NO_ANSWER
        # Nobody guesses it, so that an answer to one question never fits another.
        question_id = secrets.token_urlsafe(12)
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._open[origin.key, question_id] = future
        try:
            async with self._hearing(origin.key):
                await voice.send(render_request(question_id, method, params))
                return await future
        except asyncio.CancelledError:
            # Nobody waits any more; the client need not go on asking its user.
            gone = {"requestId": question_id}
            await voice.send(render_notification("notifications/cancelled", gone))
            raise
        finally:
            del self._open[origin.key, question_id]

    async def take(self, origin: Session, message: dict[str, Any]) -> None:
        """Bring an answer to whoever waits for it, here or elsewhere; others are passed over.

        Raises:
            RpcError: it may be for a call elsewhere, and cannot be brought there.

        Source: MCP 2025-11-25 basic/transports, Sending Messages to the Server.
        """
        if self._settle(origin.key, message):
            return
        try:
            await self._store.publish(_channel(origin.key), orjson.dumps(message).decode())
        except StoreDown as down:
            log.warning("answer.untold", hint="its client is told to send it again")
            raise RpcError(
                INTERNAL_ERROR,
                "this answer cannot be passed on to the call that waits for it; send it again",
                status=AWAY,
            ) from down

    def drain(self) -> None:
        """Ask nobody any more; the calls that wait for answers are told that none will come."""
        self._is_closing = True
        for future in self._open.values():
            if not future.done():
                future.set_result(NO_ANSWER)

    def _settle(self, key: str, message: dict[str, Any]) -> bool:
        response = read_response(message)
        future = self._open.get((key, response.id)) if isinstance(response.id, str) else None
        if future is None:
            return False
        if not future.done():
            future.set_result(response)
        return True

    @asynccontextmanager
    async def _hearing(self, key: str) -> AsyncIterator[None]:
        """Listen meanwhile for answers that other replicas get."""
        async with self._store.subscribe(_channel(key)) as messages:
            hearing = asyncio.ensure_future(self._hear(key, messages))
            try:
                yield
            finally:
                hearing.cancel()

    async def _hear(self, key: str, messages: AsyncIterator[str]) -> None:
        async for message in messages:
            if message == GAP:
                continue  # what was missed is asked for again by nobody: the call times out
            try:
                self._settle(key, orjson.loads(message))
            except Exception:
                # Of another version, perhaps; the answer that is waited for may come after it.
                log.exception("answer.unread")


class QuestionsSpeech(Speech):
    """With a client that is asked by requests of ours."""

    __slots__ = ()

    @property
    def session(self) -> Session:
        """The session of the request."""
        assert self.frame.session is not None  # noqa: S101 - without one there is no such request
        return self.frame.session

    @property
    def capabilities(self) -> Collection[str]:
        """What the client declared when it opened the session, where it can be asked at all."""
        declared = () if self.frame.voice is None else self.session.capabilities
        if self.revision.name < LINKED_PAGES:
            return tuple(name for name in declared if name != "elicitation.url")
        return declared

    async def find_level(self) -> Level | None:
        """Give the level that was set for the session."""
        return await self.means.levels.find(self.session)

    async def ask(self, requests: Mapping[str, InputRequest], *, authorises: bool) -> Answers:  # noqa: ARG002 - an answer belongs to this one call
        """Give the answers, all of them asked for at once.

        Raises:
            ToolError: the client cannot be asked this, or its answer is none.
            RpcError: it has too many streams already to be asked on one more.
        """
        for one in requests.values():
            if one.capability not in self.capabilities:
                raise ToolError(
                    "unavailable",
                    f"This call needs a client that declares {one.capability}.",
                    fix="Use a client that can be asked, or give what is missing as arguments.",
                )
        if self.frame.voice is not None:
            await self.frame.voice.open(self.caller)
        self.watched.extend(ANSWER_LIMIT_S)
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(self._put(one)) for key, one in requests.items()}
        self.watched.extend()
        return {key: _read(requests[key], task.result()) for key, task in tasks.items()}

    async def _put(self, request: InputRequest) -> Response:
        voice = self.frame.voice
        assert voice is not None  # noqa: S101 - without one there is no capability
        params = strip(request.method, request.params, self.revision.name)
        if params.get("mode") == "url":
            params["elicitationId"] = secrets.token_urlsafe(12)
        return await self.means.questions.put(self.session, voice, request.method, params)


def _read(request: InputRequest, response: Response) -> Mapping[str, Any]:
    if response.error is None:
        try:
            return check_answer(request, response.result)
        except BadAnswer as fault:
            reason = str(fault)
    else:
        reason = "was an error"
    raise ToolError(
        "unavailable",
        f"The client was asked for {request.capability}, and its answer {reason}.",
        fix="Repeat the call, or give what is missing as arguments.",
    )


def _channel(key: str) -> str:
    return f"answers:{key}"
