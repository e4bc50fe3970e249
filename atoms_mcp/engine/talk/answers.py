"""A client's answer to a question of ours, looked at before a handler sees it.

Source: MCP 2026-07-28 client/elicitation (Response Actions), client/sampling, client/roots.
"""

from collections.abc import Mapping
from typing import Any

from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.errors import AtomsError, ToolError
from atoms_mcp.protocol.arguments import ArgumentCheck

ACTIONS = ("accept", "decline", "cancel")


class BadAnswer(AtomsError):  # noqa: N818 - says what is the case
    """The client answered something else than what it was asked."""


def check_answer(request: InputRequest, answer: object) -> Mapping[str, Any]:
    """Give an answer that has the form its question wants.

    Raises:
        BadAnswer: it has not; says what is wrong.
    """
    if not isinstance(answer, dict):
        raise BadAnswer("must be an object")
    if request.method == "elicitation/create":
        return _check_elicited(request, answer)
    if request.method == "roots/list" and not isinstance(answer.get("roots"), list):
        raise BadAnswer("needs roots, a list")
    if request.method == "sampling/createMessage" and "content" not in answer:
        raise BadAnswer("needs content")
    return answer


def _check_elicited(request: InputRequest, answer: dict[str, Any]) -> Mapping[str, Any]:
    action, content = answer.get("action"), answer.get("content")
    if action not in ACTIONS:
        raise BadAnswer(f"needs an action, one of {', '.join(ACTIONS)}")
    if action != "accept" or request.params["mode"] != "form":
        return {"action": action}
    if not isinstance(content, dict):
        raise BadAnswer("was accepted, so it needs content, an object")
    try:
        ArgumentCheck(request.params["requestedSchema"]).check(content)
    except ToolError as fault:
        raise BadAnswer(f"has other content than was asked for: {fault.message}") from None
    return {"action": action, "content": content}
