"""How a client opens a session, and how the session of a message is found again.

To open and to end one counts as any other call of a user does.

Source: MCP 2025-11-25 basic/lifecycle; basic/transports, Session Management.
"""

from atoms_mcp.engine.failure import to_rpc_error
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.pace import Pace
from atoms_mcp.engine.reply import Reply
from atoms_mcp.engine.sessions.session import Session, Sessions
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.jsonrpc import INVALID_REQUEST, Call, RpcError, render_result
from atoms_mcp.protocol.revisions import Revisions
from atoms_mcp.protocol.revisions.handshake import Handshake, read_opening


class Opening:
    """The door of the handshake revisions."""

    def __init__(self, sessions: Sessions, revisions: Revisions, pace: Pace) -> None:
        self._pace = pace
        self._sessions = sessions
        self._revisions = revisions

    async def find(self, frame: Frame) -> Handshake:
        """Give the revision of the frame's session, and the frame its session.

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
        return self._enter(session, frame)

    def recall(self, frame: Frame) -> Handshake | None:
        """Give the same if the session was looked at lately, without waiting.

        It is how nearly all requests go; `find` looks after the others.

        Raises:
            RpcError: another revision was named (400).
        """
        if frame.session_id is None or frame.caller is None:
            return None
        session = self._sessions.get_remembered(frame.session_id, frame.caller.user_id)
        return None if session is None else self._enter(session, frame)

    def _enter(self, session: Session, frame: Frame) -> Handshake:
        if frame.session_id is not None:
            frame.session = session
            frame.origin = session.key
        revision = self._revisions.handshakes[session.revision]
        if frame.headers is not None:
            revision.check_header(frame.headers)
        return revision

    async def open(self, call: Call, frame: Frame) -> Reply:
        """Answer an `initialize`.

        Raises:
            RpcError: it is no request, cannot be read, is one too many, or there is a session
                already.
        """
        if call.id is None:
            raise RpcError(INVALID_REQUEST, "initialize is a request: it needs an id", status=400)
        self._count(frame)
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

    async def end(self, frame: Frame) -> None:
        """End the session of a frame before its time.

        Raises:
            RpcError: there is no such session, another revision was named, or it is one too many.
        """
        self._count(frame)
        await self.find(frame)
        assert frame.session_id is not None  # noqa: S101 - `find` refused it otherwise
        assert frame.caller is not None  # noqa: S101 - the route wants a caller
        await self._sessions.end(frame.session_id, frame.caller.user_id)

    def _count(self, frame: Frame) -> None:
        # A transport with one client opens one session, and ends with it.
        if frame.caller is not None:
            try:
                self._pace.take(frame.caller.user_id)
            except ToolError as error:
                raise to_rpc_error(error, frame.request_id) from error

    async def _has_session(self, frame: Frame) -> bool:
        if frame.session_id is None or frame.caller is None:
            return frame.session is not None
        try:
            await self._sessions.find(frame.session_id, frame.caller.user_id)
        except RpcError:
            return False
        return True
