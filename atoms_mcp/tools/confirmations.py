"""Asking before much is deleted: the user where the client can ask, else by the key repeated."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.failures import not_found
from atoms_mcp.entities.plan_read import plan_held, plan_read
from atoms_mcp.entities.questions import AGREE, CONFIRM, agree_form, confirm_form
from atoms_mcp.entities.steps import cancelled
from atoms_mcp.entities.suggest import counted
from atoms_mcp.entities.text import one_line
from atoms_mcp.entities.view import Item, handle_of, render
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.desk import Desk
from atoms_mcp.tools.refusals import Attempt, ask_access, explain_forbidden
from atoms_mcp.tools.targets import Target

ELICITATION = "elicitation"
QUESTION = "confirm_delete"


@dataclass(frozen=True, slots=True)
class Holding:
    """What is to be deleted: its key, its title, and in words what goes with it."""

    entity: EntityType
    key: str
    title: str
    held: str

    @property
    def name(self) -> str:
        """How it is named in a sentence."""
        return f"{self.entity.name} {self.key}"


async def check_confirmed(desk: Desk, call: Call, target: Target, attempt: Attempt) -> None:
    """Pass a deletion that is agreed to, or that takes nothing along.

    Who may not delete is told so first.

    Raises:
        ToolError: ``declined`` by the user; or ``invalid_argument``, the key was not repeated.
    """
    can_ask = desk.context.can(ELICITATION)
    if call.entity.is_delete_confirmed:
        holding = await _find_tenant(desk, call, target)
        if can_ask:
            await _check_access(desk, attempt)
            await _ask(desk, holding)
        elif not _is_key(call.confirm, holding):
            await _check_access(desk, attempt)
            raise _unconfirmed(call, holding)
    elif call.entity.is_delete_asked and can_ask:
        found = await _find_holder(desk, call, target)
        if found is not None:
            await _check_access(desk, attempt)
            await _ask(desk, found)


async def _check_access(desk: Desk, attempt: Attempt) -> None:
    access = await ask_access(desk, attempt, "delete")
    if access and not access.get("allowed"):
        raise await explain_forbidden(desk, attempt)


async def _find_tenant(desk: Desk, call: Call, target: Target) -> Holding:
    """Give an organization or project, which count what they hold themselves."""
    entity = call.entity
    item = await _read(desk, call, target, entity.holds)
    held = " and ".join(counted(item.get(name, 0), name) for name in entity.holds)
    return Holding(entity, item[entity.handle], item["title"], held)


async def _find_holder(desk: Desk, call: Call, target: Target) -> Holding | None:
    """Give an entity with what lives in it; None for an empty or deleted one."""
    entity = call.entity
    item = await _read(desk, call, target, ("deleted_at",))
    found = await asyncio.gather(
        *(
            desk.send(plan_held(desk.catalogue[one.type], one.by, target.id, 1))
            for one in entity.includes.values()
        ),
    )
    totals = {name: some.total or 0 for name, some in zip(entity.includes, found, strict=True)}
    if "deleted_at" in item or not any(totals.values()):
        return None
    held = " and ".join(counted(number, name) for name, number in totals.items() if number)
    return Holding(entity, item[entity.handle], item["title"], held)


async def _read(desk: Desk, call: Call, target: Target, more: Sequence[str]) -> Item:
    entity = call.entity
    fields = (entity.handle, "title", *more)
    rows = await desk.rows(plan_read(entity, fields, target.id))
    if not rows:
        raise not_found(entity, target.handle)
    return render(entity, rows[0], fields) | {entity.handle: handle_of(entity, rows[0])}


def _is_key(given: object, holding: Holding) -> bool:
    text = given.strip().rpartition("/")[2] if isinstance(given, str) else ""
    return text.casefold() == holding.key.casefold()


async def _ask(desk: Desk, holding: Holding) -> None:
    """Ask the user: for the key where it is a whole tenant or project, else for a yes."""
    has_key = holding.entity.is_delete_confirmed
    message = (
        f'Delete {holding.name} "{one_line(holding.title)}"? It takes {holding.held} out of sight; '
        "restore can bring it back."
    )
    form = confirm_form(holding.key) if has_key else agree_form(holding.name)
    answer = await desk.context.elicit(QUESTION, message, form, authorises=True)
    if desk.context.is_cancelled:
        raise cancelled()
    content = answer.content
    agreed = _is_key(content.get(CONFIRM), holding) if has_key else content.get(AGREE) is True
    if not (answer.is_accepted and agreed):
        raise ToolError(
            "declined",
            f"the user was asked and did not agree to delete {holding.name}; it is as it was.",
            fix="leave it as it is, unless the user asks for it again.",
        )


def _unconfirmed(call: Call, holding: Holding) -> ToolError:
    said = "" if call.confirm is None else f" (confirm was {call.confirm!r})"
    return ToolError(
        "invalid_argument",
        f'deleting {holding.name} "{holding.title}" takes {holding.held} out of sight{said}.',
        fix=f'if the user wants that, repeat with confirm "{holding.key}"; '
        "restore can bring it back.",
        details={"field": "confirm", "allowed": [holding.key]},
    )
