"""What can be said on the way to an answer: progress, and messages for the client's log.

Nothing is said that the request did not ask for. How clients are asked something differs
between the families of revisions: see `rounds` and `questions`.

Source: MCP 2026-07-28 basic/patterns/progress, server/utilities/logging.
"""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from atoms_mcp.engine.deadline import Watched
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.dialogue import Dialogue
from atoms_mcp.engine.talk.voice import Voice
from atoms_mcp.identity.caller import Caller
from atoms_mcp.protocol.jsonrpc import Call, RpcError
from atoms_mcp.protocol.levels import Level, reaches
from atoms_mcp.protocol.revisions.revision import Revision

if TYPE_CHECKING:
    from atoms_mcp.engine.talk.levels import Levels
    from atoms_mcp.engine.talk.questions import Questions
    from atoms_mcp.engine.talk.rounds import Rounds

# A client that shows progress sees no more than this.
PROGRESS_EVERY_S: Final = 0.02
# Nobody reads faster than this, but what comes together is told together.
LOG_EVERY_S: Final = 0.02
LOG_AT_ONCE: Final = 20
ERROR: Final[Level] = "error"
Publish = Callable[[Change], Awaitable[None]]


async def tell_nobody(_change: Change) -> None:
    """Publish a change where nobody can listen."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all talks of a server need."""

    rounds: "Rounds"
    questions: "Questions"
    levels: "Levels"
    publish: Publish = tell_nobody


@dataclass(slots=True)
class _Said:
    """What was said; times are of a monotonic clock.

    `done` is how far the work had come when that was last said. `log_until` is when all of the
    log would have been said at its pace, and `left_out` how many messages came beyond that.
    """

    done: float = -math.inf
    progress_at: float = -math.inf
    log_until: float = -math.inf
    left_out: int = 0


class Speech(Dialogue):
    """With the client of one request."""

    __slots__ = ("_said", "call", "caller", "frame", "means", "revision", "watched")

    def __init__(
        self,
        call: Call,
        revision: Revision,
        frame: Frame,
        watched: Watched,
        caller: Caller,
        means: Means,
    ) -> None:
        self.call = call
        self.revision = revision
        self.frame = frame
        self.watched = watched
        self.caller = caller
        self.means = means
        self._said: _Said | None = None  # most say nothing

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self.watched.is_cancelled

    async def progress(self, done: float, total: float | None, message: str | None) -> None:
        """Say how far the work has come; the work gets its time anew, said or not."""
        self.watched.extend()
        token = self._find_progress_token()
        if token is None:
            return
        now, is_end = time.monotonic(), total is not None and done >= total
        said = self._remember()
        if done <= said.done or (now - said.progress_at < PROGRESS_EVERY_S and not is_end):
            return
        said.done, said.progress_at = done, now
        known = {"total": total, "message": message}
        more = {name: value for name, value in known.items() if value is not None}
        params = {"progressToken": token, "progress": done, **more}
        await self._say("notifications/progress", params)

    def _find_progress_token(self) -> int | str | None:
        meta = self.call.params.get("_meta")
        token = meta.get("progressToken") if type(meta) is dict else None
        return token if type(token) in {int, str} else None

    async def log(self, level: Level, data: object, logger: str | None) -> None:
        """Say something for the client's log, if it wants to hear this level.

        What comes too fast is left out, but for errors; the next message says how many were.

        Source: MCP 2026-07-28 server/utilities/logging, Implementation Considerations.
        """
        wanted = None if self.frame.voice is None else await self.find_level()
        if wanted is None or not reaches(level, wanted):
            return
        said, now = self._remember(), time.monotonic()
        begin = max(said.log_until, now)
        if begin - now > (LOG_AT_ONCE - 0.5) * LOG_EVERY_S and not reaches(level, ERROR):
            said.left_out += 1
            return
        said.log_until = begin + LOG_EVERY_S
        if said.left_out:
            left_out, said.left_out = said.left_out, 0
            text = f"{left_out} messages were left out: they came too fast"
            await self._say("notifications/message", {"level": "warning", "data": text})
        named = {} if logger is None else {"logger": logger}
        await self._say("notifications/message", {"level": level, **named, "data": data})

    def _remember(self) -> _Said:
        if self._said is None:
            self._said = _Said()
        return self._said

    async def find_level(self) -> Level | None:
        """Give the least level that the client wants to hear; None for nothing."""
        return None

    async def release(self) -> None:
        """Let the client go, where it can come back for the rest."""
        voice = self.frame.voice
        if voice is not None and not self.revision.is_stateless and await self._can_say(voice):
            await voice.release()

    async def publish(self, change: Change) -> None:
        """Tell all who listen for it that something changed."""
        await self.means.publish(change)

    async def _say(self, method: str, params: Mapping[str, Any]) -> None:
        # What goes on after the answer has nobody to say it to.
        voice = self.frame.voice
        if voice is not None and not self.watched.is_over and await self._can_say(voice):
            await voice.send(self.revision.render_notification(method, params))

    async def _can_say(self, voice: Voice) -> bool:
        """Tell whether there is room for one more stream; the answer comes without it as well."""
        try:
            await voice.open(self.caller)
        except RpcError:
            return False
        return True
