"""A place in one parameter of a query string, and the names that are read there.

Source: PostgREST reference, "Reserved characters".
"""

import re
from typing import NoReturn

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.terms import JsonStep

MAX_DEPTH = 16
MAX_TERMS = 1000

BLANKS = re.compile(r"[ \t]*")
NAME = re.compile(r"[\w $]+(?:-(?!>)[\w $]+)*")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ARROW = re.compile(r"->>?")
JSON_INDEX = re.compile(r"-?\d{1,9}(?=->|::|[.,)]|\Z)")
JSON_KEY = re.compile(r"[^(\-:.,>)]+(?:-(?!>)[^(\-:.,>)]+)*")


class Scanner:
    """A place in one parameter value; `what` names the parameter in refusals."""

    __slots__ = ("at", "terms", "text", "what")

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        self.at = 0
        self.terms = 0

    def is_done(self) -> bool:
        """Tell whether all is read."""
        return self.at >= len(self.text)

    def next_is(self, *wanted: str) -> bool:
        """Tell whether one of `wanted` comes next; reads nothing."""
        return self.text.startswith(wanted, self.at)

    def take(self, wanted: str) -> bool:
        """Read `wanted` if it comes next."""
        if not self.text.startswith(wanted, self.at):
            return False
        self.at += len(wanted)
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what `pattern` finds here, if anything."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def blanks(self) -> None:
        """Read spaces and tabs."""
        self.match(BLANKS)

    def count_term(self) -> None:
        """Note one more term; a query string may not grow without end."""
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise _refused(self, f"at most {MAX_TERMS} terms are allowed")

    def enter(self, depth: int) -> None:
        """Refuse nesting that goes too deep."""
        if depth > MAX_DEPTH:
            raise _refused(self, f"at most {MAX_DEPTH} levels of nesting are allowed")

    def fail(self, expecting: str) -> NoReturn:
        """Raise the refusal that says what should have come here."""
        seen = f'unexpected "{self.text[self.at]}"' if not self.is_done() else "unexpected end"
        raise _refused(self, f"{seen} expecting {expecting}")


def _refused(scanner: Scanner, details: str) -> RestError:
    where = f"(line 1, column {scanner.at + 1})"
    message = f'"failed to parse {scanner.what} ({scanner.text})" {where}'
    return RestError(400, "PGRST100", message, details=details)


def take_quoted(scanner: Scanner) -> str | None:
    """Read `"…"` if it comes next and give what is inside."""
    found = scanner.match(QUOTED)
    return None if found is None else ESCAPE.sub(r"\1", found[1])


def read_name(scanner: Scanner) -> str:
    """Read a name, quoted or plain; blanks around a plain one do not count."""
    quoted = take_quoted(scanner)
    if quoted is not None:
        return quoted
    found = scanner.match(NAME)
    name = found[0].strip() if found is not None else ""
    if not name:
        scanner.fail("field name (* or [a..z0..9_$])")
    return name


def read_json_path(scanner: Scanner) -> tuple[JsonStep, ...]:
    """Read `->a->0->>b`, or nothing."""
    steps: list[JsonStep] = []
    while (arrow := scanner.match(ARROW)) is not None:
        scanner.enter(len(steps))
        index = scanner.match(JSON_INDEX)
        key = int(index[0]) if index is not None else _json_key(scanner)
        steps.append(JsonStep(key, is_text=arrow[0] == "->>"))
    return tuple(steps)


def _json_key(scanner: Scanner) -> str:
    quoted = take_quoted(scanner)
    if quoted is not None:
        return quoted
    found = scanner.match(JSON_KEY)
    if found is None:
        scanner.fail("digit or any non reserved character different from: .,>()")
    return found[0].strip()
