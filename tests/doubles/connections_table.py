"""The table of connected clients behind a double's REST interface, in small."""

import json
import time
from datetime import UTC, datetime

from aiohttp import web

PLACE = "/rest/v1/mcp_grants"


async def hold(web, gid, session_id="session-1"):
    """Let the store know a grant as Ada's, as a redeemed code does."""
    holders = web.chains.holders
    await holders.add(web.supabase.user_id, session_id, gid, web.clock() + 3600)


class ConnectionsTable:
    """Rows by id; takes what `identity.connections` sends. Whose they are is not looked at."""

    def __init__(self, supabase):
        self.rows = {}
        supabase.faults[PLACE] = self.handle

    def add(self, gid, name="Inspector", **changed):
        stamp = datetime.fromtimestamp(time.time() - 7200, UTC).isoformat()
        self.rows[gid] = {
            "id": gid,
            "client_key": "registered:0123456789ab",
            "client_name": name,
            "client_host": None,
            "redirect_host": "client.example",
            "scope": "atoms:read atoms:write",
            "session_id": "session-1",
            "created_at": stamp,
            "last_used_at": stamp,
        } | changed

    async def handle(self, request):
        which = request.query.get("id", "")
        gid = which.removeprefix("eq.")
        if request.method == "GET":
            return web.json_response(list(self.rows.values()))
        if request.method == "POST":
            row = json.loads(await request.read())
            if row["id"] not in self.rows:
                self.add(row["id"], row["client_name"])
                self.rows[row["id"]] |= row
            return web.Response(status=201)
        if which == "not.is.null":
            self.rows.clear()
        elif request.method == "DELETE":
            self.rows.pop(gid, None)
        return web.Response(status=204)
