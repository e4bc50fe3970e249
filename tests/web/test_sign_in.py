import pytest
from entrance import NEXT, make_state, read_state, shown
from supabase_double import FAULTS

from atoms_mcp.web.forms import FORMS


def project(supabase, **external):
    supabase.project["external"] = {"email": True} | external


async def test_the_page_asks_for_what_password_managers_know(visit):
    page = await visit.get("/sign-in")
    text = page.raw.decode()

    assert page.status == 200
    assert page.title == "Sign in · Atoms"
    assert 'name="email" type="email" autocomplete="username" required autofocus' in text
    assert 'name="password" type="password" autocomplete="current-password" required>' in text
    assert '<label for="email">Email</label>' in text
    assert page.forms[-1].action == "/sign-in"


async def test_only_what_the_project_offers_is_offered(supabase, visit):
    project(supabase, github=True, linkedin_oidc=True, my_own=True, google=False, phone=True)
    supabase.project["disable_signup"] = True

    page = await visit.get("/sign-in")

    assert [value for name, value in page.forms[0].buttons if name == "provider"] == [
        "github",
        "linkedin_oidc",
        "my_own",
    ]
    for name in ("GitHub", "LinkedIn", "My own"):
        assert f"Continue with {name}" in page.text
    assert "Google" not in page.text
    assert "Create an account" not in page.text


async def test_a_project_without_email_offers_its_providers_alone(supabase, visit):
    project(supabase, email=False, github=True)
    page = await visit.get("/sign-in")

    assert "password" not in page.raw.decode()
    assert "Continue with GitHub" in page.text


async def test_a_project_without_any_way_says_so(supabase, visit):
    project(supabase, email=False)
    page = await visit.get("/sign-in")

    assert shown(page) == ["There is no way to sign in here."]


@pytest.mark.parametrize("fault", ["503", "html", "reset"])
async def test_where_nobody_can_be_asked_the_usual_way_is_offered(supabase, visit, fault):
    supabase.faults["/auth/v1/settings"] = FAULTS[fault][0]
    page = await visit.get("/sign-in")

    assert page.status == 200
    assert "password" in page.forms[0].fields


async def test_whoever_is_signed_in_can_go_on_as_they_are(signed_in):
    page = await signed_in.get("/sign-in")

    assert "/account" in page.links
    assert "Continue as ada@acme.example" in page.text
    assert "password" in page.forms[-1].fields


async def test_another_step_comes_back_with_what_was_typed(visit):
    state = make_state(visit)
    page = await visit.post(
        "/sign-in",
        {"state": state, "step": "begin", "email": " ada@acme.example ", "password": "typed-it"},
    )

    assert page.status == 200
    assert page.forms[-1].fields["email"] == "ada@acme.example"
    assert "to continue to Claude Code" in page.text
    assert "typed-it" not in page.raw.decode()
    claims = visit.web.app[FORMS].open("sign-in", visit.cookies["atoms_form"], read_state(page))
    assert (claims["next"], claims["client"]) == (NEXT, "Claude Code")


async def test_a_name_of_a_client_is_only_text(visit):
    state = make_state(visit, client='<b onclick="x">')
    page = await visit.post("/sign-in", {"state": state, "step": "begin", "email": '"><script>'})

    text = page.raw.decode()
    assert "&lt;b onclick=" in text
    assert "<script" not in text
