"""What users are asked in forms: the words and the fields. Flat objects, as all clients show them.

Source: MCP 2026-07-28 client/elicitation, Requested Schema.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from atoms_mcp.entities.suggest import with_article
from atoms_mcp.entities.text import one_line

Form = dict[str, Any]
CONFIRM = "confirm"
AGREE = "delete"
CHOICE = "choice"


def agree_form(what: str) -> Form:
    """Give the form that asks for a plain yes; `what` is "document VEH-DOC-1"."""
    field = {"type": "boolean", "title": f"Delete {what}", "default": False}
    return {"type": "object", "properties": {AGREE: field}, "required": [AGREE]}


def confirm_form(key: str) -> Form:
    """Give the form in which the key of what is to be deleted has to be typed."""
    field = {
        "type": "string",
        "title": f"Type {key} to confirm",
        "description": "Anything else leaves it as it is.",
        "minLength": 1,
        "maxLength": 200,
    }
    return {"type": "object", "properties": {CONFIRM: field}, "required": [CONFIRM]}


def choice_form(names: Sequence[str]) -> Form:
    """Give the form in which one of several names has to be chosen."""
    field = {"type": "string", "title": "Which one?", "enum": list(names)}
    return {"type": "object", "properties": {CHOICE: field}, "required": [CHOICE]}


def choice_words(what: str, given: str, candidates: Sequence[Mapping[str, Any]]) -> str:
    """Say what has to be chosen, with the title or type of each candidate."""
    lines = [f"- {candidate['entity_id']}: {_about(candidate)}" for candidate in candidates]
    return "\n".join([f'"{one_line(given)}" names several {what}. Which one is meant?', *lines])


def _about(candidate: Mapping[str, Any]) -> str:
    title = candidate.get("title")
    return one_line(str(title)) if title else with_article(str(candidate.get("type", "")))
