"""What a handler is given besides its arguments."""

from collections.abc import Collection, Mapping
from typing import Any

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.dialogue import SILENCE, Answers, Dialogue
from atoms_mcp.engine.talk.inputs import ElicitAnswer, InputRequest
from atoms_mcp.entities.rest import RestAnswer, RestRequest
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.levels import Level
from atoms_mcp.supabase.rest import Rest


class Context:
    """One request's surroundings: who calls, the way to the database as that user, the client.

    Made anew for each request and passed down by value, so that two users' requests can never
    see each other's identity.
    """

    __slots__ = ("_caller", "_dialogue", "request_id", "rest")

    def __init__(
        self, caller: Caller, rest: Rest, request_id: str, dialogue: Dialogue = SILENCE
    ) -> None:
        self._caller = caller
        self._dialogue = dialogue
        self.rest = rest
        self.request_id = request_id

    @property
    def caller(self) -> Caller:
        """The user whose request this is; it stays the same."""
        return self._caller

    async def send(self, request: RestRequest) -> RestAnswer:
        """Send one REST call as the caller.

        Raises:
            SupabaseError: upstream refused or could not be asked.
        """
        return await self.rest.send(request, self._caller.token)

    async def progress(
        self, done: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Say how far the work has come, if the client asked for that. `done` has to grow.

        Work that reports progress may take longer than other work.
        """
        await self._dialogue.progress(done, total, message)

    async def log(self, level: Level, data: object, logger: str | None = None) -> None:
        """Say something for the client's log, if it wants to hear this level.

        `data` is any JSON value; never a secret, and nothing about other people.
        """
        await self._dialogue.log(level, data, logger)

    def can(self, capability: str) -> bool:
        """Tell whether the client can be asked for something, or knows an extension.

        Names are those of `protocol.capabilities`: "elicitation" (forms), "elicitation.url",
        "sampling", "sampling.tools", "roots", and the ids of extensions.
        """
        return capability in self._dialogue.capabilities

    @property
    def capabilities(self) -> Collection[str]:
        """All that `can` is true for."""
        return self._dialogue.capabilities

    async def ask(
        self, requests: Mapping[str, InputRequest], *, authorises: bool = False
    ) -> Answers:
        """Give the client's answers to these questions, by their keys.

        In 2026-07-28 the handler is run again from its beginning when the answers have come: it
        has to ask before it changes anything, and each time the same under the same keys.
        `authorises` says that the answers allow a change; then they count only once.

        Raises:
            ToolError: the client cannot be asked, or did not answer.
            RpcError: it did not declare that it can be asked this.
            InputRequired: it has to be asked first; let it pass.
            ValueError: the address of a page has the caller's token in it.
        """
        tokens = [one for one in (self._caller.token, self._caller.presented) if one]
        if any(asked.carries(token) for asked in requests.values() for token in tokens):
            raise ValueError("the address of a page may not carry the caller's token")
        return await self._dialogue.ask(requests, authorises=authorises)

    async def elicit(
        self, key: str, message: str, schema: Mapping[str, Any], *, authorises: bool = False
    ) -> ElicitAnswer:
        """Ask the user to fill in one form. Raises as `ask` does."""
        asked = {key: InputRequest.form(message, schema)}
        answer = (await self._dialogue.ask(asked, authorises=authorises))[key]
        return ElicitAnswer(answer["action"], answer.get("content") or {})

    async def release(self) -> None:
        """Let the client's connection go while the work goes on, if the client knows to come back.

        What is said after that waits for it, and so does the answer. Source: MCP 2025-11-25
        basic/transports, Sending Messages to the Server.
        """
        await self._dialogue.release()

    async def publish(self, change: Change) -> None:
        """Tell all who listen for it, and may know of it, that something changed."""
        await self._dialogue.publish(change)

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the result any more.

        Only work that says it looks at this (`Tool.stops_itself`) is left to end by itself.
        """
        return self._dialogue.is_cancelled
