"""What is wrong with arguments, gathered, so that one answer names all of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from atoms_mcp.entities.suggest import listed, nearest
from atoms_mcp.errors import ToolError

SHOWN_FAULTS = 6


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: a sentence without its full stop, the argument, and what would be right."""

    message: str
    field: str
    allowed: tuple[str, ...] = ()
    meant: str | None = None
    fix: str | None = None


def unknown(what: str, path: str, name: str, valid: Iterable[str]) -> Fault:
    """Make the fault of a name that is not one of `valid`; `path` ends with it."""
    allowed = tuple(valid)
    near = nearest(name, allowed)
    if near is None:
        return Fault(f"unknown {what} {path}", path, allowed)
    meant = path.removesuffix(name) + near
    message = f"unknown {what} {path}. Did you mean {meant}?"
    return Fault(message, path, meant=meant, fix=f"use {meant}")


def not_allowed(path: str, value: object, valid: Sequence[str]) -> Fault:
    """Make the fault of a value that is not one of `valid`."""
    near = nearest(str(value), valid)
    suffix = f". Did you mean {near}?" if near else ""
    return Fault(f"{path} cannot be {shown(value)}{suffix}", path, tuple(valid), near)


def shown(value: object, limit: int = 60) -> str:
    """Write a value that somebody sent, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def raise_for(faults: Sequence[Fault], *, see: str = "") -> None:
    """Raise what was gathered, if anything was.

    `see` is added to the fix: where to read more.

    Raises:
        ToolError: ``invalid_argument``, about the first fault, naming the others.
    """
    if not faults:
        return
    first, *others = faults
    message = _sentence(first.message)
    if others:
        message += " Also: " + "; ".join(fault.message for fault in others[: SHOWN_FAULTS - 1])
        message = _sentence(message)
    details: dict[str, object] = {"field": first.field}
    if first.allowed:
        details["allowed"] = list(first.allowed)
    if first.meant:
        details["did_you_mean"] = first.meant
    raise ToolError("invalid_argument", message, fix=_fix(first) + see, details=details)


def _fix(fault: Fault) -> str:
    if fault.fix:
        return _sentence(fault.fix)
    if fault.allowed:
        return f"use one of: {listed(fault.allowed)}."
    return f"correct {fault.field} and repeat the call."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else text + "."
