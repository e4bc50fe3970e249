"""resources/read: by the URI itself, or by the template that it fits.

Source: MCP 2026-07-28 server/resources, Reading Resources and Error Handling.
"""

from collections.abc import Awaitable, Callable, Sequence

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import NoSuchResource, ResourceTemplate, Variables
from atoms_mcp.protocol.content import Block
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import Cache, Result
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.protocol.uri_template import MAX_URI_CHARS, UriTemplate

Read = Callable[[Context], Awaitable[Sequence[Block]]]


class ResourceReads:
    """Reads the resources of a server."""

    def __init__(self, offer: Offer, handling: Handling) -> None:
        """Prepare every resource.

        Raises:
            ValueError: a URI comes twice, or a template cannot be matched.
        """
        self._handling = handling
        self._resources = {one.uri: one for one in offer.resources}
        if len(self._resources) != len(offer.resources):
            raise ValueError("two resources have the same URI")
        self._templates = [(UriTemplate(one.uri_template), one) for one in offer.templates]

    async def read(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Give what a resource holds.

        Raises:
            RpcError: the revision's code for a URI of nothing, with that URI as data.
        """
        uri = call.params.get("uri")
        if type(uri) is not str or len(uri) > MAX_URI_CHARS:
            raise RpcError(INVALID_PARAMS, "resources/read needs a uri, a string")
        read, cache = self.find(uri)
        try:
            contents = await self._handling.run(read, call, revision, frame)
        except NoSuchResource:
            contents = ()
        if not contents:
            raise RpcError(
                revision.missing_resource, "there is no such resource", data={"uri": uri}
            )
        # What was answered to one question must not be taken for the answer to another.
        if "requestState" in call.params or "inputResponses" in call.params:
            cache = Cache()
        return revision.render(Result({"contents": list(contents)}, cache))

    def find(self, uri: str) -> tuple[Read, Cache]:
        """Give what reads a URI, and how long that may be kept."""
        resource = self._resources.get(uri)
        if resource is not None:
            return resource.read, Cache(resource.ttl_ms, resource.is_public)
        for pattern, template in self._templates:
            variables = pattern.match(uri)
            if variables is not None:
                cache = Cache(template.ttl_ms, template.is_public)
                return _read_by(template, uri, variables), cache
        return _read_nothing, Cache()


def _read_by(template: ResourceTemplate, uri: str, variables: Variables) -> Read:
    async def read(context: Context) -> Sequence[Block]:
        return await template.read(context, uri, variables)

    return read


async def _read_nothing(_context: Context) -> Sequence[Block]:
    raise NoSuchResource
