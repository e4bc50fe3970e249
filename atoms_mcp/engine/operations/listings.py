"""The lists: tools, prompts, templates and resources.

What is the same for everybody is encoded once for each revision (tools: for each set of scopes,
too). Resources that templates find for a user come in pages, behind cursors that are good for
that user alone.

Source: MCP 2026-07-28 server/utilities/pagination, server/utilities/caching.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.handling import Handling
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt, PromptArgument
from atoms_mcp.engine.offer.resource import Page, Resource, ResourceTemplate
from atoms_mcp.engine.offer.toolbox import Toolbox
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import ALL_SCOPES, READ_SCOPE, WRITE_SCOPE
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.results import Cache, Result
from atoms_mcp.protocol.revisions.revision import Revision

TTL_MS: Final = 300_000
PUBLIC: Final = Cache(TTL_MS, is_public=True)
# What depends on what a user may do, but not on what the user did.
BY_SCOPE: Final = Cache(TTL_MS)
# What may be another one at the next moment.
FLEETING: Final = Cache()
READERS: Final = frozenset({READ_SCOPE})


class Listings:
    """Answers everything that ends in `list`."""

    def __init__(
        self,
        offer: Offer,
        tools: Toolbox,
        handling: Handling,
        cursors: Cursors,
        revisions: Iterable[Revision],
    ) -> None:
        self._handling = handling
        self._cursors = cursors
        self._resources = [_list_resource(one) for one in offer.resources]
        self._listed = [one for one in offer.templates if one.list is not None]
        everything, reading = tools.list(ALL_SCOPES), tools.list(READERS)
        cache = PUBLIC if everything == reading else BY_SCOPE
        prompts = Result({"prompts": [_list_prompt(one) for one in offer.prompts]}, PUBLIC)
        templates = [_list_template(one) for one in offer.templates]
        found = Result({"resourceTemplates": templates}, PUBLIC)
        self._tools: dict[tuple[str, bool], bytes] = {}
        self._prompts: dict[str, bytes] = {}
        self._templates: dict[str, bytes] = {}
        for revision in revisions:
            for can_write, listed in ((True, everything), (False, reading)):
                encoded = revision.render(Result({"tools": listed}, cache))
                self._tools[revision.name, can_write] = encoded
            self._prompts[revision.name] = revision.render(prompts)
            self._templates[revision.name] = revision.render(found)

    async def list_tools(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Give the tools that the caller's scopes allow; all of them where nobody is known yet."""
        _check_only_page(call)
        can_write = frame.caller is None or WRITE_SCOPE in frame.caller.scopes
        return self._tools[revision.name, can_write]

    async def list_prompts(self, call: Call, revision: Revision, frame: Frame) -> bytes:  # noqa: ARG002 - as all operations
        """Give the prompts."""
        _check_only_page(call)
        return self._prompts[revision.name]

    async def list_templates(self, call: Call, revision: Revision, frame: Frame) -> bytes:  # noqa: ARG002 - as all operations
        """Give the templates of resources."""
        _check_only_page(call)
        return self._templates[revision.name]

    async def list_resources(self, call: Call, revision: Revision, frame: Frame) -> bytes:
        """Give one page of the resources: the fixed ones first, then those of each template."""
        if not self._listed:
            _check_only_page(call)
            return revision.render(Result({"resources": self._resources}, PUBLIC))
        cursor = call.params.get("cursor")
        if cursor is not None and type(cursor) is not str:
            raise _unknown_cursor()

        async def find(context: Context) -> Page:
            return await self._find_page(context, cursor)

        page = await self._handling.run(find, call, revision, frame)
        members: dict[str, Any] = {"resources": list(page.items)}
        if page.next is not None:
            members["nextCursor"] = page.next
        return revision.render(Result(members, FLEETING))

    async def _find_page(self, context: Context, cursor: str | None) -> Page:
        bound_to = [context.caller.user_id, "resources/list"]
        number, inner = 0, None
        items: Sequence[Mapping[str, Any]] = self._resources
        if cursor is not None:
            number, inner = self._open(cursor, bound_to)
            items = ()
        while number < len(self._listed):
            find = self._listed[number].list
            assert find is not None  # noqa: S101 - the others were left out
            found = await find(context, inner)
            items = [*items, *found.items]
            number, inner = (number, found.next) if found.next is not None else (number + 1, None)
            if items:
                break
        is_last = number == len(self._listed)
        return Page(items, None if is_last else self._cursors.seal([number, inner], bound_to))

    def _open(self, cursor: str, bound_to: Sequence[str]) -> tuple[int, str | None]:
        try:
            number, inner = self._cursors.open(cursor, bound_to)
        except ToolError:
            raise _unknown_cursor() from None
        return number, inner


def _check_only_page(call: Call) -> None:
    # All is on one page, so no cursor was ever given out.
    if call.params.get("cursor") is not None:
        raise _unknown_cursor()


def _unknown_cursor() -> RpcError:
    return RpcError(INVALID_PARAMS, "unknown cursor; list again without one")


def _given(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Give the members that say something."""
    return {name: value for name, value in members.items() if value}


def _list_resource(resource: Resource) -> dict[str, Any]:
    return {"uri": resource.uri, **_describe(resource)}


def _list_template(template: ResourceTemplate) -> dict[str, Any]:
    return {"uriTemplate": template.uri_template, **_describe(template)}


def _describe(one: Resource | ResourceTemplate) -> dict[str, Any]:
    more = _given(
        title=one.title, description=one.description, mimeType=one.mime_type, icons=one.icons
    )
    return {"name": one.name, **more}


def _list_prompt(prompt: Prompt) -> dict[str, Any]:
    arguments = [_list_argument(one) for one in prompt.arguments]
    more = _given(
        title=prompt.title,
        description=prompt.description,
        arguments=arguments,
        icons=prompt.icons,
    )
    return {"name": prompt.name, **more}


def _list_argument(argument: PromptArgument) -> dict[str, Any]:
    more = _given(title=argument.title, description=argument.description)
    return {"name": argument.name, **more, "required": argument.is_required}
