import pytest
from web_double import assert_problem

ROOT = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/api/mcp"])
async def test_the_document_is_the_same_at_both_places(supabase, web, path):
    answer = await web.ask("GET", path)

    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert "max-age" in answer.headers["Cache-Control"]
    assert answer.told == {
        "resource": f"{web.url}/api/mcp",
        "authorization_servers": [supabase.issuer],
        "scopes_supported": ["atoms:read", "atoms:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Atoms",
    }


async def test_the_resource_is_the_url_that_was_typed(web):
    answer = await web.ask("GET", ROOT, headers={"Host": f"localhost:{web.port}"})

    assert answer.told["resource"] == f"http://localhost:{web.port}/api/mcp"


async def test_a_challenge_leads_to_the_document(web):
    challenge = (await web.ask("POST", "/api/mcp")).headers["WWW-Authenticate"]
    where = challenge.split('resource_metadata="')[1].split('"')[0]

    assert where.startswith(web.url)
    answer = await web.ask("GET", where.removeprefix(web.url))
    assert answer.told["resource"] == f"{web.url}/api/mcp"


async def test_headers_of_a_proxy_change_nothing(web):
    answer = await web.ask(
        "GET",
        ROOT,
        headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    )

    assert answer.told["resource"] == f"{web.url}/api/mcp"


async def test_another_path_of_the_endpoint_has_its_document(make_web):
    web = await make_web(ATOMS_FASTMCP_HTTP_PATH="/mcp")

    answer = await web.ask("GET", f"{ROOT}/mcp")
    assert answer.told["resource"] == f"{web.url}/mcp"
    assert (await web.ask("POST", "/mcp")).status == 401
    assert_problem(await web.ask("GET", f"{ROOT}/api/mcp"), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/api/mcp",
        "/.well-known/openid-configuration",
        f"{ROOT}/other",
        "/.well-known/",
        "/.well-known/%ff%00",
    ],
)
async def test_other_documents_are_a_clean_404(web, path):
    answer = await web.ask("GET", path, headers={"Origin": "https://inspector.example"})

    assert_problem(answer, 404, "not_found")


async def test_a_slash_too_many_is_shown_the_way(web):
    for method in ("GET", "POST"):
        answer = await web.ask(method, "/api/mcp/")
        assert answer.status == 308
        assert answer.headers["Location"] == f"{web.url}/api/mcp"
