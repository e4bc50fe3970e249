"""A name that several entities have: the user says which one is meant, where the client can ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from atoms_mcp.entities.failures import ambiguous
from atoms_mcp.entities.questions import CHOICE, choice_form, choice_words
from atoms_mcp.tools.desk import Desk

ELICITATION = "elicitation"
MAX_CHOICES = 20
MAX_KEY_CHARS = 120


async def choose(
    desk: Desk, field: str, what: str, given: str, candidates: Sequence[Mapping[str, Any]]
) -> str:
    """Give the ``entity_id`` of the candidate that is meant; `field` is the argument `given` was.

    Raises:
        ToolError: ``ambiguous``, with the candidates: nobody could be asked, or nobody chose.
    """
    if desk.context.can(ELICITATION):
        ordered = sorted(candidates, key=lambda one: str(one["entity_id"]))[:MAX_CHOICES]
        names = [str(one["entity_id"]) for one in ordered]
        answer = await desk.context.elicit(
            f"{field}: {given}"[:MAX_KEY_CHARS],
            choice_words(what, given, ordered),
            choice_form(names),
            authorises=desk.is_changing,
        )
        if answer.is_accepted and answer.content.get(CHOICE) in names:
            return str(answer.content[CHOICE])
    raise ambiguous(what, given, candidates)
