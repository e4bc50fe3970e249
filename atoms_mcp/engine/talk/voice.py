"""The way to the client of one request, before that request is answered."""

from typing import Protocol

from atoms_mcp.identity.caller import Caller


class Voice(Protocol):
    """Given by the transport. It costs nothing until something is said.

    A client that has left is no fault: what is said to it is dropped, or kept where its
    revision lets it come back.
    """

    @property
    def is_open(self) -> bool:
        """Whether something was said, so that the transport has promised to answer."""

    async def open(self, caller: Caller) -> None:
        """Let something be said, as one more stream of a user where the transport has those.

        Without this what is sent is not counted as one.

        Raises:
            RpcError: the user has too many already, or the server is about to stop.
        """

    async def send(self, message: bytes) -> None:
        """Send one whole JSON-RPC message, a notification or a request of ours.

        Returns when there is room for more: a slow reader slows down who speaks.
        """

    def push(self, message: bytes) -> None:
        """Send one whole message without waiting, after one that was sent.

        A reader who is too slow for that is let go.
        """

    def keep_alive(self) -> None:
        """Show that there will be an answer, where a connection is lost that is quiet for long."""

    async def release(self) -> None:
        """Let the client go, where it can come back for the rest; otherwise nothing happens."""


class Notes:
    """A voice that keeps what was said, for callers in the same process."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """Whether something was said."""
        return bool(self.messages)

    async def open(self, caller: Caller) -> None:
        """Do nothing: there may be as many as one likes."""

    async def send(self, message: bytes) -> None:
        """Keep one message."""
        self.messages.append(message)

    def push(self, message: bytes) -> None:
        """Keep one message."""
        self.messages.append(message)

    def keep_alive(self) -> None:
        """Do nothing: the caller is here."""

    async def release(self) -> None:
        """Do nothing: the caller is here."""
