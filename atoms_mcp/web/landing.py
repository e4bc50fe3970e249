"""Where one browser lands that signs in for a command on this machine.

The command serves the pages for as long as it waits, and gives away an address that nobody can
guess: whoever signs in there signs in for the command.
"""

import asyncio
import secrets

from aiohttp import web

from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.supabase.auth import Session
from atoms_mcp.web.keys import BROWSERS, Access, Cors, Route
from atoms_mcp.web.pages import render_page
from atoms_mcp.web.sign_in import render_sign_in
from atoms_mcp.web.visitor import drop_cookie, get_visitor, sign_in_again


class Landing:
    """Waits for one sign-in. `path` is where to send the browser.

    `cookie` is the name of its sign-in, apart from that of a server on another port.
    """

    cookie = "atoms_command"

    def __init__(self) -> None:
        self.path = f"/signed-in/{secrets.token_urlsafe(16)}"
        self._arrived: asyncio.Future[Session] = asyncio.get_running_loop().create_future()

    @property
    def route(self) -> Route:
        """The row for the table of routes."""
        return Route("GET", self.path, self._land, Access.OPEN, Cors.SELF, shows="page")

    async def wait(self) -> Session:
        """Give the session of whoever signed in."""
        return await self._arrived

    async def _land(self, request: web.Request) -> web.Response:
        """Ask for a sign-in first; then say that the browser has done its part."""
        visitor = get_visitor(request)
        if visitor is None:
            return await render_sign_in(request, self.path)
        try:
            session = await request.app[BROWSERS].current(visitor)
        except SessionOver:
            return sign_in_again(request, self.path)
        response = render_page(request, "signed_in.html", {"email": visitor.email})
        # The session is the command's from here on.
        drop_cookie(request, response)
        if not self._arrived.done():
            self._arrived.set_result(session)
        return response
