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
"""

__version__ = "0.1.0"
