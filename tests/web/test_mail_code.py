import pytest
from entrance import assert_let_in, assert_outside, make_state, shown
from supabase_double import FAULTS

EMAIL = "ada@acme.example"
PATH = "/sign-in/code"


async def send(visit, **fields):
    return await visit.post(PATH, {"state": make_state(visit), **fields})


async def test_the_button_beside_the_password_sends_a_code_at_once(supabase, visit):
    page = await send(visit, step="begin", email=EMAIL, password="half-typed")
    text = page.raw.decode()

    assert page.status == 200
    assert [mail["email"] for mail in supabase.mailed] == [EMAIL]
    assert "a code is on its way to ada@acme.example" in page.text
    assert "half-typed" not in text
    for attribute in ('autocomplete="one-time-code"', 'inputmode="numeric"', " autofocus"):
        assert attribute in text


async def test_without_an_address_it_asks_for_one(supabase, visit):
    page = await send(visit, step="begin", email="")

    assert (page.status, shown(page)) == (200, [])
    assert page.forms[0].action == PATH
    assert supabase.mailed == []


async def test_somebody_may_come_here_first(visit):
    page = await visit.get(PATH)
    page = await visit.press(page, None, None, email=EMAIL)

    assert "a code is on its way" in page.text


async def test_an_unknown_address_is_answered_alike(supabase, visit):
    known = await send(visit, email=EMAIL)
    unknown = await send(visit, email="nobody@acme.example")

    assert known.status == unknown.status == 200
    assert known.text == unknown.text.replace("nobody@acme.example", EMAIL)
    assert len(supabase.mailed) == 1


async def test_the_code_lets_in(supabase, visit):
    page = await send(visit, email=EMAIL)
    page = await visit.press(page, None, None, code=f"{supabase.code[:3]} {supabase.code[3:]}")

    assert_let_in(page)


async def test_a_second_factor_is_asked_for_after_the_code_too(supabase, visit):
    supabase.enroll()
    page = await send(visit, email=EMAIL)
    page = await visit.press(page, None, None, code=supabase.code)

    assert page.title == "Second step · Atoms"
    assert_outside(visit)
    assert_let_in(await visit.press(page, None, None, code=supabase.totp_code))


async def test_a_wrong_code_is_said_at_its_field(visit):
    page = await send(visit, email=EMAIL, code="000000")

    assert page.status == 401
    assert shown(page)[0].startswith("This code is wrong or too old.")
    assert b'aria-invalid="true"' in page.raw
    assert "000000" not in page.raw.decode()
    assert page.forms[0].fields["email"] == EMAIL
    assert_outside(visit)


@pytest.mark.parametrize("code", ["", "12345", "12345678901", "abcdef"])
async def test_what_is_no_code_is_said_and_not_asked(supabase, visit, code):
    page = await send(visit, email=EMAIL, code=code)

    assert page.status == 400
    assert shown(page)[0].startswith("This is not a code.")
    assert supabase.count("/auth/v1/verify") == 0


async def test_another_code_can_be_sent_from_the_page(supabase, visit):
    await send(visit, step="begin", email=EMAIL, code="")

    assert len(supabase.mailed) == 1


async def test_what_is_no_address_is_said_where_it_is_asked_for(visit):
    page = await send(visit, email="ada")

    assert page.status == 400
    assert shown(page) == ["This is not an email address."]
    assert page.forms[0].fields["email"] == "ada"


@pytest.mark.parametrize("path", ["/auth/v1/otp", "/auth/v1/verify"])
async def test_an_outage_is_told_on_either_page(supabase, visit, path):
    supabase.faults[path] = FAULTS["503"][0]
    code = {"code": "123456"} if "verify" in path else {}
    page = await send(visit, email=EMAIL, **code)

    assert page.status == 503
    assert shown(page) == ["The sign-in service cannot be reached."]
