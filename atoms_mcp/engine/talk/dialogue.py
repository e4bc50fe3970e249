"""What can be said to a client, and asked of it, while its request is worked on."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.levels import Level

Answers = Mapping[str, Mapping[str, Any]]


class Dialogue:
    """One that says nothing and can ask nothing, as for calls outside of MCP."""

    __slots__ = ()

    @property
    def capabilities(self) -> Collection[str]:
        """What the client declared to be able to do, by the names of `protocol.capabilities`."""
        return ()

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the result any more."""
        return False

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Say how far the work has come."""

    async def log(self, level: Level, data: object, logger: str | None) -> None:
        """Say something for the client's log."""

    async def ask(self, requests: Mapping[str, InputRequest], *, authorises: bool) -> Answers:  # noqa: ARG002 - for those who can ask
        """Give the client's answers to these questions, by their keys.

        Raises:
            ToolError: it cannot be asked.
            RpcError: it did not declare that it can be asked this.
            InputRequired: it has to be asked first.
        """
        raise ToolError(
            "unavailable",
            f"This call needs an answer to {', '.join(requests)}, and nobody can be asked here.",
            fix="Call the tool through MCP, with a client that can be asked.",
        )

    async def release(self) -> None:
        """Let the client go, where it can come back for the rest."""

    async def publish(self, change: Change) -> None:
        """Tell all who listen for it that something changed."""


SILENCE: Final = Dialogue()


class Herald(Dialogue):
    """One that has nothing to say to its client either, and tells the others of changes."""

    __slots__ = ("_publish",)

    def __init__(self, publish: Callable[[Change], Awaitable[None]]) -> None:
        self._publish = publish

    async def publish(self, change: Change) -> None:
        """Tell all who listen for it that something changed."""
        await self._publish(change)
