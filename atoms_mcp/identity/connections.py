"""Which clients a user has connected: a list for the user's own eyes, under the user's rules.

Kept in the table `mcp_grants` with the user's own token, so row-level security decides. No
token depends on it: a row that is missing takes nothing from a client, and one that is there
gives it nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from atoms_mcp.entities.rest import RestAnswer, RestRequest
from atoms_mcp.errors import AtomsError
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.rest import Rest

TABLE = "mcp_grants"
COLUMNS = (
    "id,client_key,client_name,client_host,redirect_host,scope,session_id,created_at,last_used_at"
)
# The table's own bounds; a name that is longer must not keep its client off the list.
MAX_KEY_CHARS = 2048
MAX_NAME_CHARS = 200
MAX_HOST_CHARS = 255
MAX_SCOPE_CHARS = 200
MAX_ROWS = 200
NO_TABLE = frozenset({"PGRST205", "42P01"})
KEY_CHARS = 12


class TableMissing(AtomsError):  # noqa: N818 - says what is the case
    """The project does not have the migration that makes the table."""

    def __init__(self) -> None:
        super().__init__(
            f"the project has no table {TABLE}; apply the migrations of this release to see "
            "and keep the list of connected clients"
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """One consent of a user for one client. `id` is the grant's, `session_id` Supabase's.

    `client_id` is a client's URL, or "registered:" and the beginning of a hash (`client_key`).
    `client_host` is None for a client that nobody vouches for. Times are in Unix seconds; the
    database sets them, whatever is recorded.
    """

    id: str
    client_id: str
    client_name: str
    client_host: str | None
    redirect_host: str
    scope: str
    session_id: str
    created_at: int = 0
    last_used_at: int = 0


def client_key(client_id: str) -> str:
    """Give what a client is listed by: its URL, or a short hash of a registered id."""
    if client_id.startswith("https://"):
        return client_id
    digest = hashlib.sha256(client_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"registered:{digest[:KEY_CHARS]}"


class Connections:
    """The list, as the user whose Supabase access token is given with each call.

    Every method raises `TableMissing`, `CallerExpired` and `SupabaseError`.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def record(self, connection: Connection, token: str) -> None:
        """Enter a connection; one that is there already stays as it is."""
        row = {
            "id": connection.id,
            "client_key": _clip(connection.client_id, MAX_KEY_CHARS),
            "client_name": _clip(connection.client_name, MAX_NAME_CHARS),
            "client_host": connection.client_host and _clip(connection.client_host, MAX_HOST_CHARS),
            "redirect_host": _clip(connection.redirect_host, MAX_HOST_CHARS),
            "scope": _clip(connection.scope, MAX_SCOPE_CHARS),
            "session_id": connection.session_id,
        }
        request = RestRequest(
            "POST",
            TABLE,
            query=(("on_conflict", "user_id,id"),),
            body=row,
            prefer=("return=minimal", "resolution=ignore-duplicates"),
        )
        await self._send(request, token)

    async def touch(self, gid: str, token: str) -> None:
        """Note that a connection was used; the database says when."""
        request = RestRequest(
            "PATCH",
            TABLE,
            query=(("id", f"eq.{gid}"),),
            body={"last_used_at": "now"},
            prefer=("return=minimal",),
        )
        await self._send(request, token)

    async def list(self, token: str) -> list[Connection]:
        """Give all connections of the user, the last used one first."""
        request = RestRequest(
            "GET",
            TABLE,
            query=(
                ("select", COLUMNS),
                ("order", "last_used_at.desc,id"),
                ("limit", str(MAX_ROWS)),
            ),
        )
        rows = (await self._send(request, token)).data
        if not isinstance(rows, list):
            raise SupabaseError("wrong", f"the answer of {TABLE} is no list")
        return [_read(row) for row in rows]

    async def remove(self, gid: str, token: str) -> None:
        """Strike a connection off; one that is not there is fine."""
        request = RestRequest(
            "DELETE", TABLE, query=(("id", f"eq.{gid}"),), prefer=("return=minimal",)
        )
        await self._send(request, token)

    async def clear(self, token: str) -> None:
        """Strike all of the user's connections off."""
        # A filter that every row fits: one without any is refused, here and elsewhere.
        request = RestRequest(
            "DELETE", TABLE, query=(("id", "not.is.null"),), prefer=("return=minimal",)
        )
        await self._send(request, token)

    async def _send(self, request: RestRequest, token: str) -> RestAnswer:
        try:
            return await self._rest.send(request, token)
        except SupabaseError as exc:
            if exc.code in NO_TABLE:
                raise TableMissing from exc
            raise


def _clip(text: str, limit: int) -> str:
    """Make a client's text one that the table takes: printable, and not too long."""
    return "".join(char for char in text if char.isprintable())[:limit] or "-"


def _read(row: Mapping[str, Any]) -> Connection:
    try:
        return Connection(
            id=_text(row, "id"),
            client_id=_text(row, "client_key"),
            client_name=_text(row, "client_name"),
            client_host=None if row["client_host"] is None else _text(row, "client_host"),
            redirect_host=_text(row, "redirect_host"),
            scope=_text(row, "scope"),
            session_id=_text(row, "session_id"),
            created_at=_time(row, "created_at"),
            last_used_at=_time(row, "last_used_at"),
        )
    except (KeyError, TypeError, ValueError):
        raise SupabaseError("wrong", f"a row of {TABLE} is not as expected") from None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _time(row: Mapping[str, Any], name: str) -> int:
    return int(datetime.fromisoformat(_text(row, name)).timestamp())
