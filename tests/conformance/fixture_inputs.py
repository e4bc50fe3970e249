"""The suite's tools, and one prompt, that ask their client for something."""

import json

from fixture_tools import fields, said, tool

from atoms_mcp import InputRequest, Message, Prompt

OPTIONS = ["option1", "option2", "option3"]
TITLED = [
    {"const": "value1", "title": "First Option"},
    {"const": "value2", "title": "Second Option"},
    {"const": "value3", "title": "Third Option"},
]
DEFAULTS = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "default": True},
    },
}
ENUMS = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
    },
}
PERSON = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "Your name"},
        "email": {"type": "string", "format": "email", "description": "Your address"},
    },
    "required": ["username", "email"],
}


def form(message, key, kind="string"):
    """Ask for one field."""
    schema = {"type": "object", "properties": {key: {"type": kind}}, "required": [key]}
    return InputRequest.form(message, schema)


def sample(text, max_tokens=100):
    """Ask the client's model one thing."""
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return InputRequest.sample([message], max_tokens)


def asks(schema, message="Please fill this in."):
    """Give a handler that shows a form and tells what came back."""

    async def handler(context, arguments):
        answer = await context.elicit("form", arguments.get("message", message), schema)
        return said(f"action={answer.action}, content={json.dumps(dict(answer.content))}")

    return handler


async def ask_model(context, arguments):
    answers = await context.ask({"sample": sample(arguments["prompt"])})
    return said(f"LLM response: {answers['sample']['content']['text']}")


def asks_once(*, authorises=False, **requests):
    """Give a handler that asks all this at once and shows all answers."""

    async def handler(context, _arguments):
        answers = await context.ask(requests, authorises=authorises)
        return said(*(f"{key}: {json.dumps(answers[key])}" for key in requests), "state-ok")

    return handler


async def ask_twice(context, _arguments):
    name = await context.ask({"step1": form("Step 1: What is your name?", "name")})
    color = await context.ask({"step2": form("Step 2: What is your favorite color?", "color")})
    return said(json.dumps([name["step1"], color["step2"]]))


async def ask_what_can_be_asked(context, _arguments):
    known = {"elicitation": form("Who are you?", "name"), "sampling": sample("Say hello")}
    answers = await context.ask({kind: known[kind] for kind in known if context.can(kind)})
    return said(json.dumps(dict(answers)))


async def render_with_context(context, _arguments):
    asked = {"user_context": form("What context should the prompt use?", "context")}
    answer = (await context.ask(asked))["user_context"]
    return [Message(f"Context: {answer['content']['context']}")]


NAME = form("What is your name?", "name")
CONFIRM = form("Please confirm.", "ok", "boolean")
PREFIX = "test_input_required_result"

TOOLS = (
    tool(
        "test_sampling",
        "Asks the client's model.",
        ask_model,
        fields(prompt="What to ask the model."),
    ),
    tool(
        "test_elicitation",
        "Asks for a name and an address.",
        asks(PERSON),
        fields(message="What to say above the form."),
    ),
    tool("test_elicitation_sep1034_defaults", "Asks with defaults.", asks(DEFAULTS)),
    tool("test_elicitation_sep1330_enums", "Asks with choices.", asks(ENUMS)),
    tool("test_streaming_elicitation", "Asks for a name.", asks_once(user_name=NAME)),
    tool("test_missing_capability", "Asks the model.", asks_once(sample=sample("Hello?"))),
    tool(f"{PREFIX}_elicitation", "Asks for a name.", asks_once(user_name=NAME)),
    tool(
        f"{PREFIX}_sampling",
        "Asks the client's model.",
        asks_once(capital_question=sample("What is the capital of France?")),
    ),
    tool(
        f"{PREFIX}_list_roots", "Asks for the roots.", asks_once(client_roots=InputRequest.roots())
    ),
    tool(f"{PREFIX}_request_state", "Asks to confirm.", asks_once(confirm=CONFIRM)),
    tool(
        f"{PREFIX}_multiple_inputs",
        "Asks three things at once.",
        asks_once(
            user_name=NAME,
            greeting=sample("Generate a greeting", 50),
            client_roots=InputRequest.roots(),
        ),
    ),
    tool(f"{PREFIX}_multi_round", "Asks one thing after the other.", ask_twice),
    tool(
        f"{PREFIX}_tampered_state", "Asks to confirm.", asks_once(authorises=True, confirm=CONFIRM)
    ),
    tool(f"{PREFIX}_capabilities", "Asks what can be asked.", ask_what_can_be_asked),
)
PROMPTS = (Prompt(f"{PREFIX}_prompt", "Asks for its context.", render_with_context),)
