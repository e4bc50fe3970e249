"""completion/complete: what an argument of a prompt or a variable of a template could be.

Source: MCP 2026-07-28 server/utilities/completion.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import Completer
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import Result
from atoms_mcp.protocol.revisions.revision import Revision

MAX_VALUES: Final = 100
Completers = Mapping[str, Completer | None]
# Of the references that there are, which member names what is meant.
REFERENCES: Final = MappingProxyType({"ref/prompt": "name", "ref/resource": "uri"})


class Completions:
    """Suggests values."""

    def __init__(self, offer: Offer, handling: Handling) -> None:
        self._handling = handling
        self._known: dict[tuple[str, str], Completers] = {}
        for prompt in offer.prompts:
            completers = {argument.name: argument.complete for argument in prompt.arguments}
            self._known["ref/prompt", prompt.name] = completers
        for template in offer.templates:
            self._known["ref/resource", template.uri_template] = template.complete
        for resource in offer.resources:
            self._known["ref/resource", resource.uri] = {}

    async def complete(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Give what could stand for an argument, as far as the caller may know.

        Raises:
            RpcError: -32602; nothing has that name or URI.
        """
        completers = self._find(call.params.get("ref"))
        name, value = _read_argument(call.params.get("argument"))
        others = _read_others(call.params.get("context"))
        complete = completers.get(name)
        values: Sequence[str] = ()
        if complete is not None:

            async def suggest(context: Context) -> Sequence[str]:
                return await complete(context, value, others)

            values = await self._handling.run(suggest, call, revision, frame)
        shown = list(values[:MAX_VALUES])
        found = {"values": shown, "total": len(values), "hasMore": len(values) > len(shown)}
        return revision.render(Result({"completion": found}))

    def _find(self, reference: object) -> Completers:
        kind = reference.get("type") if type(reference) is dict else None
        member = REFERENCES.get(kind) if type(kind) is str else None
        if member is None or type(kind) is not str or type(reference) is not dict:
            raise RpcError(INVALID_PARAMS, f"ref needs a type, one of {', '.join(REFERENCES)}")
        named = reference.get(member)
        found = self._known.get((kind, named)) if type(named) is str else None
        if found is None:
            raise RpcError(INVALID_PARAMS, f"there is nothing of that {member}")
        return found


def _read_argument(argument: Any) -> tuple[str, str]:  # noqa: ANN401 - JSON
    if type(argument) is dict:
        name, value = argument.get("name"), argument.get("value")
        if type(name) is str and type(value) is str:
            return name, value
    raise RpcError(INVALID_PARAMS, "argument needs a name and a value, strings")


def _read_others(context: Any) -> Mapping[str, str]:  # noqa: ANN401 - JSON
    others = context.get("arguments", {}) if type(context) is dict else {}
    if type(others) is not dict or not all(type(value) is str for value in others.values()):
        raise RpcError(INVALID_PARAMS, "context.arguments must be an object of strings")
    return others
