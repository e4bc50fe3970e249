"""Reads a stream of events as it comes, comments and all."""

import asyncio
from dataclasses import dataclass

import orjson


@dataclass(frozen=True)
class Event:
    """One event; `said` is what its data says as JSON, None where there is none."""

    id: str | None
    retry_ms: int | None
    said: object

    @property
    def method(self):
        return None if self.said is None else self.said.get("method", "response")


class Events:
    """The events of one answer; `comments` counts what only kept it alive."""

    def __init__(self, answer):
        self.answer = answer
        self.comments = 0

    async def next(self):
        """Give the next event; None where the answer has ended."""
        async with asyncio.timeout(5):
            while True:
                lines = await self._read()
                if lines is None:
                    return None
                if lines != [":"]:
                    return _read_event(lines)
                self.comments += 1

    async def take(self, count):
        return [await self.next() for _ in range(count)]

    async def rest(self):
        """Give all that comes until the end."""
        found = []
        while event := await self.next():
            found.append(event)
        return found

    async def _read(self):
        lines = []
        while True:
            line = await self.answer.content.readline()
            if not line:
                return None
            if line == b"\n":
                return lines
            lines.append(line.decode().removesuffix("\n"))


def _read_event(lines):
    fields = dict(line.split(": ", 1) for line in lines)
    assert set(fields) <= {"id", "event", "data", "retry"}
    data = fields["data"]
    retry = fields.get("retry")
    return Event(
        fields.get("id"),
        None if retry is None else int(retry),
        orjson.loads(data) if data else None,
    )
