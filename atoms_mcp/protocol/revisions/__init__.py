"""Every revision that is served, and which one a message belongs to.

A further revision is a row in its family's module, or a module of its own and a line here.
"""

from collections.abc import Mapping

from atoms_mcp.protocol.headers import PROTOCOL_VERSION, Headers
from atoms_mcp.protocol.jsonrpc import Call
from atoms_mcp.protocol.results import Server
from atoms_mcp.protocol.revisions import handshake, stateless
from atoms_mcp.protocol.revisions.handshake import Handshake
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.protocol.revisions.stateless import Stateless

SUPPORTED = (*stateless.NAMES, *(row.name for row in handshake.ROWS))
NEWEST_HANDSHAKE = handshake.ROWS[0].name


class Revisions:
    """The table of revisions for one server, with all that can be encoded ahead encoded."""

    def __init__(self, server: Server) -> None:
        self.stateless: Mapping[str, Stateless] = {
            name: Stateless(name, server, SUPPORTED) for name in stateless.NAMES
        }
        self.handshakes: Mapping[str, Handshake] = {
            row.name: Handshake(row, server) for row in handshake.ROWS
        }

    @property
    def all(self) -> tuple[Revision, ...]:
        """Every revision, newest first."""
        return (*self.stateless.values(), *self.handshakes.values())

    def admit(self, call: Call, headers: Headers | None) -> Stateless:
        """Give the revision of a stateless request, or refuse it.

        Raises:
            RpcError: what the ladder of `stateless.admit` says.
        """
        return self.stateless[stateless.admit(call, headers, SUPPORTED)]

    def negotiate(self, asked: str) -> Handshake:
        """Give the revision that answers an `initialize`: the one asked for, or the newest."""
        return self.handshakes.get(asked) or self.handshakes[NEWEST_HANDSHAKE]


def is_stateless(call: Call, headers: Headers | None, *, has_session: bool) -> bool:
    """Tell whether a message belongs to the stateless family.

    A version in `_meta` decides. Without one, a header that names a stateless or an unknown
    revision does, but not for `initialize`, and an unknown one not inside a session, whose
    own check has the better message.

    Source: MCP 2026-07-28 basic/versioning, Backward Compatibility.
    """
    meta = call.params.get("_meta")
    if type(meta) is dict and meta.get(stateless.VERSION_KEY) is not None:
        return True
    named = None if headers is None else headers.get(PROTOCOL_VERSION)
    if named is None or call.method == "initialize":
        return False
    return named in stateless.NAMES or (named not in SUPPORTED and not has_session)


def omits_unknown_id(named: str | None) -> bool:
    """Tell by the header whether an error without a readable id leaves the id out, or says null."""
    return named is not None and named not in SUPPORTED[len(stateless.NAMES) :]
