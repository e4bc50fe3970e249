import pytest
from entrance import assert_let_in, assert_outside, make_state, shown
from supabase_double import FAULTS, answering, refusal

EMAIL, PASSWORD = "ada@acme.example", "correct-horse-demo"
TOKEN = "/auth/v1/token"


async def sign_in(visit, email=EMAIL, password=PASSWORD, **headers):
    fields = {"state": make_state(visit), "email": email, "password": password}
    return await visit.post("/sign-in", fields, **headers)


def refuse(supabase, status, code):
    async def answer(_request):
        return refusal(status, code)

    supabase.faults[TOKEN] = answer


async def test_the_right_password_lets_in_and_leads_on(visit):
    assert_let_in(await sign_in(visit, f"  {EMAIL} "))


async def test_a_wrong_password_is_said_and_what_was_typed_is_kept(visit, lines):
    page = await sign_in(visit, password="not-this-one")

    assert page.status == 401
    assert shown(page) == ["Email or password is wrong."]
    assert page.forms[-1].fields["email"] == EMAIL
    assert "not-this-one" not in page.raw.decode()
    assert 'aria-describedby="problem" autofocus' in page.raw.decode()
    assert_outside(visit)
    assert [line["error_code"] for line in lines if "path" in line] == ["invalid_credentials"]
    assert "not-this-one" not in repr(lines)


async def test_an_unknown_address_is_answered_as_a_wrong_password(visit):
    known = await sign_in(visit, password="wrong")
    unknown = await sign_in(visit, email="nobody@acme.example", password="wrong")

    assert known.status == unknown.status
    assert known.text == unknown.text


@pytest.mark.parametrize(
    ("status", "code", "expected", "said"),
    [
        (400, "user_banned", 403, "This account is blocked."),
        (400, "email_not_confirmed", 403, "Your address is not confirmed yet."),
        (422, "email_provider_disabled", 403, "This project has sign-in by email switched off."),
        (400, "validation_failed", 400, "That is not an email address and a password."),
        (429, "over_request_rate_limit", 429, "The sign-in service is busy."),
    ],
)
async def test_each_refusal_has_its_own_words(supabase, visit, status, code, expected, said):
    refuse(supabase, status, code)
    page = await sign_in(visit)

    assert page.status == expected
    assert shown(page) == [said]
    assert page.forms[-1].fields["email"] == EMAIL
    assert ("Retry-After" in page.headers) == (expected == 429)
    assert_outside(visit)


@pytest.mark.parametrize("has_provider", [True, False])
async def test_a_captcha_is_told_with_what_is_left(supabase, visit, has_provider):
    supabase.project["external"]["github"] = has_provider
    refuse(supabase, 400, "captcha_failed")
    page = await sign_in(visit)

    assert page.status == 403
    assert shown(page) == ["This project asks for a captcha, which this page cannot show."]
    assert ("one of the other ways below" in page.text) == has_provider


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outage_is_told_as_one(supabase, visit, fault):
    supabase.faults[TOKEN] = FAULTS[fault][0]
    page = await sign_in(visit)

    assert page.status in {429, 502, 503, 504}
    assert shown(page)[0].startswith("The sign-in service")
    assert page.forms[-1].fields["email"] == EMAIL
    assert_outside(visit)


async def test_a_wait_is_said_in_words_and_in_the_head(supabase, visit):
    supabase.faults[TOKEN] = answering(429, b"{}", Retry_After="61")
    page = await sign_in(visit)

    assert page.headers["Retry-After"] == "61"
    assert "Wait 2 minutes, then try again." in page.text


async def test_too_many_failures_are_told_and_not_asked_upstream(supabase, make_web, make_visit):
    visit = await make_visit(await make_web(ATOMS_LOGIN_FAILURES_PER_ACCOUNT="2 per 5 minute"))
    for _ in range(2):
        assert (await sign_in(visit, password="wrong")).status == 401
    asked = supabase.count(TOKEN)

    page = await sign_in(visit)

    assert page.status == 429
    assert int(page.headers["Retry-After"]) > 0
    assert shown(page) == ["Too many failed tries."]
    assert supabase.count(TOKEN) == asked


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("", PASSWORD, "This is not an email address."),
        ("ada", PASSWORD, "This is not an email address."),
        ("a" * 300 + "@b.c", PASSWORD, "This is not an email address."),
        (EMAIL, "", "This cannot be a password."),
        (EMAIL, "x" * 2000, "This cannot be a password."),
        (EMAIL, "a\x00b", "This cannot be a password."),
        (None, None, "This is not an email address."),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(supabase, visit, email, password, said):
    page = (
        await sign_in(visit, email, password)
        if email is not None
        else await visit.post("/sign-in", {"state": make_state(visit)})
    )

    assert page.status == 400
    assert [text.split(".")[0] + "." for text in shown(page)] == [said]
    assert page.raw.count(b'aria-invalid="true"') == 1
    assert supabase.count(TOKEN) == 0


async def test_signing_in_as_somebody_else_ends_the_sign_in_before(supabase, make_visit, web):
    visit = await make_visit(web, is_signed_in=True, session_id="session-0")
    before = visit.cookies["atoms_session"]

    assert_let_in(await sign_in(visit))

    assert visit.cookies["atoms_session"] != before
    assert supabase.count("/auth/v1/logout") == 1


async def test_coming_back_from_another_step_asks_nothing_upstream(supabase, visit):
    fields = {"state": make_state(visit), "step": "begin", "email": EMAIL}
    page = await visit.post("/sign-in", fields)

    assert (page.status, shown(page)) == (200, [])
    assert supabase.count(TOKEN) == 0
