"""Keys that seal everything are replaced while people are signed in."""

import asyncio
from urllib.parse import parse_qsl, urlsplit

from app_double import running_app
from person import Person

OLD, NEW = "o" * 32, "n" * 32


async def approve(app, person):
    where = await asyncio.to_thread(person.approve, app.link())
    return await app.redeem(dict(parse_qsl(urlsplit(where).query))["code"])


async def refresh(app, tokens):
    return await app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])


async def works(app, tokens):
    answer = await app.call(tokens["access_token"], "workspace_tool", operation="get_context")
    return answer.status_code == 200


async def test_a_key_is_replaced_and_nobody_is_logged_out(start_server, stack, free_port, tmp_path):
    address = {"ATOMS_FASTMCP_PORT": str(free_port()), "ATOMS_STATE_DIR": str(tmp_path)}
    server = start_server(stack, **address, ATOMS_SECRET_KEY=OLD)
    person = Person()
    async with running_app(server, "Inspector") as app:
        before = await approve(app, person)

        assert server.process.stop() == 0
        server = start_server(stack, **address, ATOMS_SECRET_KEY=f"{NEW},{OLD}")
        assert await works(app, before)
        after = (await refresh(app, before)).json()
        # The client is known as before, and so is the browser.
        assert await works(app, await approve(app, person))
        assert person.typed == 1

        assert server.process.stop() == 0
        start_server(stack, **address, ATOMS_SECRET_KEY=NEW)
        assert await works(app, after)
        assert not await works(app, before)
        # A registration of the old key is told in the words by which clients register anew.
        assert (await refresh(app, after)).json()["error"] == "invalid_client"
        await app.register()
        assert await works(app, await approve(app, person))
