"""What a transport is to send back."""

from dataclasses import dataclass

from atoms_mcp.engine.sessions.session import Session


@dataclass(slots=True)  # made for every request, and a frozen one costs thrice as much
class Reply:
    """The answer to one message; `body` is None where there is nothing to say.

    Some of it is for the log: the method where it is one of ours, the tool, the JSON-RPC or tool
    error code, who called where only the message said so, and the trace that the request is part
    of. `session` is what an `initialize` opened, `session_id` its id where the transport needs
    one.
    """

    body: bytes | None
    status: int = 200
    rpc_method: str | None = None
    tool: str | None = None
    error_code: int | str | None = None
    user_id: str | None = None
    trace: str | None = None
    session: Session | None = None
    session_id: str | None = None


ACCEPTED = Reply(None, status=202)
