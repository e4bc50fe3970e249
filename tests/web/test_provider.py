from urllib.parse import parse_qsl, urlsplit

import pytest
from entrance import NEXT, assert_let_in, make_state, shown
from supabase_double import FAULTS

from atoms_mcp.web.forms import FORMS


async def leave(visit, **fields):
    return await visit.post("/sign-in/provider", {"state": make_state(visit), **fields})


async def test_the_browser_is_sent_by_way_of_supabase_and_comes_back(supabase, visit):
    page = await leave(visit, provider="github")
    query = page.query

    assert page.status == 303
    assert page.location.startswith(f"{supabase.issuer}/authorize?")
    assert (query["provider"], query["code_challenge_method"]) == ("github", "s256")
    back = urlsplit(query["redirect_to"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{visit.web.url}/sign-in/callback"
    assert NEXT not in page.location

    supabase.flows["c1"] = query["code_challenge"]
    assert_let_in(await visit.get(f"{back.path}?{back.query}&code=c1"))


async def test_the_verifier_stays_with_the_browser_sealed(visit):
    page = await leave(visit, provider="github")

    (kept,) = [line for line in page.headers.getall("Set-Cookie") if "atoms_ways" in line]
    assert "HttpOnly" in kept
    assert page.query["code_challenge"] not in kept
    state = dict(parse_qsl(urlsplit(page.query["redirect_to"]).query))["state"]
    claims = visit.web.app[FORMS].open("way", visit.cookies["atoms_form"], state)
    assert not {"verifier", "session", "rt"} & set(claims)


@pytest.mark.parametrize("provider", ["google", "email", "", "../github", None])
async def test_a_provider_that_is_not_offered_is_refused(visit, provider):
    page = await leave(visit, **({} if provider is None else {"provider": provider}))

    assert page.status == 403
    assert shown(page) == ["This project does not offer that."]
    assert "to continue to Claude Code" in page.text


async def test_an_outage_is_told(supabase, visit):
    supabase.faults["/auth/v1/settings"] = FAULTS["503"][0]

    page = await leave(visit, provider="github")

    assert page.status == 503
    assert shown(page) == ["The sign-in service cannot be reached."]
