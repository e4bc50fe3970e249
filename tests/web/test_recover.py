from urllib.parse import parse_qsl, urlsplit

from entrance import assert_outside, make_state, shown
from supabase_double import FAULTS

EMAIL = "ada@acme.example"


async def recover(visit, **fields):
    return await visit.post("/recover", {"state": make_state(visit), **fields})


async def test_the_page_keeps_what_was_typed_and_sends_nothing_yet(supabase, visit):
    page = await recover(visit, step="begin", email=EMAIL, password="half-typed")

    assert page.forms[0].fields["email"] == EMAIL
    assert "half-typed" not in page.raw.decode()
    assert supabase.mailed == []
    assert (await visit.get("/recover")).status == 200


async def test_an_unknown_address_is_answered_alike(supabase, visit):
    known = await recover(visit, email=EMAIL)
    unknown = await recover(visit, email="nobody@acme.example")

    assert known.status == unknown.status == 200
    assert known.text == unknown.text.replace("nobody@acme.example", EMAIL)
    assert len(supabase.mailed) == 1


async def test_the_code_leads_to_a_new_password(supabase, visit):
    page = await recover(visit, email=EMAIL)
    wrong = await visit.press(page, None, None, code="000000")
    assert wrong.status == 401
    assert shown(wrong)[0].startswith("This code is wrong or too old.")

    page = await visit.press(wrong, None, None, code=supabase.code)

    assert page.title == "New password · Atoms"
    assert_outside(visit)


async def test_the_link_leads_to_a_new_password(supabase, visit):
    await recover(visit, email=EMAIL)
    (sent,) = [seen for seen in supabase.seen if seen.path == "/auth/v1/recover"]
    back = urlsplit(dict(parse_qsl(sent.query_string))["redirect_to"])
    supabase.flows["c1"] = supabase.mailed[0]["code_challenge"]

    page = await visit.get(f"{back.path}?{back.query}&code=c1")

    assert page.title == "New password · Atoms"
    assert_outside(visit)


async def test_what_went_wrong_is_said(supabase, visit):
    page = await recover(visit, email="ada")
    assert (page.status, shown(page)) == (400, ["This is not an email address."])

    supabase.faults["/auth/v1/recover"] = FAULTS["503"][0]
    page = await recover(visit, email=EMAIL)
    assert (page.status, shown(page)) == (503, ["The sign-in service cannot be reached."])
