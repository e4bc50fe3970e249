import pytest

PATH = "/oauth/register"
METADATA = {
    "client_name": "MCP Inspector",
    "client_uri": "https://github.com/modelcontextprotocol/inspector",
    "redirect_uris": ["http://127.0.0.1:6274/oauth/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "application_type": "native",
}


def assert_refused(answer, error, status=400):
    assert answer.status == status
    assert list(answer.told) == ["error", "error_description"]
    assert answer.told["error"] == error
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.told["error_description"]


@pytest.mark.requirement("auth-registration")
async def test_a_client_registers_and_is_known(web):
    answer = await web.ask("POST", PATH, json=METADATA)

    assert answer.status == 201
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.told["redirect_uris"] == METADATA["redirect_uris"]
    assert answer.told["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in answer.told
    client = await web.clients.find(answer.told["client_id"])
    assert client.name == "MCP Inspector"


async def test_a_client_that_can_keep_a_secret_gets_one(web):
    answer = await web.ask(
        "POST", PATH, json=METADATA | {"token_endpoint_auth_method": "client_secret_post"}
    )

    assert answer.status == 201
    assert answer.told["client_secret"]
    assert answer.told["client_secret_expires_at"] == 0


async def test_a_page_of_any_origin_may_register(web):
    origin = {"Origin": "https://inspector.example"}

    answer = await web.ask("POST", PATH, json=METADATA, headers=origin)
    preflight = await web.ask(
        "OPTIONS",
        PATH,
        headers={
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )

    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.status == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": ["http://evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://c.example/"] * 11}, "invalid_redirect_uri"),
        ({"client_name": "x" * 1025}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
    ],
)
async def test_what_is_wrong_is_told_as_the_rfc_has_it(web, changes, error):
    answer = await web.ask("POST", PATH, json=METADATA | changes)

    assert_refused(answer, error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff",
        b"[" * 3000,
        b'{"redirect_uris":' + b"[" * 3000,
        b'{"x":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}',
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(web, body):
    answer = await web.ask(
        "POST", PATH, data=body, headers={"Content-Type": "application/json; charset=utf-8"}
    )

    assert_refused(answer, "invalid_client_metadata")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_kind_is_refused(web, kind):
    answer = await web.ask("POST", PATH, data=b"{}", headers={"Content-Type": kind})

    assert "application/json" in assert_refused(answer, "invalid_client_metadata")


async def test_a_body_of_more_than_16_kib_is_refused(web):
    answer = await web.ask("POST", PATH, json=METADATA | {"padding": "x" * 16 * 1024})

    assert_refused(answer, "invalid_request", 413)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_registers(web, method):
    answer = await web.ask(method, PATH)

    assert answer.status == 405
    assert answer.headers["Allow"] == "OPTIONS,POST"


async def test_where_registration_is_off_clients_are_told_so(make_web):
    web = await make_web(ATOMS_OAUTH_REGISTRATION="off")

    answer = await web.ask("POST", PATH, json=METADATA)

    assert "operator" in assert_refused(answer, "access_denied", 403)


async def test_an_address_registers_so_often_and_no_more(make_web, lines):
    web = await make_web(ATOMS_REGISTRATIONS_PER_ADDRESS="2 per hour")
    await web.ask("POST", PATH, json=METADATA)
    # Those that fail count as well.
    await web.ask("POST", PATH, json={})

    answer = await web.ask("POST", PATH, json=METADATA)

    assert_refused(answer, "temporarily_unavailable", 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    assert [line.get("error_code") for line in lines if line["path"] == PATH] == [
        None,
        "invalid_redirect_uri",
        "temporarily_unavailable",
    ]


async def test_nothing_of_a_secret_is_logged(web, lines):
    answer = await web.ask(
        "POST", PATH, json=METADATA | {"token_endpoint_auth_method": "client_secret_basic"}
    )

    assert answer.told["client_secret"] not in str(lines)
