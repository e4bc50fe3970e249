"""A command waits, and one browser signs in for it."""

import pytest

from atoms_mcp.web import keys
from atoms_mcp.web.landing import Landing


@pytest.fixture
async def landing():
    return Landing()


@pytest.fixture
async def web(make_web, landing):
    return await make_web(routes=[landing.route])


async def test_whoever_comes_signs_in_first_and_comes_back(visit, landing):
    page = await visit.get(landing.path)
    form = next(form for form in page.forms if form.action == "/sign-in")

    sent = {**form.fields, "email": "ada@acme.example", "password": visit.web.supabase.password}
    answer = await visit.post("/sign-in", sent)

    assert answer.status == 303
    assert answer.location.endswith(landing.path)
    assert "You are signed in" in (await visit.get(landing.path)).text


async def test_the_command_gets_the_session_and_the_browser_keeps_none(signed_in, landing):
    page = await signed_in.get(landing.path)

    session = await landing.wait()
    assert session.user.email == "ada@acme.example"
    assert "ada@acme.example" in page.text
    assert session.access_token not in page.raw.decode()
    assert "atoms_session" not in signed_in.cookies


async def test_whoever_comes_second_changes_nothing(make_visit, signed_in, landing):
    await signed_in.get(landing.path)
    first = await landing.wait()

    late = await make_visit(signed_in.web, is_signed_in=True, session_id="session-2")
    await late.get(landing.path)

    assert await landing.wait() is first


async def test_a_session_that_is_over_is_signed_in_again(signed_in, landing):
    visitor = signed_in.web.app[keys.BROWSERS].read(signed_in.cookies["atoms_session"])
    await signed_in.web.app[keys.BROWSERS].end(visitor)

    page = await signed_in.get(landing.path)

    assert page.status == 303
    assert page.location.endswith(landing.path)
    assert "atoms_session" not in signed_in.cookies


async def test_nobody_can_guess_where_a_command_waits(web):
    assert Landing().path != Landing().path
    assert (await web.ask("GET", "/signed-in/x")).status == 404
