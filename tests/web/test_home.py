import pytest

HTTPS = "https://mcp.example.com"


async def test_the_page_shows_the_address_of_this_server(make_web, make_visit):
    web = await make_web(ATOMS_FASTMCP_BASE_URL=HTTPS)
    visit = await make_visit(web)
    page = await visit.get("/", Host="mcp.example.com")

    assert page.status == 200
    assert page.title == "Connect · Atoms"
    assert f"{HTTPS}/api/mcp" in page.text
    assert f"claude mcp add --transport http atoms {HTTPS}/api/mcp" in page.text
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    for link in ("/account", "/healthz", "/.well-known/oauth-protected-resource"):
        assert link in page.links
    assert "Set-Cookie" not in page.headers


async def test_under_another_of_its_names_it_shows_that_one(web, visit):
    page = await visit.get("/", Host=f"localhost:{web.port}")

    assert f"http://localhost:{web.port}/api/mcp" in page.text


async def test_whoever_is_signed_in_finds_their_account(signed_in):
    assert "ada@acme.example" in (await signed_in.get("/")).text


async def test_without_access_tokens_of_the_project_scripts_are_not_shown_how(make_web, make_visit):
    visit = await make_visit(await make_web(ATOMS_ACCEPT_SUPABASE_JWT="off"))

    assert "/auth/login" not in (await visit.get("/")).text


@pytest.mark.parametrize("accept", ["application/json", "application/json, text/event-stream"])
async def test_a_program_that_asks_for_json_gets_it(web, accept):
    answer = await web.ask("GET", "/", headers={"Accept": accept})

    assert answer.told == {
        "name": "Atoms",
        "mcp_url": f"{web.url}/api/mcp",
        "protected_resource_metadata": f"{web.url}/.well-known/oauth-protected-resource",
        "account_url": f"{web.url}/account",
        "health_url": f"{web.url}/healthz",
    }
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", [None, "*/*", "text/html, application/json;q=0.9"])
async def test_everybody_else_gets_the_page(web, accept):
    headers = {} if accept is None else {"Accept": accept}

    assert (await web.ask("GET", "/", headers=headers)).content_type == "text/html"


async def test_nothing_else_is_done_here(web):
    answer = await web.ask("POST", "/", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert (answer.status, answer.content_type) == (405, "application/json")
