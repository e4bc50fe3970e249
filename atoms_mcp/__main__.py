"""``python -m atoms_mcp`` is the ``atoms-mcp`` command."""

from atoms_mcp.cli import main

main()
