"""From a client's link to its tools and back: consent and account, with a real browser."""

import re
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from app_double import running_app
from page_audit import audit, walk
from playwright.async_api import expect

PASSWORD = "correct-horse-demo"
# A moment in the tooltip of its words.
EXACT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
SEALED = ("access_token", "refresh_token")
LOOKS = 50

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def make_app(pages_server):
    """Start clients by name."""
    async with AsyncExitStack() as running:

        async def make(name):
            return await running.enter_async_context(running_app(pages_server, name))

        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def app(make_app):
    return await make_app("Inspector")


@pytest.fixture
def email(pages_stack):
    """An account of its own for the test."""
    return pages_stack.new_account()


LONG = "A client with quite a long name that goes on and on and on for a while"


async def sign_in(page, email, password=PASSWORD):
    await page.get_by_label("Email", exact=True).fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def connect(page, app, email=None, *, access="Read and write"):
    """Go the whole way of one client, signing in if asked, and give its tokens."""
    await page.goto(app.link())
    if email is not None:
        await sign_in(page, email)
    await page.get_by_label(access).check()
    await page.get_by_role("button", name="Approve").click()
    await expect(page).to_have_title("Connected")
    return await app.redeem((await app.answer())["code"])


async def assert_works(app, tokens):
    answer = await app.call(tokens["access_token"], "workspace_tool", operation="get_context")
    assert answer.status_code == 200
    told = answer.json()
    assert not told.get("isError")
    return told["content"][0]["text"]


async def assert_ended(app, tokens):
    """Neither of a client's tokens is good for anything."""
    answer = await app.call(tokens["access_token"], "workspace_tool", operation="get_context")
    assert answer.status_code == 401
    renewed = await app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 400
    assert renewed.json()["error"] == "invalid_grant"


async def test_from_the_link_to_the_tools_with_a_wrong_password_first(
    page, pages_server, app, email
):
    await page.goto(app.link())
    await expect(page.get_by_text("to continue to Inspector")).to_be_visible()
    await sign_in(page, email, "wrong-password")
    await expect(page.get_by_role("alert")).to_contain_text("Email or password is wrong.")
    await sign_in(page, email)

    await expect(page).to_have_title("Connect Inspector · Atoms")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect Inspector to Atoms?")
    for said in (email, "A program on this computer", "localhost", "Not verified"):
        await expect(page.get_by_text(said).first).to_be_visible()
    await expect(page.get_by_role("status")).to_contain_text("Approve only if")
    await expect(page.get_by_label("Read and write")).to_be_checked()
    await audit(page)
    await walk(page, 6)
    await page.get_by_role("button", name="Approve").click()

    await expect(page).to_have_title("Connected")
    told = await app.answer()
    assert told["state"] == "state of Inspector"
    assert told["iss"] == pages_server.url
    tokens = await app.redeem(told["code"])
    assert tokens["scope"] == "atoms:read atoms:write"
    assert email in await assert_works(app, tokens)
    assert all(secret not in page.url for secret in (tokens[name] for name in SEALED))


async def test_a_person_allows_reading_only(page, app, email):
    tokens = await connect(page, app, email, access="Read only")

    assert tokens["scope"] == "atoms:read"
    await assert_works(app, tokens)
    write = {"operation": "create", "entity_type": "organization", "data": {"title": "New"}}
    refused = await app.call(tokens["access_token"], "entity_tool", **write)
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    renewed = await app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.json()["scope"] == "atoms:read"


async def test_a_person_says_no(page, pages_server, app, email):
    await page.goto(app.link())
    await sign_in(page, email)

    await page.get_by_role("button", name="Deny").click()

    await expect(page).to_have_title("Connected")
    told = await app.answer()
    assert (told["error"], told["iss"]) == ("access_denied", pages_server.url)
    assert told["state"] == "state of Inspector"
    assert "code" not in told


async def test_the_second_client_takes_a_click_but_never_less(page, make_app, app, email):
    first = await connect(page, app, email)
    other = await make_app("Claude")

    await page.goto(other.link())
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect Claude to Atoms?")
    assert other.told == []
    second = await connect(page, other)
    again = await connect(page, other)

    for app_, tokens in ((app, first), (other, second), (other, again)):
        await assert_works(app_, tokens)


async def test_going_back_and_approving_again_works(page, app, email):
    first = await connect(page, app, email)

    await page.go_back()
    await page.get_by_role("button", name="Approve").click()

    await expect(page).to_have_title("Connected")
    second = await app.redeem((await app.answer())["code"])
    await assert_works(app, first)
    await assert_works(app, second)


async def test_not_you(page, pages_stack, app, email):
    await page.goto(app.link())
    await sign_in(page, email)
    await page.get_by_role("button", name="Not you?").click()
    other = pages_stack.new_account()
    await expect(page.get_by_text("to continue to Inspector")).to_be_visible()
    await sign_in(page, other)

    await expect(page.get_by_text(other)).to_be_visible()
    await page.get_by_role("button", name="Approve").click()

    await expect(page).to_have_title("Connected")
    tokens = await app.redeem((await app.answer())["code"])
    assert other in await assert_works(app, tokens)


async def test_the_account_lists_what_is_connected_and_ends_one_of_them(
    page, pages_server, make_app, app, email
):
    other = await make_app("Claude")
    ended = await connect(page, app, email)
    kept = await connect(page, other, access="Read only")
    rows = page.get_by_role("listitem")
    for _ in range(LOOKS):  # what was connected a moment ago may come with the next visit
        await page.goto(f"{pages_server.url}/account")
        if await rows.filter(has_text="Claude").count():
            break
    await expect(rows.filter(has_text="Inspector")).to_contain_text("Read and write")
    await expect(rows.filter(has_text="Claude")).to_contain_text("Read only")
    await expect(rows.filter(has_text="Claude")).to_contain_text("just now")
    await expect(page.locator("time").first).to_have_attribute("title", EXACT)
    await audit(page)
    await walk(page, 6)

    await page.get_by_role("button", name="Disconnect Inspector").click()

    await expect(page.get_by_role("status")).to_contain_text("The app is disconnected.")
    await expect(rows.filter(has_text="Inspector")).to_have_count(0)
    await expect(rows.filter(has_text="Claude")).to_have_count(1)
    await audit(page)
    await assert_ended(app, ended)
    await assert_works(other, kept)
    await page.reload()
    await expect(page.get_by_text("The app is disconnected.")).to_have_count(0)


async def test_signing_out_here_leaves_the_apps_connected(page, pages_server, app, email):
    tokens = await connect(page, app, email)
    await page.goto(f"{pages_server.url}/account")

    await page.get_by_role("button", name="Sign out here").click()

    await expect(page.get_by_role("heading")).to_have_text("You are signed out in this browser.")
    await audit(page)
    assert "atoms_session" not in {cookie["name"] for cookie in await page.context.cookies()}
    await assert_works(app, tokens)
    await page.go_back()
    await page.reload()
    await expect(page.get_by_label("Password", exact=True)).to_be_visible()


async def test_signing_out_everywhere_ends_every_browser_and_app(
    page, new_page, pages_server, make_app, app, email
):
    other = await make_app("Claude")
    elsewhere = await new_page()
    tokens = [(app, await connect(page, app, email))]
    tokens.append((other, await connect(elsewhere, other, email)))
    await page.goto(f"{pages_server.url}/account")

    await page.get_by_role("button", name="Sign out everywhere").click()

    await expect(page.get_by_role("heading")).to_have_text("You are signed out everywhere.")
    for app_, held in tokens:
        await assert_ended(app_, held)
    await elsewhere.goto(app.link())
    await expect(elsewhere.get_by_label("Password", exact=True)).to_be_visible()
    await page.goto(f"{pages_server.url}/account")
    await sign_in(page, email)
    await expect(page.get_by_text("No app is connected.")).to_be_visible()


async def test_the_way_works_without_a_script(new_page, app, email):
    page = await new_page(java_script_enabled=False)

    tokens = await connect(page, app, email)

    await assert_works(app, tokens)


async def test_a_web_client_hears_from_the_window_that_it_opened(page, app, email):
    opener = app.hold(
        "opener",
        f'<button onclick="window.open(`{app.link()}`)">Connect</button>'
        "<script>addEventListener('message', (said) => document.title = said.data)</script>",
    )
    await page.goto(opener)
    async with page.expect_popup() as opened:
        await page.get_by_role("button").click()
    window = await opened.value
    await sign_in(window, email)
    await window.get_by_role("button", name="Approve").click()

    await expect(page).to_have_title("done")


# Supabase's own OAuth server, with our page


@pytest_asyncio.fixture(loop_scope="session")
async def guest(delegated):
    """A client of that project."""
    async with running_app(delegated, "Inspector") as app:
        yield app


async def test_the_page_serves_supabases_own_server(page, look, delegated, guest):
    await page.goto(guest.link())
    await sign_in(page, "ada@acme.example")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect Inspector to Atoms?")
    await expect(page.get_by_text("Your email address")).to_be_visible()
    await look(page, "delegated")
    link = page.url

    await page.get_by_role("button", name="Approve").click()

    await expect(page).to_have_title("Connected")
    told = await guest.answer()
    assert told["state"] == "state of Inspector"
    await assert_works(guest, await guest.redeem(told["code"]))
    assert (await guest.http.get(f"{delegated.url}/oauth/authorize")).status_code == 404
    await page.goto(f"{delegated.url}/account")
    await expect(page.get_by_role("listitem").filter(has_text="Inspector")).to_be_visible()
    await look(page, "delegated-account")
    await page.goto(link)
    await expect(page.get_by_role("heading")).to_have_text("This request is over.")
    await look(page, "delegated-over")


async def test_supabase_remembers_a_consent_and_a_click_is_asked_for_all_the_same(
    page, look, delegated, guest
):
    email = "bob@umbrella.example"
    await page.goto(guest.link())
    await sign_in(page, email)
    await page.get_by_role("button", name="Approve").click()
    await guest.answer()

    await page.goto(guest.link())
    await expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert len(guest.told) == 1
    await look(page, "delegated-again")
    await page.get_by_role("button", name="Go on").click()
    await expect(page).to_have_title("Connected")
    await assert_works(guest, await guest.redeem((await guest.answer())["code"]))

    # Ended, it is asked for as if it had never been.
    await page.goto(f"{delegated.url}/account")
    await page.get_by_role("button", name="Disconnect Inspector").click()
    await expect(page.get_by_role("status")).to_contain_text("The app is disconnected.")
    await page.goto(guest.link())
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()


async def test_a_person_says_no_to_supabases_own_server(page, guest):
    await page.goto(guest.link())
    await sign_in(page, "vic@acme.example")

    await page.get_by_role("button", name="Deny").click()

    await expect(page).to_have_title("Connected")
    assert (await guest.answer())["error"] == "access_denied"


# How it looks


async def test_each_page_is_fit_to_be_seen(page, look, pages_server, make_app, app):
    email = "ada@acme.example"
    account = f"{pages_server.url}/account"
    await page.goto(app.link())
    await look(page, "consent-sign-in")
    await sign_in(page, email)
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    await look(page, "consent")
    await page.goto(app.link(scope="atoms:read"))
    await look(page, "consent-read")
    await page.goto(app.link(redirect_uri="https://evil.example/cb"))
    await look(page, "consent-refused")
    await page.goto(account)
    await look(page, "account-empty")
    for name in ("Claude", LONG):
        await connect(page, await make_app(name), access="Read only")
    await connect(page, app)
    await page.goto(account)
    await look(page, "account")
    await page.get_by_role("button", name="Disconnect Claude").click()
    await look(page, "account-notice")
    await page.get_by_role("button", name="Sign out here").click()
    await look(page, "signed-out")


async def test_a_client_of_the_operators_own_is_vouched_for(
    page, look, start_server, pages_stack, tmp_path
):
    file = tmp_path / "clients.toml"
    file.write_text(
        '[[client]]\nclient_id = "desk"\nclient_name = "Acme Desk"\n'
        'redirect_uris = ["https://desk.acme.example/callback"]\n'
    )
    server = start_server(pages_stack, ATOMS_OAUTH_CLIENTS=str(file))
    arrived = []
    await page.route(
        "https://desk.acme.example/**",
        lambda route: (arrived.append(route.request.url), route.fulfill(body="Welcome"))[1],
    )
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    await page.goto(
        f"{server.url}/oauth/authorize?response_type=code&client_id=desk"
        f"&code_challenge={challenge}&code_challenge_method=S256"
    )
    await sign_in(page, "ada@acme.example")
    await expect(page.get_by_text("Set up by the operator")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_count(0)
    await look(page, "consent-verified")

    await page.get_by_role("button", name="Approve").click()

    await expect(page.get_by_text("Welcome")).to_be_visible()
    assert arrived[0].startswith("https://desk.acme.example/callback?code=")


async def test_without_the_table_apps_connect_and_the_account_says_what_is_missing(
    page, look, start_stack, start_server, tmp_path
):
    stack = start_stack(tmp_path)
    connection = await asyncpg.connect(stack.dsn)
    await connection.execute("drop table public.mcp_grants; notify pgrst, 'reload schema'")
    await connection.close()
    server = start_server(stack)

    async with running_app(server, "Inspector") as app:
        tokens = await connect(page, app, "ada@acme.example")
        await assert_works(app, tokens)
        await page.goto(f"{server.url}/account")
        await expect(page.get_by_role("status")).to_contain_text("atoms-mcp schema")
        await look(page, "account-missing")
        await page.get_by_role("button", name="Sign out everywhere").click()
        await expect(page.get_by_role("heading")).to_have_text("You are signed out everywhere.")
        await assert_ended(app, tokens)


# Hostile sites


@pytest.mark.parametrize("place", ["link", "account"])
async def test_no_page_shows_inside_of_another_site(browser, pages_server, app, email, place):
    # A browser whose complaints are looked at: they are what is wanted here.
    context = await browser.new_context()
    page = await context.new_page()
    complaints = []
    page.on("console", lambda said: complaints.append(said.text))
    await page.goto(f"{pages_server.url}/sign-in")
    await sign_in(page, email)
    await expect(page).to_have_url(f"{pages_server.url}/account")
    target = app.link() if place == "link" else f"{pages_server.url}/account"

    await page.goto(app.hold("frame", f'<iframe src="{target.replace("&", "&amp;")}"></iframe>'))
    await expect(page.locator("iframe")).to_be_visible()

    inside = page.frames[1]
    assert not inside.url.startswith(pages_server.url)
    assert await inside.locator("button").count() == 0
    assert any("frame-ancestors" in said or "X-Frame-Options" in said for said in complaints)
    await context.close()


async def test_a_form_that_another_site_sends_is_refused(page, pages_server, app, email):
    tokens = await connect(page, app, email)
    await page.goto(f"{pages_server.url}/account")
    state = await page.locator("input[name=state]").first.get_attribute("value")
    # Even with a state that it cannot have.
    hostile = app.hold(
        "hostile",
        f'<form method="post" action="{pages_server.url}/account/sign-out">'
        f'<input name="state" value="{state}"><button name="where" value="everywhere">Win</button>'
        "</form>",
    )
    await page.goto(hostile)

    await page.get_by_role("button", name="Win").click()

    await expect(page.get_by_role("heading")).to_have_text("This form was sent from another site.")
    await audit(page)
    await assert_works(app, tokens)
    await page.goto(f"{pages_server.url}/account")
    await expect(page.get_by_text(email)).to_be_visible()


async def test_a_link_to_a_place_that_nobody_registered_leads_nowhere(page, pages_server, app):
    answer = await page.goto(app.link(redirect_uri="https://evil.example/cb"))

    assert answer.status == 400
    assert urlsplit(page.url).netloc == urlsplit(pages_server.url).netloc
    await expect(page.get_by_role("heading")).to_have_text("This sign-in link does not work")
    await audit(page)
