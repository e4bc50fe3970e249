"""What a transport knows of one message besides its bytes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from atoms_mcp.engine.sessions.session import Session
from atoms_mcp.engine.talk.voice import Voice
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.headers import Headers

CallerSource = Callable[[], Awaitable[Caller]]


@dataclass(slots=True)  # made for every request, and a frozen one costs thrice as much
class Frame:
    """The surroundings of one message.

    `headers` are None on a transport that has none: nothing is mirrored there then, no session
    id is made, and who calls is asked of `find_caller` when a tool needs to know.
    `can_challenge` says that the transport can refuse a whole message for want of a right (HTTP
    401 and 403); otherwise the tool's result says so.
    `is_gone` tells whether the client has left. `session` is what a transport of one client
    keeps between messages; elsewhere it is found by `session_id`. `origin` is what the ids of
    requests belong to, so that one of them can be cancelled by its id: the connection of such a
    transport, or the session. `voice` is the way to say something before the answer; None where
    there is no such way.
    """

    request_id: str
    headers: Headers | None = None
    caller: Caller | None = None
    find_caller: CallerSource | None = None
    can_challenge: bool = False
    session_id: str | None = None
    session: Session | None = None
    is_gone: Callable[[], bool] | None = None
    origin: str | None = None
    voice: Voice | None = None
