"""Consent on behalf of Supabase's own OAuth server: what is shown, and where nobody is sent."""

import json

import pytest
from aiohttp import web as aiohttp_web
from supabase_double import answering, refusal
from visit_double import let_in

ID = "abc123-def_456"
LINK = f"/oauth/consent?authorization_id={ID}"
PLACE = f"/auth/v1/oauth/authorizations/{ID}"
CALLBACK = "https://client.example/cb"


class OAuthServer:
    """One request that waits at Supabase; `decided` is what it was told."""

    def __init__(self, supabase):
        self.redirect_uri = CALLBACK
        self.answer = f"{CALLBACK}?code=c&state=s"
        self.name = "Inspector"
        self.scope = "openid email custom\u202e:scope"
        self.decided = []
        supabase.faults[PLACE] = self.show
        supabase.faults[f"{PLACE}/consent"] = self.consent

    async def show(self, _request):
        return aiohttp_web.json_response(
            {
                "authorization_id": ID,
                "redirect_uri": self.redirect_uri,
                "client": {"id": "c", "name": self.name, "uri": "", "logo_uri": ""},
                "user": {"id": "u", "email": "ada@acme.example"},
                "scope": self.scope,
            }
        )

    async def consent(self, request):
        self.decided.append(json.loads(await request.read())["action"])
        return aiohttp_web.json_response({"redirect_url": self.answer})

    async def over(self, _request):
        return refusal(404, "oauth_authorization_not_found")


@pytest.fixture
def waiting(supabase):
    return OAuthServer(supabase)


@pytest.fixture
async def web(make_web):
    """A server in mode delegated."""
    return await make_web(ATOMS_FASTMCP_AUTH_MODE="delegated")


def assert_page(page, status):
    assert page.status == status
    assert page.location is None
    assert page.headers["Content-Type"].startswith("text/html")


async def test_whoever_is_not_signed_in_does_that_first(visit, waiting):
    page = await visit.get(LINK)

    assert_page(page, 200)
    assert any("password" in form.fields for form in page.forms)
    assert waiting.decided == []


async def test_the_page_says_who_asks_as_whom_and_for_what(signed_in, waiting):
    page = await signed_in.get(LINK)

    assert_page(page, 200)
    assert "Connect Inspector to Atoms?" in page.text
    assert "ada@acme.example" in page.text
    assert "client.example" in page.text
    assert "Not verified" in page.text
    assert "Who you are Your email address custom:scope" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "form-action" not in page.headers["Content-Security-Policy"]
    assert waiting.decided == []


async def test_it_may_be_asked_for_again(signed_in, waiting):
    assert [(await signed_in.get(LINK)).status for _ in range(2)] == [200, 200]
    assert waiting.decided == []


async def test_names_cannot_break_out_of_the_page(signed_in, waiting):
    waiting.name = '"><script>alert(1)</script>'
    waiting.scope = "<script>"

    assert b"<script" not in (await signed_in.get(LINK)).raw


@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_what_the_person_decides_is_told_to_supabase(signed_in, waiting, decision):
    page = await signed_in.press(await signed_in.get(LINK), "decision", decision)

    assert page.status == 303
    assert page.location == waiting.answer
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert waiting.decided == [decision]


@pytest.mark.parametrize(
    ("redirect_uri", "answer"),
    [
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:5000/cb?code=c"),
        ("cursor://app/cb", "cursor://app/cb?code=c"),
        ("com.example.app:/cb", "com.example.app:/cb?code=c"),
    ],
)
async def test_apps_on_the_machine_are_answered_like_all_others(
    signed_in, waiting, redirect_uri, answer
):
    waiting.redirect_uri, waiting.answer = redirect_uri, answer

    page = await signed_in.press(await signed_in.get(LINK), "decision", "approve")

    assert page.location == answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("https://evil.example/cb?code=c", id="other-host"),
        pytest.param("https://client.example.evil.example/cb", id="suffix"),
        pytest.param(f"{CALLBACK}.evil?code=c", id="longer-path"),
        pytest.param(f"{CALLBACK}/more?code=c", id="deeper-path"),
        pytest.param(f"{CALLBACK}/?code=c", id="slash-behind-a-path"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("/account", id="path"),
        pytest.param("//evil.example", id="no-scheme"),
        pytest.param("unknown:x", id="unknown-scheme"),
        pytest.param(f"{CALLBACK}?a=b\r\nSet-Cookie: a=b", id="line-break"),
        pytest.param(f"{CALLBACK}?a=#b#c", id="two-fragments"),
    ],
)
async def test_nobody_is_sent_where_the_page_did_not_say(signed_in, waiting, answer):
    page = await signed_in.get(LINK)
    waiting.answer = answer

    assert_page(await signed_in.press(page, "decision", "approve"), 502)


@pytest.mark.parametrize(
    ("redirect_uri", "answer", "status"),
    [
        ("https://app.example", "https://app.example/?code=c", 303),
        ("https://app.example", "https://app.example?code=c", 303),
        ("https://app.example", "https://app.example.evil.com/?code=c", 502),
        ("https://app.example", "https://app.example@evil.com/?code=c", 502),
        ("https://app.example", "https://app.example:8443/?code=c", 502),
        ("https://app.example/cb?b=2&a=", "https://app.example/cb?a=&b=2&code=c", 303),
        ("https://app.example/cb?a=1", "https://app.example/cb?a=2&code=c", 502),
        ("https://app.example/cb?a=1", "https://app.example/cb?code=c", 502),
        ("https://app.example/cb", "https://app.example/cb?code=c#x", 303),
        ("cursor://x", "cursor://x.evil?code=c", 502),
    ],
)
async def test_an_answer_goes_to_the_very_place_that_was_shown(
    signed_in, waiting, redirect_uri, answer, status
):
    waiting.redirect_uri, waiting.answer = redirect_uri, answer

    page = await signed_in.press(await signed_in.get(LINK), "decision", "approve")

    assert page.status == status


async def test_a_request_that_does_not_say_where_to_go_is_not_shown(signed_in, waiting):
    waiting.redirect_uri = ""

    assert_page(await signed_in.get(LINK), 502)
    assert waiting.decided == []


async def test_a_request_that_was_answered_before_takes_a_click(supabase, signed_in, waiting):
    target = f"{CALLBACK}?code=c&state=s"
    supabase.faults[PLACE] = answering(200, json.dumps({"redirect_url": target}).encode())

    page = await signed_in.get(LINK)
    answer = await signed_in.press(page, "decision", "go_on")

    assert_page(page, 200)
    assert "client.example" in page.text
    assert target.encode() not in page.raw
    assert answer.location == target
    assert waiting.decided == []


async def test_a_request_that_was_answered_before_leads_to_no_strange_place(
    supabase, signed_in, waiting
):
    supabase.faults[PLACE] = answering(200, b'{"redirect_url": "javascript:alert(1)"}')

    assert_page(await signed_in.get(LINK), 502)
    assert waiting.decided == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?authorization_id=",
        f"?authorization_id={ID}&authorization_id={ID}",
        "?authorization_id=../user",
        "?authorization_id=a%2Fb",
        f"?authorization_id={'x' * 129}",
        "?authorization_id=%FF",
    ],
)
async def test_a_link_that_cannot_be_read_asks_nobody(supabase, signed_in, query):
    supabase.seen.clear()

    assert_page(await signed_in.get(f"/oauth/consent{query}"), 400)
    assert supabase.seen == []


async def test_a_request_that_is_over_is_told(supabase, signed_in, waiting):
    page = await signed_in.get(LINK)
    supabase.faults[PLACE] = supabase.faults[f"{PLACE}/consent"] = waiting.over

    before = await signed_in.get(LINK)
    after = await signed_in.press(page, "decision", "approve")

    for told in (before, after):
        assert_page(told, 404)
        assert "This request is over." in told.text


async def test_while_supabase_is_down_nothing_is_decided(supabase, signed_in, waiting):
    page = await signed_in.get(LINK)
    supabase.faults[PLACE] = supabase.faults[f"{PLACE}/consent"] = answering(503, b"{}")

    assert_page(await signed_in.get(LINK), 503)
    assert_page(await signed_in.press(page, "decision", "approve"), 503)
    assert waiting.decided == []


async def test_not_you_signs_out_and_comes_back(signed_in, waiting):
    page = await signed_in.press(await signed_in.get(LINK), "decision", "switch")

    assert page.location == LINK
    assert "atoms_session" not in signed_in.cookies
    assert waiting.decided == []


async def test_not_you_comes_back_where_nobody_is_signed_in(signed_in, waiting):
    page = await signed_in.get(LINK)
    del signed_in.cookies["atoms_session"]

    assert (await signed_in.press(page, "decision", "switch")).location == LINK
    assert waiting.decided == []


async def test_if_somebody_else_signed_in_they_are_asked_themselves(signed_in, waiting):
    page = await signed_in.get(LINK)
    await let_in(signed_in, "bob@umbrella.example", session_id="session-2")

    answer = await signed_in.press(page, "decision", "approve")

    assert_page(answer, 200)
    assert "Somebody else has signed in meanwhile." in answer.text
    assert waiting.decided == []


async def test_if_nobody_is_signed_in_any_more_that_comes_first(signed_in, waiting):
    page = await signed_in.get(LINK)
    del signed_in.cookies["atoms_session"]

    answer = await signed_in.press(page, "decision", "approve")

    assert_page(answer, 200)
    assert any("password" in form.fields for form in answer.forms)
    assert waiting.decided == []


async def test_a_session_that_ended_leads_to_signing_in(supabase, signed_in, waiting):
    page = await signed_in.get(LINK)
    cookie = signed_in.cookies["atoms_session"]
    supabase.ended.add("session-1")

    answer = await signed_in.press(page, "decision", "approve")
    signed_in.cookies["atoms_session"] = cookie
    again = await signed_in.get(LINK)

    assert (answer.location, again.location) == (LINK, LINK)
    assert "atoms_session" not in signed_in.cookies
    assert waiting.decided == []


# Forms that are not to be believed


@pytest.mark.parametrize("decision", ["maybe", "go_on", "", None])
async def test_a_form_that_says_neither_yes_nor_no_does_nothing(signed_in, waiting, decision):
    page = await signed_in.get(LINK)
    fields = {**page.form("decision", "approve").fields}
    if decision is not None:
        fields["decision"] = decision

    assert_page(await signed_in.post("/oauth/consent", fields), 400)
    assert waiting.decided == []


async def test_a_form_is_good_for_its_own_browser_only(signed_in, make_visit, waiting):
    theirs = await (await make_visit(signed_in.web, is_signed_in=True)).get(LINK)
    own = await signed_in.get(LINK)

    assert_page(await signed_in.press(theirs, "decision", "approve"), 403)
    del signed_in.cookies["atoms_form"]
    assert_page(await signed_in.press(own, "decision", "approve"), 403)
    assert waiting.decided == []


async def test_a_form_of_another_kind_is_refused(supabase, signed_in, waiting):
    supabase.faults["/auth/v1/user/oauth/grants"] = answering(200, b"[]")
    account = await signed_in.get("/account")
    state = account.form("where", "here").fields["state"]

    answer = await signed_in.post("/oauth/consent", {"state": state, "decision": "approve"})

    assert_page(answer, 403)
    assert waiting.decided == []


async def test_a_form_that_was_open_for_too_long_leads_back(signed_in, clock, waiting):
    page = await signed_in.get(LINK)
    clock.now += 601

    answer = await signed_in.press(page, "decision", "approve")

    assert_page(answer, 409)
    assert LINK in answer.links
    assert waiting.decided == []


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}],
)
async def test_a_form_that_another_site_sends_is_refused(signed_in, waiting, headers):
    page = await signed_in.get(LINK)

    assert_page(await signed_in.press(page, "decision", "approve", headers=headers), 403)
    assert waiting.decided == []


async def test_a_field_that_comes_twice_is_refused(signed_in, waiting):
    fields = (await signed_in.get(LINK)).form("decision", "approve").fields
    pairs = [*fields.items(), ("decision", "deny"), ("decision", "approve")]

    assert_page(await signed_in.post("/oauth/consent", pairs), 400)
    assert waiting.decided == []


# Which mode has which page


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/oauth/authorize"), ("POST", "/oauth/token"), ("POST", "/oauth/register")],
)
async def test_this_server_is_no_authorization_server_then(web, method, path):
    assert (await web.ask(method, path)).status == 404


async def test_in_every_other_mode_the_page_is_not_there(make_web, make_visit):
    visit = await make_visit(await make_web(), is_signed_in=True)

    assert_page(await visit.get(LINK), 404)
