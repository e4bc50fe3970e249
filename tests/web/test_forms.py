import pytest

from atoms_mcp.web.forms import FORMS, FormOver, is_own_path

HTTPS = "https://mcp.example.com"
FORM = "application/x-www-form-urlencoded"
PASSWORD = "correct-horse-demo"


async def post(web, path="/sign-in", headers=None, **fields):
    return await web.ask("POST", path, headers=headers, data=fields)


@pytest.fixture
def bound(web):
    """Make the state of a form that this browser was shown; gives the state and its cookie."""
    browser = "b" * 32

    def make(purpose="sign-in", life_s=60, **claims):
        claims = {"next": "/account", "client": None} | claims
        sealed = web.app[FORMS].seal(purpose, browser, life_s, claims)
        return sealed, {"Cookie": f"atoms_form={browser}"}

    return make


async def test_a_page_with_a_form_gives_the_browser_an_id_once(visit):
    first = await visit.get("/sign-in")
    again = await visit.get("/sign-in")

    (cookie,) = first.headers.getall("Set-Cookie")
    assert cookie.startswith("atoms_form=")
    assert "HttpOnly; Path=/; SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Set-Cookie" not in again.headers


async def test_on_https_the_cookie_has_the_prefix_that_guards_it(make_web):
    web = await make_web(ATOMS_FASTMCP_BASE_URL=HTTPS)
    answer = await web.ask("GET", "/sign-in", headers={"Host": "mcp.example.com"})

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-atoms_form=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_a_form_works_in_the_browser_it_was_shown_in(web, bound):
    state, headers = bound()
    answer = await post(web, headers=headers, state=state, email="x@example.com", password="no")

    assert answer.status == 401


@pytest.mark.parametrize(
    "cookie", ["", "atoms_form=", "atoms_form=short", f"atoms_form={'c' * 32}", "atoms_form=ü"]
)
async def test_a_form_of_another_browser_is_refused(supabase, web, bound, cookie):
    state, _ = bound()
    answer = await post(web, headers={"Cookie": cookie}, state=state, email="a@b.c", password="x")

    assert answer.status == 403
    assert b"This form was not shown in this browser" in answer.told
    assert b"Start again</a>" not in answer.told
    assert supabase.count("/auth/v1/token") == 0


@pytest.mark.parametrize("state", ["", "x", "a.b.c.d.e", "a" * 20_000])
async def test_a_field_that_is_no_state_is_refused(web, bound, state):
    _, headers = bound()

    assert (await post(web, headers=headers, state=state)).status == 403
    assert (await post(web, headers=headers)).status == 403


async def test_a_form_of_another_step_or_kind_is_refused(web, bound):
    for purpose in ("second-factor", "new-password", "consent", "ways"):
        state, headers = bound(purpose, ways=[], session={})
        assert (await post(web, headers=headers, state=state)).status == 403
    token = web.seal.seal("access", {"purpose": "sign-in", "browser": "b" * 32, "exp": 2**40})
    assert (await post(web, headers=headers, state=token)).status == 403


async def test_a_form_that_was_open_for_too_long_begins_again_on_the_page(web, bound, clock):
    state, headers = bound(client="Claude Code", next="/oauth/authorize?x=1")
    clock.now += 61
    answer = await post(web, headers=headers, state=state, email="a@b.c", password="x")

    assert answer.status == 409
    assert b"This page was open for too long." in answer.told
    assert b"to continue to Claude Code" in answer.told
    fresh = answer.told.decode().split('name="state" value="')[1].split('"')[0]
    assert web.app[FORMS].open("sign-in", "b" * 32, fresh)["next"] == "/oauth/authorize?x=1"


async def test_only_forms_are_taken_and_each_field_once(web, bound):
    state, headers = bound()
    as_json = await web.ask("POST", "/sign-in", headers=headers, json={"state": state})
    twice = await web.ask(
        "POST",
        "/sign-in",
        headers={**headers, "Content-Type": FORM},
        data=f"state={state}&email=a@b.c&email=d@e.f",
    )
    unknown = await post(web, headers=headers, state=state, evil="1")
    large = await post(web, headers=headers, state=state, email="a" * 40_000)
    packed = await post(web, headers={**headers, "Content-Encoding": "gzip"}, state=state)

    for answer, status in (
        (as_json, 415),
        (twice, 400),
        (unknown, 400),
        (large, 413),
        (packed, 415),
    ):
        assert (answer.status, answer.content_type) == (status, "text/html")


@pytest.mark.parametrize(
    "path",
    ["/", "/account", "/oauth/authorize?client_id=https%3A%2F%2Fx.example%2F&state=~", "/a//b"],
)
def test_paths_of_ours_are_paths_of_ours(path):
    assert is_own_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "account",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " /account",
        "/account ",
        "/a\\b",
        "https://evil.example",
        "javascript:alert(1)",
        "/ünïcode",
        "/a\x00",
        None,
        7,
    ],
)
def test_what_could_lead_away_is_no_path_of_ours(path):
    assert not is_own_path(path)


async def test_no_form_is_made_that_leads_away(web, monkeypatch):
    from atoms_mcp.web import sign_in  # noqa: PLC0415 - what is changed

    monkeypatch.setattr(sign_in, "HOME", "//evil.example")

    assert (await web.ask("GET", "/sign-in")).status == 500


async def test_what_a_form_carries_is_not_to_be_read(web):
    state = web.app[FORMS].seal("sign-in", "b" * 32, 60, {"next": "/account"})

    assert "account" not in state
    with pytest.raises(FormOver):
        web.app[FORMS].open("sign-in", None, state)
