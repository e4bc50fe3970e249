"""What may be offered: names, texts and schemas that no known client chokes on.

A client that chokes drops the tool, the whole list, or the request that its model was to make.

Source: MCP 2026-07-28 server/tools; limits of clients and of model APIs as observed in 2026.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt
from atoms_mcp.engine.offer.resource import Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.protocol.arguments import ArgumentCheck
from atoms_mcp.protocol.headers import find_mirrored
from atoms_mcp.protocol.outputs import OutputCheck
from atoms_mcp.protocol.uri_template import UriTemplate, is_uri

# Longer descriptions are cut by clients, without a word.
MAX_DESCRIPTION_BYTES: Final = 2048
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# At the root of a schema model APIs refuse these, and with them the whole request.
COMPOSED: Final = ("oneOf", "anyOf", "allOf", "not", "if", "enum", "const", "$ref")
HINTS: Final = frozenset({"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"})
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def find_faults(offer: Offer) -> list[str]:
    """Name all that is wrong with what is offered; each text says where and which rule."""
    return [
        *_find_twice("tool", (tool.name for tool in offer.tools)),
        *_find_twice("prompt", (prompt.name for prompt in offer.prompts)),
        *_find_twice("resource", (resource.uri for resource in offer.resources)),
        *_find_twice("template", (template.uri_template for template in offer.templates)),
        *(fault for tool in offer.tools for fault in _check_tool(tool)),
        *(fault for prompt in offer.prompts for fault in _check_prompt(prompt)),
        *(fault for resource in offer.resources for fault in _check_resource(resource)),
        *(fault for template in offer.templates for fault in _check_template(template)),
    ]


def _find_twice(kind: str, names: Iterable[str]) -> Iterator[str]:
    seen = set[str]()
    for name in names:
        if name in seen:
            yield f"{kind} {name}: the name is given twice"
        seen.add(name)


def _check_tool(tool: Tool) -> Iterator[str]:
    where = f"tool {tool.name!r}"
    yield from _check_texts(where, tool.name, tool.description)
    for hint, value in tool.annotations.items():
        if hint in HINTS and not isinstance(value, bool):
            yield f"{where}: annotation {hint} must be true or false"
    yield from _check_root(f"{where}: input_schema", tool.input_schema)
    try:
        ArgumentCheck(tool.input_schema)
        find_mirrored(tool.input_schema)
    except ValueError as exc:
        yield f"{where}: input_schema: {exc}"
    if tool.output_schema is not None:
        yield from _check_root(f"{where}: output_schema", tool.output_schema)
        try:
            OutputCheck(tool.output_schema)
        except ValueError as exc:
            yield f"{where}: output_schema: {exc}"
    if tool.read_only is not None:
        if tool.read_only.name != tool.name or not tool.read_only.only_reads:
            yield f"{where}: read_only must have the same name, and readOnlyHint"
        yield from _check_tool(tool.read_only)


def _check_root(where: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("type") != "object":
        yield f'{where} must have "type": "object" at its root'
    for keyword in COMPOSED:
        if keyword in schema:
            yield f"{where} must not have {keyword} at its root; say it within a property"
    if schema.get("$schema", DIALECT) != DIALECT:
        yield f"{where} must be of the dialect {DIALECT}"


def _check_texts(where: str, name: str, description: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{where}: a name has 1 to 64 of A-Z a-z 0-9 _ . -"
    if not description:
        yield f"{where}: needs a description"
    size = len(description.encode())
    if size > MAX_DESCRIPTION_BYTES:
        yield f"{where}: the description has {size} bytes; {MAX_DESCRIPTION_BYTES} are shown"


def _check_prompt(prompt: Prompt) -> Iterator[str]:
    where = f"prompt {prompt.name!r}"
    yield from _check_texts(where, prompt.name, prompt.description)
    yield from _find_twice(f"{where}: argument", (one.name for one in prompt.arguments))


def _check_resource(resource: Resource) -> Iterator[str]:
    if not is_uri(resource.uri):
        yield f"resource {resource.uri!r}: a URI begins with a scheme"
    if not resource.name:
        yield f"resource {resource.uri!r}: needs a name"


def _check_template(template: ResourceTemplate) -> Iterator[str]:
    where = f"template {template.uri_template!r}"
    try:
        variables = UriTemplate(template.uri_template).variables
    except ValueError as exc:
        yield f"{where}: {exc}"
        return
    if not template.name:
        yield f"{where}: needs a name"
    for name in template.complete.keys() - set(variables):
        yield f"{where}: has a completer for {name}, which is no variable of it"
