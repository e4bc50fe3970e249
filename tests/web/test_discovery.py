import pytest
from web_double import assert_problem

ROOT = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
METHODS = ["none", "client_secret_post", "client_secret_basic"]


@pytest.mark.requirement("auth-resource-metadata")
@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/api/mcp"])
async def test_the_document_is_the_same_at_both_places(web, path):
    answer = await web.ask("GET", path)

    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert "max-age" in answer.headers["Cache-Control"]
    assert answer.told == {
        "resource": f"{web.url}/api/mcp",
        "authorization_servers": [web.url],
        "scopes_supported": ["atoms:read", "atoms:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Atoms",
    }


@pytest.mark.requirement("auth-resource-url")
async def test_the_resource_is_the_url_that_was_typed(web):
    answer = await web.ask("GET", ROOT, headers={"Host": f"localhost:{web.port}"})

    assert answer.told["resource"] == f"http://localhost:{web.port}/api/mcp"


@pytest.mark.requirement("auth-challenge")
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


@pytest.mark.requirement("auth-server-metadata")
@pytest.mark.parametrize("path", [SERVER, f"{SERVER}/api/mcp", OPENID, f"{OPENID}/api/mcp"])
async def test_the_authorization_server_is_described_wherever_clients_look(web, path):
    answer = await web.ask("GET", path)

    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.told == {
        "issuer": web.url,
        "authorization_endpoint": f"{web.url}/oauth/authorize",
        "token_endpoint": f"{web.url}/oauth/token",
        "registration_endpoint": f"{web.url}/oauth/register",
        "revocation_endpoint": f"{web.url}/oauth/revoke",
        "scopes_supported": ["atoms:read", "atoms:write", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
    }


async def test_each_name_of_the_server_is_an_issuer_of_its_own(web):
    host = f"localhost:{web.port}"
    resource = (await web.ask("GET", ROOT, headers={"Host": host})).told
    server = (await web.ask("GET", SERVER, headers={"Host": host})).told

    assert resource["authorization_servers"] == [server["issuer"]] == [f"http://{host}"]
    assert server["token_endpoint"] == f"http://{host}/oauth/token"


async def test_in_mode_delegated_supabase_is_the_authorization_server(supabase, make_web):
    web = await make_web(ATOMS_FASTMCP_AUTH_MODE="delegated")

    document = (await web.ask("GET", ROOT)).told
    assert document["authorization_servers"] == [supabase.issuer]
    for path in (SERVER, f"{SERVER}/api/mcp", OPENID):
        assert_problem(await web.ask("GET", path), 404, "not_found")
    for path in ("/oauth/register", "/oauth/token", "/oauth/revoke"):
        assert_problem(await web.ask("POST", path), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        f"{SERVER}/other",
        f"{OPENID}/",
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
