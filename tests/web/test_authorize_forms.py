"""The form by which a person decides, and what may have changed when it comes."""

import pytest
from connections_table import ConnectionsTable
from supabase_double import answering
from visit_double import let_in

from atoms_mcp.identity.seal import Seal
from atoms_mcp.oauth.errors import UnknownClient
from atoms_mcp.store.store import StoreDown
from atoms_mcp.web import keys


def assert_refused(page, status):
    assert page.status == status
    assert page.location is None
    assert page.headers["Content-Type"].startswith("text/html")


async def test_a_form_without_the_cookie_of_its_browser_is_refused(signed_in, ask):
    page = await signed_in.get(ask())
    del signed_in.cookies["atoms_form"]

    assert_refused(await signed_in.press(page, "decision", "approve"), 403)


async def test_a_form_of_another_browser_is_refused(signed_in, make_visit, ask):
    stranger = await make_visit(signed_in.web, is_signed_in=True)
    theirs = await stranger.get(ask())
    await signed_in.get(ask())

    assert_refused(await signed_in.press(theirs, "decision", "approve"), 403)


async def test_a_form_of_another_kind_is_refused(supabase, signed_in):
    ConnectionsTable(supabase)
    account = await signed_in.get("/account")
    state = account.form("where", "here").fields["state"]
    fields = {"state": state, "decision": "approve", "scope": "read"}

    assert_refused(await signed_in.post("/oauth/consent", fields), 403)


@pytest.mark.parametrize("state", ["", "x", "a.b.c.d.e", "x" * 17_000])
async def test_a_form_that_was_not_made_here_is_refused(signed_in, ask, state):
    page = await signed_in.get(ask())

    assert_refused(await signed_in.press(page, "decision", "approve", state=state), 403)


async def test_a_form_sealed_by_somebody_else_is_refused(signed_in, ask):
    page = await signed_in.get(ask())
    claims = {"purpose": "consent", "browser": signed_in.cookies["atoms_form"], "exp": 9**12}
    state = Seal([b"e" * 32]).seal("form", claims)

    assert_refused(await signed_in.press(page, "decision", "approve", state=state), 403)


async def test_a_form_that_was_open_for_too_long_is_refused_and_leads_back(signed_in, clock, ask):
    link = ask()
    page = await signed_in.get(link)
    clock.now += 601

    answer = await signed_in.press(page, "decision", "approve")

    assert_refused(answer, 409)
    assert link in answer.links


async def test_a_form_is_good_for_one_code(signed_in, ask):
    page = await signed_in.get(ask())
    await signed_in.press(page, "decision", "approve")

    again = await signed_in.press(page, "decision", "approve")

    assert again.status == 200
    assert again.location is None
    assert "You have answered this already." in again.text
    assert (await signed_in.press(again, "decision", "approve")).query["code"]


@pytest.mark.requirement("auth-consent")
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example"}, id="foreign"),
        pytest.param(
            {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, id="foreign-site"
        ),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, id="sandboxed"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "same-site"}, id="sibling"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": None}, id="null-alone"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="other-port"),
    ],
)
async def test_a_form_that_another_site_sends_is_refused(signed_in, ask, headers):
    page = await signed_in.get(ask())

    answer = await signed_in.press(page, "decision", "approve", headers=headers)

    assert answer.status == 403
    assert answer.location is None


async def test_a_field_that_comes_twice_or_is_unknown_is_refused(signed_in, ask):
    page = await signed_in.get(ask())
    fields = {**page.form("decision", "approve").fields, "decision": "approve"}

    twice = await signed_in.post("/oauth/consent", [*fields.items(), ("decision", "deny")])
    unknown = await signed_in.post(
        "/oauth/consent", {**fields, "redirect_uri": "https://evil.example"}
    )

    assert_refused(twice, 400)
    assert_refused(unknown, 400)


async def test_only_forms_are_taken(signed_in, ask):
    await signed_in.get(ask())

    answer = await signed_in.post("/oauth/consent", b"{}", **{"Content-Type": "application/json"})

    assert_refused(answer, 415)


async def test_there_is_no_page_behind_the_form(signed_in):
    assert_refused(await signed_in.get("/oauth/consent"), 404)


# What changed meanwhile


async def test_if_somebody_else_signed_in_they_are_asked_themselves(signed_in, ask):
    page = await signed_in.get(ask())
    await let_in(signed_in, "bob@umbrella.example", session_id="session-2")

    answer = await signed_in.press(page, "decision", "approve")

    assert answer.status == 200
    assert answer.location is None
    assert "Somebody else has signed in meanwhile." in answer.text
    assert "bob@umbrella.example" in answer.text


async def test_if_nobody_is_signed_in_any_more_that_comes_first(signed_in, ask):
    page = await signed_in.get(ask())
    del signed_in.cookies["atoms_session"]

    answer = await signed_in.press(page, "decision", "approve")

    assert answer.status == 200
    assert answer.location is None
    assert "to continue to Inspector" in answer.text


async def test_a_session_that_ended_leads_to_signing_in(supabase, signed_in, ask):
    link = ask()
    page = await signed_in.get(link)
    supabase.ended.add("session-1")

    answer = await signed_in.press(page, "decision", "approve")

    assert answer.location == link
    assert "atoms_session" not in signed_in.cookies


async def test_a_session_that_has_ended_leads_to_signing_in(supabase, signed_in, ask):
    link = ask()
    supabase.ended.add("session-1")

    assert (await signed_in.get(link)).location == link
    assert "to continue to Inspector" in (await signed_in.get(link)).text


@pytest.mark.parametrize("is_late", [True, False])
async def test_while_supabase_is_down_nothing_is_approved(supabase, signed_in, ask, is_late):
    link = ask()
    page = await signed_in.get(link)
    supabase.faults["/auth/v1/user"] = answering(503, b"{}")

    if is_late:
        answer = await signed_in.press(page, "decision", "approve")
    else:
        answer = await signed_in.get(link)

    assert_refused(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


async def test_while_the_store_is_down_nothing_is_approved(signed_in, ask, monkeypatch):
    page = await signed_in.get(ask())

    async def fail(*_arguments):
        raise StoreDown

    monkeypatch.setattr(signed_in.web.app[keys.STORE], "take_once", fail)

    assert_refused(await signed_in.press(page, "decision", "approve"), 503)


async def test_a_client_that_vanished_is_told_on_the_page(signed_in, ask, monkeypatch):
    page = await signed_in.get(ask())

    async def fail(*_arguments):
        raise UnknownClient

    monkeypatch.setattr(signed_in.web.app[keys.CLIENTS], "find", fail)

    assert_refused(await signed_in.press(page, "decision", "approve"), 400)
