"""Prompts: instructions for a model, with what they are about embedded as it is now."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.prompt import Message, Prompt, PromptArgument
from atoms_mcp.engine.offer.resource import Completer
from atoms_mcp.entities.call import Call
from atoms_mcp.entities.catalogue import Catalogue, EntityType
from atoms_mcp.entities.failures import not_found
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.entities.plan_page import plan_children
from atoms_mcp.entities.plan_read import plan_history
from atoms_mcp.entities.prompts import MAX_ARGUMENT_CHARS, Argument, PromptText, load_prompts
from atoms_mcp.entities.view import Item, handle_of
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol import content
from atoms_mcp.tools.completions import complete_from, complete_item
from atoms_mcp.tools.desk import Desk, Row
from atoms_mcp.tools.lists import revisions
from atoms_mcp.tools.pages import find_rows_by_id, show_text
from atoms_mcp.tools.targets import find_target

EMBEDDED_BYTES = 200_000
MAX_CHILDREN = 10
REVISIONS = 5
REQUIREMENT = "requirement"
DOCUMENT = "document"


def build_prompts(
    catalogue: Catalogue, cursors: Cursors, now: Callable[[], float] = time.time
) -> tuple[Prompt, ...]:
    """Build all prompts, in their order."""

    def build(text: PromptText) -> Prompt:
        async def render(context: Context, given: Mapping[str, str]) -> Sequence[Message]:
            return await render_prompt(Desk(context, catalogue, cursors, now), text, given)

        return Prompt(
            name=text.name,
            title=text.title,
            description=text.description,
            render=render,
            arguments=[_argument(one) for one in text.arguments],
        )

    return tuple(build(text) for text in load_prompts())


def _argument(argument: Argument) -> PromptArgument:
    complete: Completer | None = None
    if argument.names:
        complete = complete_item(argument.names)
    elif argument.words:
        complete = complete_from(argument.words)
    return PromptArgument(
        name=argument.name,
        title=argument.title,
        description=argument.help,
        is_required=argument.is_required,
        complete=complete,
    )


async def render_prompt(
    desk: Desk, text: PromptText, given: Mapping[str, str]
) -> Sequence[Message]:
    """Give the instructions, and after them one message for each page that they are about.

    Raises:
        ToolError: an argument is too long, or names nothing in sight.
    """
    _check_lengths(text, given)
    embedded = Embedded(desk)
    names: dict[str, str] = {}
    for argument in text.arguments:
        named = given.get(argument.name, "").strip()
        if argument.names and named:
            entity = desk.catalogue[argument.names]
            row = await embedded.add_named(entity, named)
            names[argument.name] = handle_of(entity, row)
            if argument.names == REQUIREMENT:
                await _embed_around(embedded, text, row)
    filled = text.fill({**given, **names})
    return [Message(filled), *embedded.messages]


def _check_lengths(text: PromptText, given: Mapping[str, str]) -> None:
    for argument in text.arguments:
        if len(given.get(argument.name, "")) > MAX_ARGUMENT_CHARS:
            raise ToolError(
                "limit_exceeded",
                f"{argument.name} is longer than {MAX_ARGUMENT_CHARS} characters.",
                fix=f"shorten {argument.name}, or store it in a document first.",
                details={"field": argument.name},
            )


class Embedded:
    """The messages with pages, each page once."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.messages: list[Message] = []
        self._ids: set[str] = set()

    async def add_named(self, entity: EntityType, named: str) -> Row:
        """Embed what somebody names, and give its row.

        Raises:
            ToolError: ``not_found``, ``ambiguous``, or ``invalid_argument`` for another type.
        """
        target = await find_target(self.desk, Call(entity, "read", entity_id=named))
        rows = await self.add(entity, [target.id])
        if not rows:
            raise not_found(entity, target.handle)
        return rows[0]

    async def add(self, entity: EntityType, ids: Sequence[str]) -> list[Row]:
        """Embed the pages of some ids, those that are in sight, and give their rows."""
        rows = await find_rows_by_id(self.desk, entity, ids)
        new = [row for row in rows if row["id"] not in self._ids]
        self._ids.update(row["id"] for row in new)
        pages = await asyncio.gather(
            *(show_text(self.desk, entity, row, EMBEDDED_BYTES) for row in new)
        )
        self.messages += [Message(content.resource(page)) for page in pages]
        return rows

    def add_text(self, text: str) -> None:
        """Add a message of plain text."""
        self.messages.append(Message(text))


async def _embed_around(embedded: Embedded, text: PromptText, row: Row) -> None:
    """Embed the document around a requirement, after what else a prompt asks for."""
    desk = embedded.desk
    entity = desk.catalogue[REQUIREMENT]
    if "family" in text.embeds:
        children = await desk.rows(plan_children(row["id"], MAX_CHILDREN))
        family = [row["parent_id"], *(child["id"] for child in children)]
        await embedded.add(entity, [one for one in family if one])
    if "history" in text.embeds:
        changes = await desk.rows(plan_history(entity, row["id"], REVISIONS - 1))
        told = [_told(one) for one in await revisions(desk, entity, changes)]
        embedded.add_text("\n".join([f"Last changes of {row['key']}:", *told]))
    await embedded.add(desk.catalogue[DOCUMENT], [row["document_id"]])


def _told(revision: Item) -> str:
    changed = ", ".join(revision.get("changed", ()))
    what = f"{revision['op']}{f' of {changed}' if changed else ''}"
    who = revision.get("by", "unknown")
    return f"- version {revision['version']}, {revision['at']}, {who}: {what}"
