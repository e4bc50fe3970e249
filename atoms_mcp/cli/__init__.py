"""The command line: `commands` reads options and settings, `banner` is what people read."""

from atoms_mcp.cli.commands import main

__all__ = ["main"]
