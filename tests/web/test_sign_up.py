from urllib.parse import parse_qsl, urlsplit

import pytest
from entrance import assert_let_in, assert_outside, make_state, shown

PASSWORD = "correct-horse-demo"
NEW = "new@example.com"


async def sign_up(visit, **fields):
    return await visit.post("/sign-up", {"state": make_state(visit), **fields})


@pytest.fixture
def confirming(supabase):
    """A project that confirms addresses by mail."""
    supabase.project["mailer_autoconfirm"] = False
    return supabase


async def test_the_page_asks_for_a_new_password(visit):
    page = await visit.get("/sign-up")
    again = await sign_up(visit, step="begin", email=NEW, password="half")

    assert 'autocomplete="new-password"' in page.raw.decode()
    assert again.forms[0].fields["email"] == NEW
    assert "to continue to Claude Code" in again.text
    assert "half" not in again.raw.decode()


async def test_a_new_account_is_let_in(visit):
    assert_let_in(await sign_up(visit, email=NEW, password=PASSWORD))


@pytest.mark.parametrize(
    ("email", "password", "status", "said"),
    [
        ("ada@acme.example", PASSWORD, 409, "There is an account for this address already."),
        (NEW, "short", 422, "This password is too weak: it is too short."),
        (NEW, "", 400, "This cannot be a password."),
        (NEW, "x" * 73, 400, "This cannot be a password."),
        ("new", PASSWORD, 400, "This is not an email address."),
    ],
)
async def test_what_is_refused_is_said(visit, email, password, status, said):
    page = await sign_up(visit, email=email, password=password)

    assert page.status == status
    assert shown(page)[0].startswith(said)
    assert page.forms[0].fields["email"] == email
    assert_outside(visit)


async def test_a_closed_project_says_so(supabase, visit):
    supabase.project["disable_signup"] = True
    page = await visit.get("/sign-up")

    assert shown(page) == ["New accounts are closed."]
    assert "password" not in page.raw.decode()


async def test_an_address_is_confirmed_by_its_code(confirming, visit):
    page = await sign_up(visit, email="ada@acme.example", password=PASSWORD)
    assert page.title == "Confirm your address · Atoms"
    assert_outside(visit)

    wrong = await visit.press(page, None, None, code="000000")
    assert (wrong.status, wrong.title) == (401, "Confirm your address · Atoms")
    assert_let_in(await visit.press(wrong, None, None, code=confirming.code))


async def test_an_address_is_confirmed_by_its_link(confirming, visit):
    await sign_up(visit, email=NEW, password=PASSWORD)
    (sent,) = [seen for seen in confirming.seen if seen.path == "/auth/v1/signup"]
    back = urlsplit(dict(parse_qsl(sent.query_string))["redirect_to"])
    confirming.flows["c1"] = confirming.mailed[0]["code_challenge"]

    assert_let_in(await visit.get(f"{back.path}?{back.query}&code=c1"))


async def test_an_address_that_has_an_account_is_answered_alike(confirming, visit):
    new = await sign_up(visit, email=NEW, password=PASSWORD)
    known = await sign_up(visit, email="ada@acme.example", password=PASSWORD)

    assert new.status == known.status == 200
    assert new.text.replace(NEW, "") == known.text.replace("ada@acme.example", "")
    assert len(confirming.mailed) == 1
