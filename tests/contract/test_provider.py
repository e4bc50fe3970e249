"""Signing in through a provider, judged by the official client; the provider is pretended."""

import re

import httpx
import pytest
from supabase_auth.errors import AuthApiError

WAIT_S = 5
HERE = "http://127.0.0.1:7654/sign-in/callback"


@pytest.fixture(scope="module")
def stack(start_stack, tmp_path_factory):
    """A stack with the pretended provider."""
    return start_stack(tmp_path_factory.mktemp("provider"), ATOMS_LOCAL_DEMO_PROVIDER="on")


@pytest.fixture(scope="module")
def project(stack, project_of):
    return project_of(stack)


@pytest.fixture
async def leave(connect):
    """Give an official client that has left for the provider, and the provider's page."""

    async def go(redirect_to=HERE):
        client = await connect()
        left = await client.auth.sign_in_with_oauth(
            {"provider": "github", "options": {"redirect_to": redirect_to}}
        )
        # The client takes the names of real providers only.
        url = left.url.replace("provider=github", "provider=demo")
        async with httpx.AsyncClient(follow_redirects=True, timeout=WAIT_S) as browser:
            page = await browser.get(url)
        assert page.status_code == 200
        return client, page.text

    return go


def choose(page, **pressed):
    """Press a button of the provider's page, and give the address that it leads to."""
    action = re.search(r'<form action="([^"]+)"', page).group(1)
    state = re.search(r'name="state" value="([^"]+)"', page).group(1)
    answer = httpx.get(action, params={"state": state, **pressed}, timeout=WAIT_S)
    assert answer.status_code == 302
    return httpx.URL(answer.headers["Location"])


def button_of(page, email):
    return re.search(rf'name="code" value="([^"]+)">{re.escape(email)}<', page).group(1)


def test_the_settings_say_that_there_is_a_provider(project, raw):
    assert raw.get(f"{project.auth_url}/settings").json()["external"]["demo"] is True


async def test_a_chosen_account_is_signed_in_by_its_code(leave):
    client, page = await leave(f"{HERE}?next=1")

    url = choose(page, code=button_of(page, "ada@acme.example"))
    answer = await client.auth.exchange_code_for_session({"auth_code": url.params["code"]})

    assert str(url).startswith(f"{HERE}?next=1&code=")
    assert answer.session.user.email == "ada@acme.example"
    assert answer.session.user.app_metadata["providers"] == ["email", "demo"]
    claims = (await client.auth.get_claims())["claims"]
    assert (claims["amr"][0]["method"], claims["amr"][0]["provider"]) == ("oauth", "demo")
    with pytest.raises(AuthApiError) as refused:
        await client.auth.exchange_code_for_session(
            {"auth_code": url.params["code"], "code_verifier": "v" * 43}
        )
    assert (refused.value.status, refused.value.code) == (404, "flow_state_not_found")


async def test_a_code_is_for_its_own_client(leave):
    client, page = await leave()
    code = choose(page, code=button_of(page, "vic@acme.example")).params["code"]

    with pytest.raises(AuthApiError) as refused:
        await client.auth.exchange_code_for_session({"auth_code": code, "code_verifier": "v" * 43})

    assert (refused.value.status, refused.value.code) == (400, "bad_code_verifier")


async def test_whoever_cancels_comes_back_without_a_code(leave):
    _, page = await leave()

    url = choose(page, error="access_denied")

    assert str(url).startswith(HERE)
    assert url.params["error"] == "access_denied"
    assert "code" not in url.params


async def test_other_places_are_silently_the_site(leave):
    _, page = await leave("https://evil.example/steal")

    url = choose(page, code=button_of(page, "ada@acme.example"))

    assert str(url).startswith("http://127.0.0.1:8000?code=")
