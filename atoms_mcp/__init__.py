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
    from atoms_mcp.engine.change import Change
    from atoms_mcp.engine.context import Context
    from atoms_mcp.engine.inputs import ElicitAnswer, InputRequest
    from atoms_mcp.engine.prompt import Message, Prompt, PromptArgument
    from atoms_mcp.engine.resource import NoSuchResource, Page, Resource, ResourceTemplate
    from atoms_mcp.engine.task_use import TaskUse
    from atoms_mcp.engine.tool import Content, Tool
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
    "Change": "engine.change",
    "Content": "engine.tool",
    "Context": "engine.context",
    "ElicitAnswer": "engine.inputs",
    "InputRequest": "engine.inputs",
    "Message": "engine.prompt",
    "NoSuchResource": "engine.resource",
    "Page": "engine.resource",
    "Prompt": "engine.prompt",
    "PromptArgument": "engine.prompt",
    "Resource": "engine.resource",
    "ResourceTemplate": "engine.resource",
    "TaskUse": "engine.task_use",
    "Tool": "engine.tool",
    "ToolError": "errors",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the types are above
    """Fetch a public name from its home when it is first asked for.

    So that a command which only tells its version loads nothing else.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
