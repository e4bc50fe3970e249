"""How important a log message is: the names of syslog, from the least to the most.

Source: RFC 5424 section 6.2.1; MCP 2026-07-28 server/utilities/logging.
"""

from typing import Final, Literal, get_args

from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, RpcError

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)


def read_level(value: object) -> Level:
    """Give the level that a client names.

    Raises:
        RpcError: -32602; there is no such level.
    """
    for level in LEVELS:
        if value == level:
            return level
    raise RpcError(INVALID_PARAMS, f"there is no such level; the levels are {', '.join(LEVELS)}")


def reaches(level: Level, wanted: Level) -> bool:
    """Tell whether a message of `level` is heard by who wants `wanted` and above."""
    return LEVELS.index(level) >= LEVELS.index(wanted)
