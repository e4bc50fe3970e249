"""The methods of MCP, free of transport."""
