"""Cuts a stream of bytes into lines of bounded length, one message each.

Source: MCP 2026-07-28 basic/transports/stdio.
"""


class LineSplitter:
    """Gives whole lines as they come; None for one that is longer than `max_bytes`.

    Lines with nothing in them are passed over. What a long line has is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = bytearray()
        self._is_long = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Give the lines that end within this chunk."""
        *ended, rest = chunk.split(b"\n")
        lines: list[bytes | None] = []
        for part in ended:
            self._add(part)
            lines += self.end()
        self._add(rest)
        return lines

    def end(self) -> list[bytes | None]:
        """Give what is left as a line, and begin a new one."""
        line = None if self._is_long else bytes(self._rest)
        self._rest.clear()
        self._is_long = False
        return [line] if line is None or line.strip() else []

    def _add(self, part: bytes) -> None:
        if self._is_long or len(self._rest) + len(part) > self._max_bytes:
            self._is_long = True
            self._rest.clear()
        else:
            self._rest += part
