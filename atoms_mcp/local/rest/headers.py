"""What the request headers ask for: preferences, form of the answer, range, schema.

Source: RFC 7240 (Prefer); PostgREST
reference, "Preferences" and "Media Types".
"""

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.terms import Scope

SCHEMA = "public"
KNOWN: Mapping[str, frozenset[str]] = {
    "return": frozenset({"minimal", "headers-only", "representation"}),
    "count": frozenset({"exact", "planned", "estimated"}),
    "resolution": frozenset({"merge-duplicates", "ignore-duplicates"}),
    "missing": frozenset({"default", "null"}),
    "handling": frozenset({"strict", "lenient"}),
    "tx": frozenset({"commit", "rollback"}),  # known, and never applied: not enabled
}
MAX_AFFECTED = re.compile(r"max-affected=(\d{1,9})")
RANGE = re.compile(r"(\d{1,18})?-(\d{1,18})?")
OBJECT = "application/vnd.pgrst.object"
ARRAY = "application/vnd.pgrst.array"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What `Prefer` said, first value of each; `chosen` has the words as given."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    max_affected: int | None = None

    def get(self, name: str) -> str | None:
        """Give the value of one preference, or None."""
        return self.chosen.get(name)

    @property
    def is_strict(self) -> bool:
        """Tell whether unknown preferences are errors and `max-affected` counts."""
        return self.chosen.get("handling") == "strict"

    @property
    def affected_limit(self) -> int | None:
        """Give how many rows a write may touch, where that is to be kept."""
        return self.max_affected if self.is_strict else None

    def render_applied(self, *names: str) -> str:
        """Give the value of `Preference-Applied` from those of `names` that were asked for."""
        applied = [f"{name}={self.chosen[name]}" for name in names if name in self.chosen]
        if "max-affected" in names and self.affected_limit is not None:
            applied.append(f"max-affected={self.affected_limit}")
        return ", ".join(applied)


@dataclass(frozen=True, slots=True)
class Form:
    """How the answer is written; `kind` "object" wants exactly one row."""

    kind: Literal["array", "object"]
    content_type: str
    is_stripped: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of the whole answer: `limit` None is all of them."""

    offset: int
    limit: int | None


def parse_preferences(values: Iterable[str]) -> Preferences:
    """Read all `Prefer` headers.

    Raises:
        RestError: 400 PGRST122, an unknown preference with handling=strict.
    """
    chosen: dict[str, str] = {}
    unknown: list[str] = []
    max_affected = None
    for word in (part.strip() for value in values for part in value.split(",")):
        name, _, value = word.partition("=")
        found = MAX_AFFECTED.fullmatch(word)
        if value in KNOWN.get(name, ()) or (name == "timezone" and _is_timezone(value)):
            chosen.setdefault(name, value)
        elif found is not None:
            max_affected = int(found[1]) if max_affected is None else max_affected
        elif word:
            unknown.append(word)
    preferences = Preferences(chosen, max_affected)
    if unknown and preferences.is_strict:
        raise RestError(
            400,
            "PGRST122",
            "Invalid preferences given with handling=strict",
            details=f"Invalid preferences: {', '.join(unknown)}",
        )
    return preferences


def _is_timezone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def parse_accept(values: Iterable[str]) -> Form:
    """Choose the form of the answer: the first of the accepted types that there is.

    Raises:
        RestError: 406 PGRST107.
    """
    wanted = [part.strip() for value in values for part in value.split(",") if part.strip()]
    for entry in wanted or ["*/*"]:
        kind, *parameters = [part.strip().lower() for part in entry.split(";")]
        is_stripped = "nulls=stripped" in parameters
        ending = ";nulls=stripped" if is_stripped else ""
        if kind in {f"{OBJECT}+json", OBJECT}:
            return Form("object", f"{OBJECT}+json{ending}; charset=utf-8", is_stripped)
        if kind in {f"{ARRAY}+json", ARRAY} and is_stripped:
            return Form("array", f"{ARRAY}+json{ending}; charset=utf-8", is_stripped)
        if kind in {"application/json", "*/*", "application/*", f"{ARRAY}+json", ARRAY}:
            return Form("array", "application/json; charset=utf-8")
    raise RestError(
        406, "PGRST107", f"None of these media types are available: {', '.join(wanted)}"
    )


def check_profile(named: str | None) -> None:
    """Refuse a schema other than the exposed one.

    Raises:
        RestError: 406 PGRST106.
    """
    if named is not None and named != SCHEMA:
        raise RestError(
            406,
            "PGRST106",
            f"Invalid schema: {named}",
            hint=f"Only the following schemas are exposed: {SCHEMA}",
        )


def plan_window(scope: Scope, range_header: str | None) -> Window:
    """Intersect `limit` and `offset` with a `Range` header (give it for GET alone).

    Raises:
        RestError: 416 PGRST103, reversed or empty.
    """
    first, last = _parse_range(range_header)
    if last is not None and last < first:
        raise _unsatisfiable(
            "The lower boundary must be lower than or equal to the upper boundary "
            "in the Range header."
        )
    if scope.limit == 0:
        return Window(max(0, scope.offset), 0)
    offset = max(first, scope.offset)
    ends = [last + 1] if last is not None else []
    if scope.limit is not None:
        ends.append(max(0, scope.offset) + scope.limit)
    limit = min(ends) - offset if ends else None
    if scope.offset < 0 or (limit is not None and limit <= 0):
        raise _unsatisfiable("Limit should be greater than or equal to zero.")
    return Window(offset, limit)


def _parse_range(header: str | None) -> tuple[int, int | None]:
    found = RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None:
        return 0, None
    return int(found[1] or 0), None if found[2] is None else int(found[2])


def _unsatisfiable(details: str) -> RestError:
    return RestError(416, "PGRST103", "Requested range not satisfiable", details=details)
