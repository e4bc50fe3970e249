import pytest
from entrance import NEXT, assert_let_in, assert_outside, make_state, read_state, shown
from supabase_double import FAULTS, refusal

from atoms_mcp.web.forms import FORMS

EMAIL, PASSWORD = "ada@acme.example", "correct-horse-demo"


async def sign_in(visit):
    """Come as far as the first proof leads."""
    fields = {"state": make_state(visit), "email": EMAIL, "password": PASSWORD}
    return await visit.post("/sign-in", fields)


async def recover(visit):
    fields = {"state": make_state(visit), "email": EMAIL, "code": visit.web.supabase.code}
    return await visit.post("/recover", fields)


def refuse(supabase, path, status, code):
    async def answer(_request):
        return refusal(status, code)

    supabase.faults[path] = answer


async def test_a_second_factor_comes_before_everything(supabase, visit):
    supabase.enroll()
    page = await sign_in(visit)
    text = page.raw.decode()

    assert page.status == 200
    assert page.title == "Second step · Atoms"
    assert EMAIL in page.text
    assert 'autocomplete="one-time-code"' in text
    assert "eyJhbGciOiJFUzI1NiIs" not in text
    assert supabase.refresh_token not in text
    assert_outside(visit)

    assert_let_in(await visit.press(page, None, None, code=supabase.totp_code))


async def test_a_wrong_code_can_be_tried_again(supabase, visit):
    supabase.enroll()
    page = await visit.press(await sign_in(visit), None, None, code="111111")

    assert page.status == 401
    assert shown(page)[0].startswith("This code is wrong or too old.")
    assert_outside(visit)
    assert_let_in(await visit.press(page, None, None, code=supabase.totp_code))


async def test_one_of_several_authenticators_can_be_chosen(supabase, visit):
    supabase.enroll(name="Phone")
    second = supabase.enroll(name="<Laptop>")
    supabase.enroll(kind="webauthn", name="Key")
    supabase.enroll(status="unverified", name="Draft")
    page = await sign_in(visit)

    text = page.raw.decode()
    assert "&lt;Laptop&gt;</option>" in text
    assert "Key</option>" not in text
    assert "Draft</option>" not in text
    wrong = await visit.press(page, None, None, factor=second, code="111111")
    assert f'<option value="{second}" selected>' in wrong.raw.decode()
    assert_let_in(await visit.press(wrong, None, None, factor=second, code=supabase.totp_code))
    assert supabase.count(f"/auth/v1/factors/{second}/verify") == 2


async def test_a_second_factor_of_another_kind_is_said_to_be_one(supabase, visit):
    supabase.enroll(kind="webauthn")
    page = await sign_in(visit)

    assert shown(page) == ["Your second step cannot be done here."]
    fields = {"state": _held(visit, page), "code": "123456"}
    assert (await visit.post("/sign-in/second-factor", fields)).status == 403
    assert_outside(visit)


def _held(visit, page):
    """Make the state that the page would carry if it had a field for a code."""
    entry = visit.web.app[FORMS].open("sign-in", visit.cookies["atoms_form"], read_state(page))
    session = {
        "access_token": visit.web.supabase.token(aal="aal1"),
        "refresh_token": "r",
        "expires_in_s": 1,
        "expires_at": 1,
        "user": {
            "id": "u",
            "email": EMAIL,
            "is_anonymous": False,
            "factors": [{"id": "f", "type": "webauthn", "is_verified": True, "name": ""}],
        },
    }
    return make_state(
        visit, "second-factor", next=entry["next"], session=session, is_recovery=False
    )


@pytest.mark.parametrize(
    ("code", "status", "is_over"),
    [
        ("session_not_found", 401, True),
        ("user_banned", 403, True),
        ("mfa_factor_not_found", 409, True),
        ("mfa_totp_verify_not_enabled", 403, True),
        ("mfa_challenge_expired", 409, False),
        ("over_request_rate_limit", 429, False),
    ],
)
async def test_what_cannot_be_tried_again_begins_anew(supabase, visit, code, status, is_over):
    factor = supabase.enroll()
    page = await sign_in(visit)
    refuse(
        supabase,
        f"/auth/v1/factors/{factor}/challenge",
        {429: 429, 409: 404}.get(status, 403) if code != "mfa_challenge_expired" else 422,
        code,
    )
    page = await visit.press(page, None, None, code="123456")

    assert page.status == status
    assert ("password" in page.forms[-1].fields) == is_over
    assert "to continue to Claude Code" in page.text or not is_over
    assert_outside(visit)


async def test_an_outage_keeps_the_step(supabase, visit):
    factor = supabase.enroll()
    page = await sign_in(visit)
    supabase.faults[f"/auth/v1/factors/{factor}/challenge"] = FAULTS["503"][0]
    page = await visit.press(page, None, None, code=supabase.totp_code)
    assert (page.status, page.title) == (503, "Second step · Atoms")

    supabase.faults.clear()
    assert_let_in(await visit.press(page, None, None, code=supabase.totp_code))


async def test_the_step_waits_for_ten_minutes(supabase, visit, clock):
    supabase.enroll()
    page = await sign_in(visit)
    clock.now += 601
    page = await visit.press(page, None, None, code=supabase.totp_code)

    assert page.status == 409
    assert "password" in page.forms[-1].fields


async def test_somebody_else_can_begin_anew(supabase, visit):
    supabase.enroll()
    page = await sign_in(visit)
    page = await visit.post("/sign-in", {"state": read_state(page, 1), "step": "begin"})

    assert "to continue to Claude Code" in page.text
    assert EMAIL not in page.text


async def test_a_new_password_lets_in(supabase, visit):
    page = await recover(visit)
    assert page.title == "New password · Atoms"
    assert 'autocomplete="new-password"' in page.raw.decode()
    assert_outside(visit)

    page = await visit.press(page, None, None, password="battery-staple-demo")

    assert_let_in(page, NEXT)
    assert supabase.passwords == ["battery-staple-demo"]


@pytest.mark.parametrize(
    ("status", "code", "expected", "said"),
    [
        (422, "same_password", 422, "This is your old password."),
        (422, "weak_password", 422, "This password is too weak."),
        (401, "insufficient_aal", 403, "Your account asks for a second step first."),
        (403, "session_not_found", 401, "Your sign-in is over."),
    ],
)
async def test_a_password_that_is_refused(supabase, visit, status, code, expected, said):
    page = await recover(visit)
    refuse(supabase, "/auth/v1/user", status, code)
    page = await visit.press(page, None, None, password="battery-staple-demo")

    assert page.status == expected
    assert shown(page)[0].startswith(said)
    assert (page.title == "New password · Atoms") == (expected == 422)
    assert "battery-staple" not in page.raw.decode()
    assert_outside(visit)


@pytest.mark.parametrize("password", ["", "x" * 73])
async def test_a_password_that_cannot_be_one_is_not_asked_for(supabase, visit, password):
    page = await visit.press(await recover(visit), None, None, password=password)

    assert page.status == 400
    assert shown(page)[0].startswith("This cannot be a password.")
    assert supabase.passwords == []


async def test_a_recovery_does_not_pass_by_the_second_factor(supabase, visit):
    supabase.enroll()
    page = await recover(visit)
    assert page.title == "Second step · Atoms"

    page = await visit.press(page, None, None, code=supabase.totp_code)
    assert page.title == "New password · Atoms"
    assert_outside(visit)
    assert_let_in(await visit.press(page, None, None, password="battery-staple-demo"))


async def test_a_step_cannot_be_passed_off_as_the_other(supabase, visit):
    supabase.enroll()
    page = await sign_in(visit)
    fields = {"state": read_state(page), "password": "battery-staple-demo"}

    assert (await visit.post("/recover/new-password", fields)).status == 403
    assert supabase.passwords == []


@pytest.mark.parametrize("path", ["/sign-in/second-factor", "/recover/new-password"])
async def test_a_step_by_itself_begins_with_signing_in(visit, path):
    page = await visit.get(path)

    assert (page.status, page.location) == (303, "/sign-in")
