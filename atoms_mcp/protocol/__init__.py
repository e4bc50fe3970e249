"""MCP and JSON-RPC as rules: no sockets, no clocks, no environment."""
