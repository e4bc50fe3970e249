"""Log lines: one event a line on stderr, pretty for people and JSON for machines.

Events are named `noun.verb` ("request.done"), facts are keys. Nothing secret gets through:
values under telling names and anything that looks like a token are cut out, and no value can
begin a line of its own. Lines of other libraries take the same way.
"""

import asyncio
import atexit
import contextlib
import contextvars
import functools
import itertools
import logging
import re
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["auto", "pretty", "json"]
Level = Literal["debug", "info", "warning", "error"]

HIDDEN = "[redacted]"
MAX_VALUE_CHARS = 2000
MAX_SHORT_CHARS = 64
MAX_TRACEBACK_CHARS = 20_000
MAX_DEPTH = 6
MAX_ITEMS = 100
MAX_NUMBER = 2**63
GATHER_S = 0.05
TOO_DEEP = "[too deep]"
SECRET_NAME = re.compile(
    r"passw|token|secret|authorization|api_?key|cookie|credential|verifier|anon_key|jwt",
    re.IGNORECASE,
)
# A JWT or JWE (three or five parts, the first a JSON object), a bearer or basic value, a
# Supabase key, a password in a URL.
SECRET_TEXT = re.compile(
    r"eyJ[A-Za-z0-9_=-]+(?:\.[A-Za-z0-9_=-]*){1,4}"
    r"|(?<![A-Za-z])(?:bearer|basic)[\s:=]+[^\s\"',;)]+"
    r"|sb_(?:secret|publishable)_[A-Za-z0-9_-]+"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
    re.IGNORECASE,
)

REQUEST_DONE = "request.done"
"""The canonical line of a request; whoever writes it passes what a client said through `clean`."""

# The request at hand, for the lines that are written on its way.
REQUEST_ID: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)


def configure(form: Format, level: Level, stream: TextIO = sys.stderr) -> None:
    """Set up all logging of the process; lines below `level` cost nothing."""
    is_pretty = form == "pretty" or (form == "auto" and stream.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]
    finish = Finish(_pretty_renderer(stream) if is_pretty else render_json)
    lines = Lines(stream)
    structlog.configure(
        processors=[finish],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_names: lines,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, finish],
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
        )
    )
    handler.addFilter(_is_ours_to_mend)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Other libraries speak at info about every connection; warnings are what concerns us.
    root.setLevel(max(least, logging.WARNING))


class Lines:
    """What structlog writes to: puts lines on a stream, several at a time.

    A system call for each would cost as much as the line. They wait for `GATHER_S` at most;
    outside of a loop, and at the end of the process, they are written as they come.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        atexit.register(self._write_out)

    def msg(self, line: str) -> None:
        """Write a line."""
        self._waiting.append(line)
        if self._loop is None or self._loop.is_closed():
            self._schedule()

    debug = info = warning = error = critical = exception = msg

    def _schedule(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write_out()
        else:
            self._loop.call_later(GATHER_S, self._write_out)

    def _write_out(self) -> None:
        self._loop = None
        if not self._waiting:
            return
        text = "\n".join([*self._waiting, ""])
        self._waiting.clear()
        # A terminal that is gone must not end the server.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class Finish:
    """The one step from an event to its line: a chain of small ones costs more than they do.

    `render` is its last part, for events that are known to be clean.
    """

    def __init__(self, render: Callable[[EventDict], str]) -> None:
        self.render = render

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """Give the line of an event."""
        if "request_id" not in event:
            event = structlog.contextvars.merge_contextvars(logger, name, event)
            request_id = REQUEST_ID.get()
            if request_id is not None:
                event["request_id"] = request_id
        event["level"] = name
        event["timestamp"] = datetime.now(UTC)
        if "exc_info" in event:
            event = structlog.processors.format_exc_info(logger, name, event)
        redact(event)
        return self.render(event)


def _pretty_renderer(stream: TextIO) -> Callable[[EventDict], str]:
    render = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )

    def pretty(event: EventDict) -> str:
        event["timestamp"] = event["timestamp"].isoformat()
        if "exception" in event:
            # Set in, so that no line of it can pass for an event.
            lines = event["exception"].split("\n")
            event["exception"] = "\n".join(f"    {line}" for line in lines)
        return render(None, event["level"], event)

    return pretty


def _is_ours_to_mend(record: logging.LogRecord) -> bool:
    """Leave out what strangers send that is no HTTP: each would cost a traceback."""
    exc = record.exc_info[1] if record.exc_info else None
    return not isinstance(exc, HttpProcessingError)


def render_json(event: EventDict) -> str:
    """Give the line; what JSON cannot say is given as text."""
    return orjson.dumps(event, default=repr).decode()


def redact(event: EventDict) -> None:
    """Cut out secrets, and whatever could forge a line or flood the log."""
    for name, value in event.items():
        kind = type(value)
        if value is None or kind is datetime or (kind is float and not _is_secret_name(name)):
            continue
        if kind is str and len(value) <= MAX_SHORT_CHARS and not _is_secret_name(name):
            event[name] = clean(value)
        elif name == "exception":
            event[name] = _clean(_hide(str(value)), MAX_TRACEBACK_CHARS, keep="\n")
        else:
            event[name] = _redact(name, value, MAX_DEPTH)


@functools.lru_cache(maxsize=1024)
def _is_secret_name(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def _redact(name: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if _is_secret_name(name):
        return HIDDEN
    if isinstance(value, str):
        return _clean(_hide(value), MAX_VALUE_CHARS)
    if isinstance(value, int | float):
        # JSON here has 64 bits for a number.
        return value if abs(value) < MAX_NUMBER else str(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _redact_many(value, depth - 1) if depth else TOO_DEEP
    return _clean(_hide(repr(value)), MAX_VALUE_CHARS)


def _redact_many(
    values: Mapping[Any, Any] | Collection[Any], depth: int
) -> dict[str, object] | list[object]:
    if isinstance(values, Mapping):
        return {
            _clean(_hide(str(name)), MAX_VALUE_CHARS): _redact(str(name), inner, depth)
            for name, inner in itertools.islice(values.items(), MAX_ITEMS)
        }
    return [_redact("", inner, depth) for inner in itertools.islice(values, MAX_ITEMS)]


def _hide(text: str) -> str:
    # Each of these is in one of the patterns, and to look for them first costs a tenth.
    low = text.lower()
    if "eyj" in low or "earer" in low or "asic" in low or "sb_" in low or "@" in low:
        return SECRET_TEXT.sub(HIDDEN, text)
    return text


def _clean(text: str, max_chars: int, *, keep: str = "") -> str:
    """Escape what does not print (line ends, terminal sequences, lone surrogates) and cut."""
    if len(text) > max_chars:
        text = text[:max_chars] + "..."
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char in keep
        else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in text
    )


def request_writer() -> Callable[[str, EventDict], None]:
    """Give what writes the canonical lines, as (level, facts): make it after `configure`.

    It is structlog's renderer and stream without the logger between: that costs as much as both,
    and each request has a line. Facts are plain values that we made ourselves, or that `clean`
    has seen; `request_id` is among them.
    """
    config = structlog.get_config()
    processors: list[Processor] = config["processors"]
    finish = processors[0]
    lines = config["logger_factory"]()
    is_quiet = config["wrapper_class"](None, [], {}).get_effective_level() > logging.INFO

    def write(level: str, facts: EventDict) -> None:
        if processors[0] is not finish or not isinstance(finish, Finish):  # somebody listens in
            getattr(structlog.get_logger(), level)(REQUEST_DONE, **facts)
        elif "exc_info" in facts:
            lines.msg(finish(None, level, {"event": REQUEST_DONE, **facts}))
        elif level != "info" or not is_quiet:
            facts["event"] = REQUEST_DONE
            facts["level"] = level
            facts["timestamp"] = datetime.now(UTC)
            lines.msg(finish.render(facts))

    return write


@functools.lru_cache(maxsize=1024)  # what the many like lines are made of: methods, paths, tools
def clean(text: str) -> str:
    """Give what a client said as it may stand in a log: without secrets, on one line, not long."""
    return _clean(_hide(text), MAX_VALUE_CHARS)


def get(**facts: object) -> Any:  # noqa: ANN401 - structlog's loggers are typed by their set-up
    """Give a logger, bound at once: make it after `configure`."""
    return structlog.get_logger().bind(**facts)
