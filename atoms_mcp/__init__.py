"""Sign in with Supabase, for MCP.

The floors, top to bottom; a module imports only from lower floors or its own folder:

- `__main__`, `cli`: the commands
- `app`: constructs and connects everything that lives long
- `web`, `stdio`: the two transports; `local`: the embedded stack, met only on the wire
- `tools`: one file a tool, and the list of them
- `engine`: the methods of MCP, free of transport
- `identity`: who is calling, and how they prove it
- `supabase`: the only HTTP client; `store`: what outlives a request; `logs`
- `protocol`, `oauth`, `entities`: the rules, pure; `schema`: the SQL migrations
- `settings`, `errors`

A newcomer reads `web/routes.py` (the surface), `engine/dispatch.py` (the heart),
`tools/entity.py` (a tool) and `entities/atoms.toml` (the domain as data).

Other packages add to the server by the names in `__all__`, and by entry points of the group
`atoms_mcp.tools`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atoms_mcp.engine.context import Context
    from atoms_mcp.engine.listening.change import Change
    from atoms_mcp.engine.offer.prompt import Message, Prompt, PromptArgument
    from atoms_mcp.engine.offer.resource import NoSuchResource, Page, Resource, ResourceTemplate
    from atoms_mcp.engine.offer.tool import Content, Tool
    from atoms_mcp.engine.talk.inputs import ElicitAnswer, InputRequest
    from atoms_mcp.engine.tasks.use import TaskUse
    from atoms_mcp.errors import ToolError

__version__ = "0.1.0"

__all__ = [
    "Change",
    "Content",
    "Context",
    "ElicitAnswer",
    "InputRequest",
    "Message",
    "NoSuchResource",
    "Page",
    "Prompt",
    "PromptArgument",
    "Resource",
    "ResourceTemplate",
    "TaskUse",
    "Tool",
    "ToolError",
]

_HOMES = {
    "Change": "engine.listening.change",
    "Content": "engine.offer.tool",
    "Context": "engine.context",
    "ElicitAnswer": "engine.talk.inputs",
    "InputRequest": "engine.talk.inputs",
    "Message": "engine.offer.prompt",
    "NoSuchResource": "engine.offer.resource",
    "Page": "engine.offer.resource",
    "Prompt": "engine.offer.prompt",
    "PromptArgument": "engine.offer.prompt",
    "Resource": "engine.offer.resource",
    "ResourceTemplate": "engine.offer.resource",
    "TaskUse": "engine.tasks.use",
    "Tool": "engine.offer.tool",
    "ToolError": "errors",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the types are above
    """Fetch a public name from its home when it is first asked for.

    So that a command which only tells its version loads nothing else.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
