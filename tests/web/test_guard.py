import pytest
from entrance import make_state
from multidict import CIMultiDict
from web_double import assert_problem

from atoms_mcp.errors import ConfigError
from atoms_mcp.web.guard import parse_origins

APP = "https://app.example.com"
DOORS = [
    ("POST", "/api/mcp"),
    ("POST", "/api/mcp/tools/call"),
    ("POST", "/auth/login"),
    ("GET", "/auth/status"),
    ("GET", "/.well-known/oauth-protected-resource"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/nowhere"),
]


@pytest.mark.requirement("t20-host")
@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "\xff"]
)
async def test_a_name_that_is_not_ours_is_refused_at_every_door(web, method, path, host):
    answer = await web.ask(method, path, headers={"Host": host})

    assert_problem(answer, 421, "unknown_host")
    assert "ATOMS_ALLOWED_HOSTS" in answer.told["hint"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_the_names_of_loopback_are_ours(web, name):
    answer = await web.ask("GET", "/healthz", headers={"Host": f"{name}:{web.port}"})

    assert answer.status == 200


@pytest.mark.requirement("http-origin")
@pytest.mark.parametrize(
    ("method", "path"), [door for door in DOORS if "well-known" not in door[1]]
)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://127.0.0.1", "https://app.example.com"]
)
async def test_a_page_of_a_stranger_is_refused_at_every_door(supabase, web, method, path, origin):
    answer = await web.ask(method, path, headers={"Origin": origin}, token=supabase.token())

    assert_problem(answer, 403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert supabase.seen == []


@pytest.mark.requirement("http-origin")
async def test_our_own_pages_and_configured_ones_are_let_in(supabase, make_web):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=f"{APP}, https://other.example/")
    for origin in (web.url, APP, "https://other.example"):
        answer = await web.call("whoami", headers={"Origin": origin}, token=supabase.token())
        assert answer.status == 200


async def test_a_page_under_another_of_our_names_is_a_stranger(web):
    answer = await web.ask("GET", "/healthz", headers={"Origin": f"http://localhost:{web.port}"})

    assert_problem(answer, 403, "origin_not_allowed")


async def test_public_documents_are_for_every_page(web):
    answer = await web.ask(
        "GET", "/.well-known/oauth-protected-resource", headers={"Origin": "https://evil.example"}
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    "origin", ["*", "null", "app.example.com", "https://", "https://a.example/path", "https://a/b/"]
)
def test_what_is_no_origin_is_a_fault_of_the_settings(origin):
    with pytest.raises(ConfigError, match="ATOMS_ALLOWED_ORIGINS"):
        parse_origins([origin])


def test_origins_are_taken_as_browsers_send_them():
    assert parse_origins(["https://App.Example.com/", "http://localhost:3000"]) == (
        "https://app.example.com",
        "http://localhost:3000",
    )


async def sign_in(visit, **headers):
    """Send a form of ours, as browsers do unless `headers` say otherwise."""
    fields = {"email": "ada@acme.example", "password": "correct-horse-demo"}
    return await visit.post("/sign-in", {"state": make_state(visit), **fields}, **headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": None}, 303),
        ({"Origin": None, "Sec-Fetch-Site": None}, 303),
        ({"Origin": "SELF", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": None}, 403),
        ({"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": None, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": ""}, 403),
    ],
)
async def test_only_pages_of_this_site_can_send_the_form(supabase, visit, headers, status):
    headers = {k: visit.web.url if v == "SELF" else v for k, v in headers.items()}
    page = await sign_in(visit, **headers)

    assert page.status == status
    assert supabase.count("/auth/v1/token") == (1 if status == 303 else 0)
    assert ("atoms_session" in visit.cookies) == (status == 303)


async def test_an_origin_that_may_call_with_a_token_may_send_no_form(make_web, make_visit):
    visit = await make_visit(await make_web(ATOMS_ALLOWED_ORIGINS="https://app.example.com"))

    page = await sign_in(visit, Origin="https://app.example.com")

    assert page.status == 403
    assert "Access-Control-Allow-Origin" not in page.headers


async def test_on_plain_http_in_a_network_browsers_cannot_say_more(make_web, make_visit):
    web = await make_web(ATOMS_FASTMCP_BASE_URL="http://intranet.example")
    visit = await make_visit(web)
    here = {"Host": "intranet.example", "Sec-Fetch-Site": None}

    assert (await sign_in(visit, **here)).status == 303
    assert (await sign_in(visit, **here, Origin="http://evil.example")).status == 403


@pytest.mark.parametrize("path", ["/api/mcp", "/auth/login", "/sign-in"])
async def test_two_origins_are_as_good_as_a_foreign_one(make_web, path):
    web = await make_web(ATOMS_ALLOWED_ORIGINS="https://app.example")

    for origins in (["https://app.example", "https://app.example"], [web.url, web.url]):
        headers = CIMultiDict(("Origin", origin) for origin in origins)
        answer = await web.client.request("POST", path, headers=headers)
        assert answer.status == 403
