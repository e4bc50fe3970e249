"""The suite's resources and prompts."""

from fixture_tools import PIXEL

from atoms_mcp import Message, Prompt, PromptArgument, Resource, ResourceTemplate
from atoms_mcp.protocol import content

WORDS = ("paris", "park", "party", "rome")


async def read_text(_context):
    return [content.text_contents("test://static-text", "The text of a static resource.")]


async def read_binary(_context):
    return [content.blob_contents("test://static-binary", PIXEL, "image/png")]


async def read_watched(_context):
    return [content.text_contents("test://watched-resource", "Somebody may watch this.")]


async def read_template(_context, uri, variables):
    text = f'{{"id": "{variables["id"]}"}}'
    return [content.text_contents(uri, text, "application/json")]


async def complete_id(_context, typed, _others):
    return [number for number in ("123", "456") if number.startswith(typed)]


async def complete_word(_context, typed, _others):
    return [word for word in WORDS if word.startswith(typed)]


async def render_simple(_context, _arguments):
    return [Message("This is a simple prompt.")]


async def render_arguments(_context, arguments):
    return [Message(f"arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'")]


async def render_resource(_context, arguments):
    embedded = content.text_contents(arguments["resourceUri"], "Embedded in a prompt.")
    return [Message(content.resource(embedded)), Message("Please process the resource above.")]


async def render_image(_context, _arguments):
    return [Message(content.image(PIXEL, "image/png")), Message("Please look at this picture.")]


RESOURCES = (
    Resource(
        "test://static-text",
        "static-text",
        read_text,
        description="A text that stays as it is.",
        mime_type="text/plain",
        is_public=True,
    ),
    Resource(
        "test://static-binary",
        "static-binary",
        read_binary,
        description="Bytes that stay as they are.",
        mime_type="image/png",
        is_public=True,
    ),
    Resource(
        "test://watched-resource",
        "watched-resource",
        read_watched,
        description="A text to subscribe to.",
        mime_type="text/plain",
    ),
)
TEMPLATES = (
    ResourceTemplate(
        "test://template/{id}/data",
        "template",
        read_template,
        description="Data by number.",
        mime_type="application/json",
        complete={"id": complete_id},
    ),
)
PROMPTS = (
    Prompt("test_simple_prompt", "Has no arguments.", render_simple),
    Prompt(
        "test_prompt_with_arguments",
        "Repeats its arguments.",
        render_arguments,
        (
            PromptArgument("arg1", "The first.", is_required=True, complete=complete_word),
            PromptArgument("arg2", "The second.", is_required=True),
        ),
    ),
    Prompt(
        "test_prompt_with_embedded_resource",
        "Embeds a resource.",
        render_resource,
        (PromptArgument("resourceUri", "The URI to embed.", is_required=True),),
    ),
    Prompt("test_prompt_with_image", "Shows a picture.", render_image),
)
