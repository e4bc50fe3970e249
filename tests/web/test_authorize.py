"""The way of a person from a client's link to its answer, and every way to bend it."""

import pytest
from asking_double import CALLBACK, CHALLENGE, VERIFIER, path
from visit_double import Page


async def redeem(web, page, client_id, **changed):
    """Trade the code that a page's answer brought."""
    form = {
        "grant_type": "authorization_code",
        "code": page.query["code"],
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    } | changed
    return await web.ask("POST", "/oauth/token", data=form)


def client_of(path_):
    return dict(pair.split("=", 1) for pair in path_.partition("?")[2].split("&"))["client_id"]


# Asking


async def test_whoever_is_not_signed_in_gets_the_page_for_that(visit, ask):
    page = await visit.get(ask())

    assert page.status == 200
    assert "password" in page.forms[0].fields or any("password" in f.fields for f in page.forms)
    assert "to continue to Inspector" in page.text


async def test_the_address_can_be_asked_for_again_and_again_without_a_browser(web, ask):
    link = ask()

    answers = [Page(await web.ask("GET", link)) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]


@pytest.mark.requirement("auth-consent-host", "auth-consent")
async def test_the_page_says_who_asks_as_whom_and_for_what(signed_in, ask):
    page = await signed_in.get(ask())

    assert page.status == 200
    assert "Connect Inspector to Atoms?" in page.text
    assert "ada@acme.example" in page.text
    assert "client.example" in page.text
    assert "Not verified" in page.text
    form = page.form("decision", "approve")
    assert form.choices == {"scope": ["write", "read"]}
    assert form.fields["scope"] == "write"
    assert page.form("decision", "deny") is form
    assert page.form("decision", "switch") is not form


async def test_only_what_was_asked_for_is_offered(signed_in, ask):
    page = await signed_in.get(ask(scope="atoms:read"))

    assert page.form("decision", "approve").choices == {}
    assert page.form("decision", "approve").fields["scope"] == "read"
    assert "Read and write" not in page.text


@pytest.mark.requirement("auth-consent-warning")
@pytest.mark.parametrize(
    ("uri", "warning"),
    [
        pytest.param("http://127.0.0.1:33418/cb", "a program on this computer", id="loopback"),
        pytest.param("cursor://anysphere.cursor-mcp/cb", "an app on this device", id="private"),
        pytest.param(CALLBACK, "Anybody can use this name.", id="unverified"),
    ],
)
async def test_there_is_a_warning_where_nobody_vouches(signed_in, ask, uri, warning):
    page = await signed_in.get(ask([uri]))

    assert warning in page.text
    assert "Approve only if you have just started to connect it yourself" in page.text


async def test_the_operators_own_clients_are_vouched_for(make_web, make_visit, tmp_path):
    file = tmp_path / "clients.toml"
    file.write_text(
        '[[client]]\nclient_id = "desk"\nclient_name = "Desk"\n'
        f'redirect_uris = ["{CALLBACK}", "http://localhost/cb"]\n'
    )
    web = await make_web(ATOMS_OAUTH_CLIENTS=str(file))
    visit = await make_visit(web, is_signed_in=True)
    params = {
        "response_type": "code",
        "client_id": "desk",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }

    page = await visit.get(path({**params, "redirect_uri": CALLBACK}))
    local = await visit.get(path({**params, "redirect_uri": "http://localhost:5000/cb"}))

    assert "Verified" in page.text
    assert "Set up by the operator" in page.text
    assert "Approve only" not in page.text
    assert "a program on this computer" in local.text


async def test_a_name_cannot_break_out_of_the_page(signed_in, ask):
    page = await signed_in.get(ask(name='<script>alert(1)</script>"><form action=x>\u202eevil'))

    assert b"<script" not in page.raw
    assert {form.action for form in page.forms} == {"/oauth/consent"}
    assert "\u202e" not in page.text


@pytest.mark.requirement("auth-no-frames")
async def test_no_page_can_be_framed_kept_or_told_to_others(signed_in, ask):
    page = await signed_in.get(ask())

    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy  # browsers apply it to the redirect behind the form
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in page.headers


async def test_a_link_to_the_page_in_another_window_stays_in_touch(signed_in, ask):
    page = await signed_in.get(ask())

    # Web clients open a small window and wait for word of it.
    assert page.headers.get("Cross-Origin-Opener-Policy", "unsafe-none") == "unsafe-none"


# What is wrong before it is known who asks


@pytest.mark.requirement("auth-no-redirect")
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"client_id": None}, id="no-client"),
        pytest.param({"client_id": ""}, id="empty-client"),
        pytest.param({"client_id": "unknown"}, id="unknown-client"),
        pytest.param({"client_id": ["a", "b"]}, id="two-clients"),
        pytest.param({"client_id": "x" * 5000}, id="endless-client"),
        pytest.param({"redirect_uri": "https://evil.example/cb"}, id="other-host"),
        pytest.param({"redirect_uri": "https://client.example.evil.example/cb"}, id="suffix"),
        pytest.param({"redirect_uri": "https://client.example@evil.example/cb"}, id="user"),
        pytest.param({"redirect_uri": "https://client.example/cb/../x"}, id="path"),
        pytest.param({"redirect_uri": "https://client.example/cb?x=1"}, id="query"),
        pytest.param({"redirect_uri": "https://client.example/cb#x"}, id="fragment"),
        pytest.param({"redirect_uri": "https://client.example:8443/cb"}, id="port"),
        pytest.param({"redirect_uri": "http://client.example/cb"}, id="plain-http"),
        pytest.param({"redirect_uri": "HTTPS://client.example/cb"}, id="case"),
        pytest.param({"redirect_uri": "//client.example/cb"}, id="no-scheme"),
        pytest.param({"redirect_uri": "javascript:alert(1)"}, id="script"),
        pytest.param({"redirect_uri": f"{CALLBACK}\r\nSet-Cookie: a=b"}, id="line-break"),
        pytest.param({"redirect_uri": [CALLBACK, CALLBACK]}, id="twice-the-same"),
        pytest.param({"redirect_uri": [CALLBACK, "https://evil.example/cb"]}, id="two"),
    ],
)
async def test_errors_before_that_stay_on_a_page(signed_in, ask, changed):
    page = await signed_in.get(ask(**changed))

    assert page.status == 400
    assert page.location is None
    assert page.headers["Content-Type"].startswith("text/html")
    assert b"evil.example" not in page.raw
    assert "connect again" in page.text


async def test_a_query_that_cannot_be_read_is_refused(signed_in, ask):
    for end in ("&x=%FF", "&" + "&".join(f"p{n}=1" for n in range(70))):
        page = await signed_in.get(ask() + end)

        assert page.status == 400
        assert page.location is None


async def test_without_a_redirect_uri_the_only_one_is_meant(signed_in, ask):
    one = await signed_in.get(ask(redirect_uri=None))
    many = await signed_in.get(ask([CALLBACK, "https://client.example/2"], redirect_uri=None))

    assert one.status == 200
    assert many.status == 400


# What is wrong after that


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"response_type": None}, "invalid_request", id="no-type"),
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit"),
        pytest.param({"response_type": ["code", "code"]}, "invalid_request", id="two-types"),
        pytest.param({"code_challenge": None}, "invalid_request", id="no-pkce"),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="bad-pkce"),
        pytest.param({"code_challenge": [CHALLENGE] * 2}, "invalid_request", id="two-challenges"),
        pytest.param({"code_challenge_method": None}, "invalid_request", id="no-method"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain"),
        pytest.param({"scope": ["atoms:read", "atoms:write"]}, "invalid_request", id="two-scopes"),
        pytest.param({"resource": "https://evil.example/api/mcp"}, "invalid_target", id="target"),
    ],
)
async def test_errors_after_that_go_to_the_client(web, visit, ask, changed, error):
    page = await visit.get(ask(**changed))

    assert page.status == 303
    assert page.location.startswith(f"{CALLBACK}?")
    assert page.query["error"] == error
    assert page.query["state"] == "s 1+/&=é"
    assert page.query["iss"] == web.url
    assert "code" not in page.query
    assert page.raw == b""


async def test_a_state_that_came_twice_is_not_repeated(visit, ask):
    page = await visit.get(ask(state=["a", "b"]))

    assert page.query["error"] == "invalid_request"
    assert "state" not in page.query


async def test_what_is_unknown_is_passed_over(signed_in, ask):
    page = await signed_in.get(ask(prompt="consent", nonce="1", scope="openid profile"))

    assert page.form("decision", "approve").fields["scope"] == "write"


# Deciding


@pytest.mark.requirement("auth-iss")
async def test_approval_brings_a_code_that_is_good_for_tokens(web, signed_in, ask):
    link = ask()
    page = await signed_in.press(await signed_in.get(link), "decision", "approve")

    assert page.status == 303
    assert page.location.startswith(f"{CALLBACK}?code=")
    assert set(page.query) == {"code", "state", "iss"}
    assert page.query["state"] == "s 1+/&=é"
    assert page.query["iss"] == web.url
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.raw == b""
    answer = await redeem(web, page, client_of(link))
    assert answer.status == 200
    assert answer.told["scope"] == "atoms:read atoms:write"
    called = await web.call("whoami", token=answer.told["access_token"])
    assert called.told["structuredContent"]["email"] == "ada@acme.example"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("atoms:read atoms:write", "atoms:read"),
        ("atoms:write", "atoms:read"),
        ("atoms:read", "atoms:read"),
        ("atoms:write offline_access", "atoms:read offline_access"),
    ],
)
async def test_a_person_can_allow_less(web, signed_in, ask, asked, granted):
    link = ask(scope=asked)
    page = await signed_in.press(await signed_in.get(link), "decision", "approve", scope="read")

    answer = await redeem(web, page, client_of(link))

    assert answer.told["scope"] == granted
    refused = await web.call("writes", token=answer.told["access_token"])
    assert refused.status == 403


@pytest.mark.parametrize("scope", ["write", "everything", "", None])
async def test_nobody_can_allow_more_than_was_asked_for(signed_in, ask, scope):
    page = await signed_in.get(ask(scope="atoms:read"))

    answer = await signed_in.press(page, "decision", "approve", scope=scope)

    assert answer.status == 400
    assert answer.location is None


@pytest.mark.requirement("auth-iss")
async def test_no_is_told_to_the_client(web, signed_in, ask):
    page = await signed_in.press(await signed_in.get(ask()), "decision", "deny")

    assert page.status == 303
    assert page.query["error"] == "access_denied"
    assert page.query["state"] == "s 1+/&=é"
    assert page.query["iss"] == web.url
    assert "code" not in page.query


async def test_without_a_state_none_is_made_up(signed_in, ask):
    page = await signed_in.press(await signed_in.get(ask(state=None)), "decision", "approve")

    assert set(page.query) == {"code", "iss"}


async def test_a_query_of_the_redirect_uri_stays(signed_in, ask):
    uri = "https://client.example/cb?tenant=1"

    page = await signed_in.press(await signed_in.get(ask([uri])), "decision", "approve")

    assert page.location.startswith(f"{uri}&code=")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:33418/cb", "cursor://anysphere.cursor-mcp/cb"])
async def test_apps_on_the_machine_are_answered_like_all_others(signed_in, ask, uri):
    page = await signed_in.press(await signed_in.get(ask([uri])), "decision", "approve")

    assert page.status == 303
    assert page.location.startswith(f"{uri}?code=")


async def test_a_state_cannot_split_the_answer(signed_in, ask):
    state = "a\r\nSet-Cookie: atoms_session=evil\r\n\r\n<script>"

    page = await signed_in.press(await signed_in.get(ask(state=state)), "decision", "approve")

    assert "Set-Cookie" not in page.headers
    assert "\r" not in page.location
    assert page.query["state"] == state


async def test_not_you_signs_out_and_comes_back_to_the_same_question(signed_in, ask):
    link = ask()
    page = await signed_in.press(await signed_in.get(link), "decision", "switch")

    assert page.status == 303
    assert page.location == link
    assert "atoms_session" not in signed_in.cookies
    assert "to continue to Inspector" in (await signed_in.get(page.location)).text


async def test_not_you_comes_back_where_nobody_is_signed_in_any_more(signed_in, ask):
    link = ask()
    page = await signed_in.get(link)
    del signed_in.cookies["atoms_session"]

    assert (await signed_in.press(page, "decision", "switch")).location == link


@pytest.mark.parametrize("decision", ["maybe", "", None])
async def test_a_form_that_says_neither_yes_nor_no_does_nothing(signed_in, ask, decision):
    page = await signed_in.get(ask())
    fields = {**page.form("decision", "approve").fields, "decision": decision}

    answer = await signed_in.post(
        "/oauth/consent", {name: value for name, value in fields.items() if value is not None}
    )

    assert answer.status == 400
    assert answer.location is None


# The log


async def test_neither_code_nor_form_nor_cookie_is_logged(signed_in, ask, lines):
    page = await signed_in.press(await signed_in.get(ask()), "decision", "approve")

    logged = str(lines)
    assert page.query["code"] not in logged
    assert signed_in.cookies["atoms_session"] not in logged
    assert signed_in.cookies["atoms_form"] not in logged
