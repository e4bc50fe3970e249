"""The event streams of sessions, so that a client that lost its connection can come back.

Each message has an id that names its stream and its place there. The latest ones are kept for a
while, bounded in number and bytes for each session and for all; who comes back with the last id
it saw gets what followed in that stream, and the stream goes on over the new connection. Kept by
the process in which the stream began: another one knows nothing of it. What says how a request
ended is kept longer than what was said on the way to it.

Source: MCP 2025-11-25 basic/transports, Resumability and Redelivery; Listening for Messages.
"""

import asyncio
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

MAX_EVENTS: Final = 256
MAX_BYTES: Final = 1024 * 1024
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
KEEP_S: Final = 300.0
SWEEP_EVERY_S: Final = 30.0
STANDING: Final = "g"
ANSWERING: Final = "p"

_EVENT_ID = re.compile(r"([gp][0-9a-f]{12})-([0-9]{1,9})")


class Sink(Protocol):
    """One connection, which carries a stream for a while."""

    def put(self, message: bytes, event_id: str) -> None:
        """Send one event, without waiting; the message of a mere id is empty."""

    def finish(self) -> None:
        """End the connection's part: nothing more comes here."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody can hear it any more."""


class Stream:
    """One stream of a session: the one that stands, or the one that answers a POST.

    `forget` is called when it is dropped. `is_over` says that its last message was sent, `lost`
    is the number of the latest one that is not kept any more.
    `stands_since` (Unix seconds) orders those that stand for one session at several processes.
    """

    __slots__ = (
        "count",
        "events",
        "forget",
        "id",
        "is_over",
        "key",
        "left_at",
        "lost",
        "sink",
        "stands_since",
    )

    def __init__(self, kind: str, key: str, sink: Sink) -> None:
        self.id = kind + secrets.token_hex(6)
        self.key = key
        self.sink: Sink | None = sink
        self.events: deque[tuple[int, bytes]] = deque()
        self.count = 0
        self.lost = -1
        self.is_over = False
        self.left_at = 0.0
        self.stands_since = 0.0
        self.forget: Callable[[], None] | None = None

    @property
    def is_standing(self) -> bool:
        """Whether it is the one for what no request asked for."""
        return self.id.startswith(STANDING)

    def let_go(self) -> int:
        """Keep the oldest event no longer; give how many bytes it had."""
        self.lost, message = self.events.popleft()
        return len(message)

    def name_event(self, number: int) -> str:
        """Give the id of an event."""
        return f"{self.id}-{number}"


class _Kept:
    """The streams of one session, oldest first, and how much is kept of them."""

    __slots__ = ("count", "size_bytes", "streams")

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self.count = 0
        self.size_bytes = 0


class Streams:
    """The streams of all sessions in this process. `clock` is monotonic."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_total_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        self._clock = clock
        self._max_total_bytes = max_total_bytes
        self._size_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sessions: OrderedDict[str, _Kept] = OrderedDict()

    def begin(self, key: str, sink: Sink) -> Stream:
        """Begin the stream that answers a request of the session `key`."""
        return self._add(Stream(ANSWERING, key, sink))

    def stand(self, key: str, sink: Sink) -> Stream:
        """Begin the stream that stands; one that stood before is ended: there is but one.

        Who is to be told when that one is forgotten is told when the new one is.
        """
        fresh = Stream(STANDING, key, sink)
        for stream in self._list(key):
            if stream.is_standing:
                fresh.forget, stream.forget = stream.forget, None
                self.drop(stream)
        return self._add(fresh)

    def resume(self, key: str, last_event_id: str, sink: Sink) -> Stream | None:
        """Go on with a stream of the session after an event; None where it is not kept."""
        found = _EVENT_ID.fullmatch(last_event_id)
        kept = self._sessions.get(key)
        stream = None if kept is None or found is None else kept.streams.get(found[1])
        if stream is None or found is None:
            return None
        if stream.sink is not None:
            stream.sink.finish()  # a connection of which nobody knew yet that it is gone
        stream.sink = sink
        for number, message in stream.events:
            if number > int(found[2]):
                sink.put(message, stream.name_event(number))
        if stream.is_over:
            self._detach(stream)
            sink.finish()
        return stream

    def prime(self, stream: Stream) -> None:
        """Give the client an id to come back with, before there is any message."""
        assert stream.sink is not None  # noqa: S101 - it is being opened
        stream.sink.put(b"", stream.name_event(stream.count))
        stream.count += 1

    def send(self, stream: Stream, message: bytes) -> None:
        """Keep one message, and send it if the client is there."""
        number = stream.count
        stream.count += 1
        kept = self._sessions.get(stream.key)
        if kept is not None and stream.id in kept.streams:
            self._keep(kept, stream, number, message)
        if stream.sink is not None:
            stream.sink.put(message, stream.name_event(number))

    def end(self, stream: Stream, last: bytes | None = None) -> None:
        """Note that nothing comes after the last message; it stays for who comes back."""
        stream.is_over = True
        if last is not None:
            self.send(stream, last)
        sink = stream.sink
        self._detach(stream)
        if sink is not None:
            sink.finish()

    def leave(self, stream: Stream, sink: Sink) -> None:
        """Note that a connection is gone; another one may have taken its place already."""
        if stream.sink is sink:
            self._detach(stream)

    def drop(self, stream: Stream) -> None:
        """End a stream and keep nothing of it."""
        kept = self._sessions.get(stream.key)
        if kept is not None and kept.streams.pop(stream.id, None) is not None:
            self._clear(kept, stream)
            if not kept.streams:
                del self._sessions[stream.key]
        self.end(stream)
        if stream.forget is not None:
            stream.forget()
            stream.forget = None

    def drop_standing(self, key: str, *, before: float) -> None:
        """End the stream that stands for a session since before then."""
        for stream in self._list(key):
            if stream.is_standing and stream.stands_since < before:
                self.drop(stream)

    def drop_session(self, key: str) -> None:
        """End all streams of a session that was ended."""
        for stream in self._list(key):
            self.drop(stream)

    def sweep(self) -> None:
        """Drop what nobody came back for in time."""
        before = self._clock() - KEEP_S
        for key in list(self._sessions):
            for stream in self._list(key):
                if stream.sink is not None and stream.sink.is_gone:
                    self._detach(stream)
                if stream.sink is None and stream.left_at <= before:
                    self.drop(stream)

    def knows(self, key: str, last_event_id: str) -> bool:
        """Tell whether a client of the session can go on after an event; see `resume`."""
        found = _EVENT_ID.fullmatch(last_event_id)
        kept = self._sessions.get(key)
        if found is None or found[1].startswith(STANDING):
            return found is not None
        stream = None if kept is None else kept.streams.get(found[1])
        # Where some of what followed is gone, the rest would pass for the whole.
        return stream is not None and stream.lost <= int(found[2]) < stream.count

    def close(self) -> None:
        """Look after nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sweep()
        self._timer = None
        if self._sessions:
            self._timer = loop.call_later(SWEEP_EVERY_S, self._tick, loop)

    def _list(self, key: str) -> list[Stream]:
        kept = self._sessions.get(key)
        return [] if kept is None else list(kept.streams.values())

    def _add(self, stream: Stream) -> Stream:
        kept = self._sessions.setdefault(stream.key, _Kept())
        self._sessions.move_to_end(stream.key)
        kept.streams[stream.id] = stream
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SWEEP_EVERY_S, self._tick, loop)
        return stream

    def _detach(self, stream: Stream) -> None:
        stream.sink = None
        stream.left_at = self._clock()

    def _weigh(self, kept: _Kept, change_bytes: int) -> None:
        kept.size_bytes += change_bytes
        self._size_bytes += change_bytes

    def _keep(self, kept: _Kept, stream: Stream, number: int, message: bytes) -> None:
        """Keep one message, unless it leaves no room for any other."""
        stream.events.append((number, message))
        kept.count += 1
        self._weigh(kept, len(message))
        if len(message) > MAX_BYTES:
            self._clear(kept, stream)
        if kept.count > MAX_EVENTS or kept.size_bytes > MAX_BYTES:
            self._trim(kept, lambda: kept.count > MAX_EVENTS or kept.size_bytes > MAX_BYTES)
        while self._size_bytes > self._max_total_bytes:
            quietest = next(each for each in self._sessions.values() if each.size_bytes)
            self._trim(quietest, lambda: self._size_bytes > self._max_total_bytes)

    def _trim(self, kept: _Kept, is_too_much: Callable[[], bool]) -> None:
        """Let the oldest messages go; those that say how a request ended go after all others."""
        for ends in (1, 0):
            for stream in kept.streams.values():
                least = ends if stream.is_over else 0
                while len(stream.events) > least and is_too_much():
                    self._weigh(kept, -stream.let_go())
                    kept.count -= 1

    def _clear(self, kept: _Kept, stream: Stream) -> None:
        while stream.events:
            self._weigh(kept, -stream.let_go())
            kept.count -= 1
