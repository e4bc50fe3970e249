"""What an examination finds, one fact at a time."""

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How bad it is. Clients fail by a fault; a warning is about some of them, or some day."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact; `fix` says what to do about it and is empty where nothing has to be done."""

    grade: Grade
    subject: str
    told: str
    fix: str = ""


def good(subject: str, told: str) -> Finding:
    """Say what is as it should be."""
    return Finding(Grade.GOOD, subject, told)


def note(subject: str, told: str, fix: str = "") -> Finding:
    """Say what is worth knowing and not wrong."""
    return Finding(Grade.NOTE, subject, told, fix)


def warning(subject: str, told: str, fix: str) -> Finding:
    """Say what will trouble some clients."""
    return Finding(Grade.WARNING, subject, told, fix)


def fault(subject: str, told: str, fix: str) -> Finding:
    """Say what keeps clients out."""
    return Finding(Grade.FAULT, subject, told, fix)
