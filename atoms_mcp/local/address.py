"""Where the gateway listens: the wanted port, or a free one that later starts take again.

The address is part of every token (`iss`), so it had better stay the same.
"""

import socket
from pathlib import Path

import orjson

from atoms_mcp.local.files import write_private

NAME = "gateway.json"
HOST = "127.0.0.1"
HIGHEST_PORT = 65535


def bind(state_dir: Path, wanted: int) -> socket.socket:
    """Bind a socket on loopback to `wanted` (0: any), else to a free port.

    A port that was chosen for the same `wanted` before is tried first.
    """
    for port in (*_remembered(state_dir, wanted), wanted):
        bound = _try(port)
        if bound is not None:
            break
    else:
        bound = _bound(0)
    chosen = {"wanted": wanted, "port": bound.getsockname()[1]}
    write_private(state_dir / NAME, orjson.dumps(chosen).decode() + "\n")
    return bound


def _remembered(state_dir: Path, wanted: int) -> tuple[int, ...]:
    try:
        said = orjson.loads((state_dir / NAME).read_bytes())
        port = int(said["port"])
        return (port,) if said["wanted"] == wanted and 0 < port <= HIGHEST_PORT else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _try(port: int) -> socket.socket | None:
    try:
        return _bound(port)
    except OSError:
        return None


def _bound(port: int) -> socket.socket:
    # Listening, too: two sockets may be bound to one port until one of them listens.
    return socket.create_server((HOST, port))
