"""The suite's tools that answer by themselves. Names and contents are those that it expects."""

import asyncio
import base64

from atoms_mcp import Change, Content, Tool
from atoms_mcp.protocol import content

NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
ONLY_READS = {"readOnlyHint": True}
# One red pixel, and a WAV file without a sound in it.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
SILENT = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=")
# The suite wants to see that several messages come one after the other.
PAUSE_S = 0.05
ADDRESSED = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def tool(name, description, handler, schema=None, **more):
    """Give one tool that changes nothing."""
    return Tool(name, description, handler, schema or NOTHING, annotations=ONLY_READS, **more)


def fields(**properties):
    """Give the schema of an object with these strings, all of them required."""
    listed = {key: {"type": "string", "description": text} for key, text in properties.items()}
    return {
        "type": "object",
        "properties": listed,
        "required": list(listed),
        "additionalProperties": False,
    }


def said(*texts):
    """Give a result of plain texts."""
    return Content([content.text(text) for text in texts])


def answers(*blocks, is_error=False):
    """Give a handler that always answers the same."""

    async def handler(_context, _arguments):
        return Content(blocks, is_error=is_error)

    return handler


async def report_progress(context, _arguments):
    for done in (0, 50, 100):
        await context.progress(done, 100, f"{done} of 100")
        await asyncio.sleep(PAUSE_S)
    return said("Done, step by step.")


async def report_logs(context, _arguments):
    for text in ("execution started", "processing data", "execution completed"):
        await context.log("info", f"Tool {text}")
        await asyncio.sleep(PAUSE_S)
    return said("Done, with messages.")


async def greet(_context, arguments):
    return said(f"Hello, {arguments['name']}!")


async def echo_region(_context, arguments):
    return said(f"Region: {arguments.get('region', 'none')}")


async def come_back_for_it(context, _arguments):
    await context.release()
    await asyncio.sleep(PAUSE_S)
    return said("You came back.")


async def accept(_context, _arguments):
    return said("Taken.")


def triggers(of):
    """Give a handler that says that a list has changed."""

    async def handler(context, _arguments):
        await context.publish(Change(of))
        return said(f"The {of} changed.")

    return handler


MIXED = content.text_contents(
    "test://mixed-content-resource", '{"test": "data", "value": 123}', "application/json"
)
EMBEDDED = content.text_contents("test://embedded-resource", "This is embedded.")
REGION = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "additionalProperties": False,
}

TOOLS = (
    tool("test_simple_text", "Answers a text.", answers(content.text("A simple text."))),
    tool("test_image_content", "Answers a picture.", answers(content.image(PIXEL, "image/png"))),
    tool("test_audio_content", "Answers a sound.", answers(content.audio(SILENT, "audio/wav"))),
    tool("test_embedded_resource", "Answers a resource.", answers(content.resource(EMBEDDED))),
    tool(
        "test_multiple_content_types",
        "Answers a text, a picture and a resource.",
        answers(
            content.text("Several kinds:"),
            content.image(PIXEL, "image/png"),
            content.resource(MIXED),
        ),
    ),
    tool(
        "test_error_handling",
        "Always fails.",
        answers(content.text("This tool fails on purpose."), is_error=True),
    ),
    tool("test_tool_with_progress", "Reports progress thrice.", report_progress),
    tool("test_tool_with_logging", "Says three things for the log.", report_logs),
    tool("test_logging_tool", "Says three things for the log.", report_logs),
    tool("test_reconnection", "Lets its client go and come back.", come_back_for_it),
    tool("json_schema_2020_12_tool", "Has all of JSON Schema.", accept, ADDRESSED),
    tool("test_x_mcp_header", "Has an argument that a header repeats.", echo_region, REGION),
    tool("test_trigger_tool_change", "Says that the tools changed.", triggers("tools")),
    tool("test_trigger_prompt_change", "Says that the prompts changed.", triggers("prompts")),
    tool("greet", "Greets at once.", greet, fields(name="Who is greeted.")),
)
