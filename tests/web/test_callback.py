import pytest
from entrance import BROWSER, NEXT, assert_let_in, assert_outside, make_state, shown

from atoms_mcp.web.callback import PATH, PURPOSE
from atoms_mcp.web.forms import FORMS

VERIFIER = "v" * 43
CHALLENGE = "cAtGZnfHuTGgpDxOX3zXYUX0AeHOENN1gs2WuvlTzzo"


def leave(visit, kind="provider", **claims):
    """Be on the way back: gives the state, while the browser keeps the verifier."""
    state = make_state(visit, PURPOSE, way="w1", kind=kind, email="ada@acme.example", **claims)
    kept = {"ways": [("w0", "other"), ("w1", VERIFIER)]}
    visit.cookies["atoms_ways"] = visit.web.app[FORMS].seal("ways", BROWSER, 600, kept)
    return state


@pytest.fixture
def code(supabase):
    """A code that Supabase hands out for the verifier."""
    from supabase_double import s256  # noqa: PLC0415 - its own

    supabase.flows["c1"] = s256(VERIFIER)
    return "c1"


async def come_back(visit, state, query):
    return await visit.get(f"{PATH}?state={state}{query}")


async def test_a_code_lets_in_and_leads_on(visit, code):
    assert_let_in(await come_back(visit, leave(visit), f"&code={code}"))


async def test_a_code_is_good_once(visit, code):
    state = leave(visit)
    await come_back(visit, state, f"&code={code}")
    del visit.cookies["atoms_session"]

    page = await come_back(visit, state, f"&code={code}")

    assert page.status == 400
    assert shown(page) == ["This way to sign in was used already, or is too old."]
    assert_outside(visit)


async def test_without_its_verifier_a_code_is_worth_nothing(supabase, visit, code):
    state = leave(visit)
    del visit.cookies["atoms_ways"]

    page = await come_back(visit, state, f"&code={code}")

    assert page.status == 400
    assert supabase.count("/auth/v1/token") == 0
    assert "to continue to Claude Code" in page.text


async def test_the_verifiers_of_another_browser_are_none(visit, code):
    state = leave(visit)
    foreign = visit.web.app[FORMS].seal("ways", "c" * 32, 600, {"ways": [("w1", VERIFIER)]})
    visit.cookies["atoms_ways"] = foreign

    assert (await come_back(visit, state, f"&code={code}")).status == 400


async def test_in_another_browser_the_way_back_ends(supabase, visit, make_visit, code):
    state = leave(visit)
    other = await make_visit(visit.web)
    other.cookies["atoms_form"] = "c" * 32

    page = await come_back(other, state, f"&code={code}")

    assert page.status == 403
    assert "This link belongs to another browser." in page.text
    assert_outside(other)
    assert supabase.count("/auth/v1/token") == 0


async def test_a_way_that_took_too_long_leads_back_to_its_begin(visit, clock, code):
    state = leave(visit)
    clock.now += 601

    page = await come_back(visit, state, f"&code={code}")

    assert page.status == 409
    assert "This link is too old." in page.text
    assert NEXT in page.links


@pytest.mark.parametrize("state", ["", "x", "a.b.c.d.e"])
async def test_without_a_state_nobody_comes_back(visit, state, code):
    make_state(visit)
    page = await come_back(visit, state, f"&code={code}")

    assert page.status == 403
    assert_outside(visit)


async def test_the_state_of_a_form_is_not_one_of_a_way(visit, code):
    assert (await come_back(visit, make_state(visit), f"&code={code}")).status == 403


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("&error=access_denied", 403, "You turned back at the other service."),
        (
            "&error=access_denied&error_code=otp_expired",
            400,
            "This way to sign in was used already, or is too old.",
        ),
        ("&error=server_error", 403, "The other service did not sign you in."),
        ("&error=x&error_code=user_banned", 403, "This account is blocked."),
        ("&error=x&error_code=signup_disabled", 403, "This project takes no new accounts."),
        ("", 403, "The other service did not sign you in."),
    ],
)
async def test_what_went_wrong_elsewhere_is_said_in_our_words(visit, query, status, said):
    evil = "&error_description=%3Cscript%3ECall+0800+EVIL"
    page = await come_back(visit, leave(visit), query + evil)

    assert page.status == status
    assert shown(page) == [said]
    assert "EVIL" not in page.raw.decode()
    assert "to continue to Claude Code" in page.text
    assert page.forms[-1].fields["email"] == "ada@acme.example"


async def test_a_code_that_cannot_be_one_is_not_asked_for(supabase, visit):
    page = await come_back(visit, leave(visit), "&code=%00%0a")

    assert page.status == 400
    assert shown(page) == ["This way to sign in was used already, or is too old."]
    assert supabase.count("/auth/v1/token") == 0


async def test_a_recovery_comes_back_to_a_new_password(visit, code):
    page = await come_back(visit, leave(visit, "recovery"), f"&code={code}")

    assert page.status == 200
    assert page.title == "New password · Atoms"
    assert_outside(visit)


async def test_a_second_factor_is_asked_for_on_this_way_too(supabase, visit, code):
    supabase.enroll()
    page = await come_back(visit, leave(visit), f"&code={code}")

    assert page.title == "Second step · Atoms"
    assert_outside(visit)
