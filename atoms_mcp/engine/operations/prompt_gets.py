"""prompts/get: the arguments are checked, the messages rendered.

Source: MCP 2026-07-28 server/prompts, Getting a Prompt and Error Handling.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Message, Prompt
from atoms_mcp.protocol.content import text
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import Result
from atoms_mcp.protocol.revisions.revision import Revision


class PromptGets:
    """Renders the prompts of a server."""

    def __init__(self, offer: Offer, handling: Handling) -> None:
        """Prepare every prompt.

        Raises:
            ValueError: a name is given twice.
        """
        self._handling = handling
        self._prompts = {one.name: one for one in offer.prompts}
        if len(self._prompts) != len(offer.prompts):
            raise ValueError("two prompts have the same name")

    async def get(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Give the messages of a prompt.

        Raises:
            RpcError: -32602; there is no such prompt, or its arguments are not as it takes them.
        """
        prompt = self.find(call.params.get("name"))
        arguments = read_arguments(prompt, call.params.get("arguments"))

        async def render(context: Context) -> Sequence[Message]:
            return await prompt.render(context, arguments)

        messages = await self._handling.run(render, call, revision, frame)
        members: dict[str, Any] = {"messages": [_render(message) for message in messages]}
        if prompt.description:
            members["description"] = prompt.description
        return revision.render(Result(members))

    def find(self, name: object) -> Prompt:
        """Give a prompt.

        Raises:
            RpcError: -32602.
        """
        found = self._prompts.get(name) if type(name) is str else None
        if found is None:
            known = ", ".join(self._prompts)
            raise RpcError(INVALID_PARAMS, f"there is no such prompt; the prompts are {known}")
        return found


def read_arguments(prompt: Prompt, given: object) -> Mapping[str, str]:
    """Give the arguments of a prompt, known, complete, and texts all of them.

    Raises:
        RpcError: -32602.
    """
    if given is None:
        given = {}
    if type(given) is not dict or not all(type(value) is str for value in given.values()):
        raise RpcError(INVALID_PARAMS, "arguments must be an object of strings")
    known = [argument.name for argument in prompt.arguments]
    if not given.keys() <= set(known):
        named = ", ".join(known) or "none"
        raise RpcError(INVALID_PARAMS, f"the arguments of {prompt.name} are {named}")
    for argument in prompt.arguments:
        if argument.is_required and argument.name not in given:
            raise RpcError(INVALID_PARAMS, f"{prompt.name} needs the argument {argument.name}")
    return given


def _render(message: Message) -> dict[str, Any]:
    content = message.content
    block = text(content) if isinstance(content, str) else content
    return {"role": message.role, "content": block}
