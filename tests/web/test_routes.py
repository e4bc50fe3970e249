import asyncio
from dataclasses import replace

import pytest
from web_double import tool, whoami

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.errors import ConfigError
from atoms_mcp.settings import OWN_PLACES
from atoms_mcp.web import keys
from atoms_mcp.web.keys import Access, Cors
from atoms_mcp.web.routes import make_routes

APP = "https://app.example.com"
EVIL = "https://evil.example"
ENDS = ("", "/api/mcp")
DOCUMENT = "/.well-known/oauth-protected-resource"
WANTED = "authorization,content-type,mcp-protocol-version,mcp-session-id,last-event-id,x-request-id"


async def preflight(web, path, origin, method="POST", headers=WANTED):
    return await web.ask(
        "OPTIONS",
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
    )


def test_what_is_open_is_open_on_purpose(web):
    rows = make_routes(web.settings, web.app[keys.SITES])

    closed = {(row.method, row.path) for row in rows if row.access is not Access.OPEN}
    assert closed == {
        ("POST", "/api/mcp"),
        ("GET", "/api/mcp"),
        ("DELETE", "/api/mcp"),
        ("*", "/api/mcp"),
        ("POST", "/api/mcp/tools/call"),
        ("POST", "/auth/logout"),
    }
    public = {(row.method, row.path) for row in rows if row.cors is Cors.ANY}
    server = "/.well-known/oauth-authorization-server"
    openid = "/.well-known/openid-configuration"
    assert public == {
        *(("GET", f"{place}{end}") for place in (DOCUMENT, server, openid) for end in ENDS),
        ("GET", "/.well-known/{rest:.*}"),
        ("POST", "/oauth/register"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/revoke"),
    }
    for row in rows:
        if row.access is Access.OPEN and row.cors is Cors.CONFIGURED:
            assert row.path.startswith("/auth/")


def test_every_place_is_one_that_the_endpoint_may_not_take(web):
    rows = make_routes(web.settings, web.app[keys.SITES])

    places = {row.path.split("/")[1] for row in rows} - {"", "api"}
    assert places <= OWN_PLACES


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/api/mcp", "/api/mcp?access_token=x"])
async def test_every_method_of_the_endpoint_is_challenged_once(web, method, path):
    answer = await web.ask(method, path)

    assert answer.status == 401
    assert answer.headers.getall("WWW-Authenticate") == [web.challenge]


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/register"])
async def test_pages_of_every_origin_may_ask_for_tokens(web, path):
    before = await preflight(
        web, path, EVIL, headers="authorization,content-type,mcp-protocol-version"
    )
    assert before.status == 200
    assert before.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in before.headers

    answer = await web.ask("POST", path, headers={"Origin": EVIL}, data=b"")
    assert answer.status == 400
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    wrong = await web.ask("GET", path)
    assert wrong.status == 405
    assert wrong.headers["Allow"] == "OPTIONS,POST"
    assert (await web.ask("POST", f"{path}/x")).status == 404
    foreign = await web.ask("POST", path, headers={"Host": "evil.example"}, data=b"")
    assert foreign.status == 421


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/consent", "/sign-in", "/account"])
async def test_pages_for_people_are_for_no_other_page(web, path):
    for method in ("GET", "POST"):
        answer = await web.ask(method, path, headers={"Origin": EVIL})
        assert answer.status in {403, 405}
        assert "Access-Control-Allow-Origin" not in answer.headers
    before = await preflight(web, path, EVIL)
    assert before.status in {403, 405}
    assert "Access-Control-Allow-Origin" not in before.headers


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/mcp", "POST"),
        ("/api/mcp", "GET"),
        ("/api/mcp", "DELETE"),
        ("/api/mcp/tools/call", "POST"),
        ("/auth/login", "POST"),
        ("/auth/status", "GET"),
    ],
)
async def test_a_preflight_of_an_allowed_page_needs_no_token(make_web, path, method):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=APP)

    answer = await preflight(web, path, APP, method)

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Methods"] == method
    assert answer.headers["Server"] == "atoms-mcp"
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(",")
    assert set(allowed) == set(WANTED.split(","))
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.requirement("t20-cors")
@pytest.mark.parametrize("origin", [EVIL, "null", f"{APP}.evil.example"])
async def test_a_preflight_of_a_stranger_is_refused(make_web, origin):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=APP)

    answer = await preflight(web, "/api/mcp", origin)

    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_preflight_for_other_headers_is_refused(make_web):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=APP)

    assert (await preflight(web, "/api/mcp", APP, headers="x-evil")).status == 403


async def test_pages_may_repeat_the_arguments_that_tools_want_in_headers(make_web):
    region = {"type": "string", "x-mcp-header": "Region"}
    schema = {"type": "object", "properties": {"region": region}}
    routed = replace(tool(whoami), name="routed", input_schema=schema)
    web = await make_web(offer=Offer(tools=(routed,)), ATOMS_ALLOWED_ORIGINS=APP)

    allowed = await preflight(web, "/api/mcp", APP, headers="mcp-param-region,mcp-name")
    other = await preflight(web, "/api/mcp", APP, headers="mcp-param-zone")
    public = await preflight(web, "/oauth/token", APP, headers="mcp-param-region")

    assert allowed.status == 200
    told = allowed.headers["Access-Control-Allow-Headers"].lower().split(",")
    assert set(told) == {"mcp-param-region", "mcp-name"}
    assert (other.status, public.status) == (403, 403)


@pytest.mark.parametrize("path", ["/api/mcp", "/oauth/token", "/.well-known/x"])
@pytest.mark.parametrize("headers", [{}, {"Expect": "mark-4711"}])
async def test_a_preflight_names_no_library_and_repeats_nothing(make_web, path, headers):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=APP)

    for origin in (APP, EVIL):
        asked = {"Origin": origin, "Access-Control-Request-Method": "mark-4711", **headers}
        answer = await web.ask("OPTIONS", path, headers=asked)

        assert answer.status in {403, 404, 417}
        assert answer.headers["Server"] == "atoms-mcp"
        assert "mark-4711" not in str(answer.told)
        assert "mark-4711" not in str(answer.headers)


@pytest.mark.requirement("t20-cors")
async def test_without_configured_origins_no_page_may_call(web):
    for path in ("/api/mcp", "/auth/login", "/api/mcp/tools/call"):
        answer = await preflight(web, path, APP)
        assert answer.status in {401, 405}
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_an_allowed_page_can_read_answers_and_refusals(supabase, make_web):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=APP)
    headers = {"Origin": APP}
    good = await web.call("whoami", headers=headers, token=supabase.token())
    refused = await web.call("whoami", headers=headers)

    for answer in (good, refused):
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers["Vary"] == "Origin"
        exposed = set(answer.headers["Access-Control-Expose-Headers"].split(","))
        assert {"WWW-Authenticate", "Mcp-Session-Id", "X-Request-Id", "Retry-After"} <= exposed
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert refused.status == 401


@pytest.mark.parametrize("path", [DOCUMENT, f"{DOCUMENT}/api/mcp", "/.well-known/other"])
async def test_public_documents_can_be_read_from_everywhere(web, path):
    answer = await web.ask("GET", path, headers={"Origin": EVIL})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"

    before = await preflight(web, path, EVIL, "GET", "mcp-protocol-version")
    assert before.status == 200
    assert before.headers["Access-Control-Allow-Origin"] == "*"
    assert before.headers["Access-Control-Max-Age"] == "600"


async def test_health_is_not_for_pages(make_web):
    web = await make_web(ATOMS_ALLOWED_ORIGINS=APP)

    answer = await web.ask("GET", "/healthz", headers={"Origin": APP})

    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_star_is_no_origin(make_web):
    with pytest.raises(ConfigError, match="ATOMS_ALLOWED_ORIGINS"):
        await make_web(ATOMS_ALLOWED_ORIGINS="*")


@pytest.mark.requirement("t17-headers", "t18-smuggling")
@pytest.mark.parametrize(
    "head",
    [
        pytest.param("GET /healthz HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\n\r\n", id="two-hosts"),
        pytest.param("GET /healthz HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param("GET /healthz HTTP/1.0\r\n\r\n", id="no-host-1.0"),
        pytest.param(
            "GET http://evil.example/healthz HTTP/1.1\r\nHost: evil\r\n\r\n", id="absolute"
        ),
        pytest.param(
            "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: {long}\r\n\r\n", id="long-header"
        ),
        pytest.param("GET /{long} HTTP/1.1\r\nHost: {host}\r\n\r\n", id="long-path"),
        pytest.param("\x00\x01\x02\r\n\r\n", id="no-http"),
    ],
)
async def test_odd_requests_get_one_refusal_and_harm_nobody(web, head):
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    sent = head.format(host=f"127.0.0.1:{web.port}", long="x" * 20_000)
    writer.write(sent.encode())
    async with asyncio.timeout(5):
        answer = await reader.read(65536)
    writer.close()

    assert answer.count(b"HTTP/1.") == 1
    assert b" 4" in answer.split(b"\r\n")[0]
    assert (await web.ask("GET", "/healthz")).status == 200
