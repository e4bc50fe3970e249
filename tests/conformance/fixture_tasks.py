"""The suite's tools that go on as tasks."""

import asyncio

from fixture_inputs import form
from fixture_tools import NOTHING, fields, said, tool

from atoms_mcp import Content, TaskUse
from atoms_mcp.protocol import content
from atoms_mcp.protocol.jsonrpc import INTERNAL_ERROR, RpcError

WORK_S = 0.2
SECONDS = {
    "type": "object",
    "properties": {"seconds": {"type": "number"}, "label": {"type": "string"}},
    "required": ["seconds"],
    "additionalProperties": False,
}
NAMED = {
    "type": "object",
    "properties": {"user_name": {"type": "string"}},
    "additionalProperties": False,
}


def takes_time(arguments):
    return arguments["seconds"] > 0


async def compute(_context, arguments):
    await asyncio.sleep(arguments["seconds"])
    return said(f"Computed {arguments.get('label', 'nothing')}.")


async def fail_as_tool(_context, _arguments):
    await asyncio.sleep(WORK_S)
    return Content([content.text("The job failed.")], is_error=True)


async def fail_as_request(_context, _arguments):
    await asyncio.sleep(WORK_S)
    raise RpcError(INTERNAL_ERROR, "the job broke down")


async def confirm(context, arguments):
    answer = await context.ask({"confirm": form("Delete it?", "confirm", "boolean")})
    return said(f"{arguments['filename']}: {answer['confirm']['action']}")


async def confirm_both(context, _arguments):
    asked = {name: form(f"{name}?", "confirm", "boolean") for name in ("first", "second")}
    answers = await context.ask(asked)
    return said(*(f"{name}: {answers[name]['action']}" for name in asked))


async def ask_name(context, arguments):
    answers = await context.ask({"user_name": form("What is your name?", "name")})
    return arguments | {"user_name": answers["user_name"]["content"]["name"]}


async def greet_later(_context, arguments):
    await asyncio.sleep(WORK_S)
    return said(f"Hello, {arguments['user_name']}!")


TOOLS = (
    tool("slow_compute", "Takes a while.", compute, SECONDS, as_task=TaskUse(suits=takes_time)),
    tool("failing_job", "Always fails.", fail_as_tool, as_task=TaskUse(is_required=True)),
    tool("protocol_error_job", "Breaks down.", fail_as_request, as_task=TaskUse()),
    tool(
        "confirm_delete",
        "Asks before it deletes nothing.",
        confirm,
        fields(filename="What to delete."),
        as_task=TaskUse(),
    ),
    tool("multi_input", "Asks twice at once.", confirm_both, NOTHING, as_task=TaskUse()),
    tool(
        "test_tool_with_task",
        "Asks for a name, then greets in a task.",
        greet_later,
        NAMED,
        as_task=TaskUse(is_required=True, prepare=ask_name),
    ),
)
