"""What a request may not ask for here, and how long it may be to get through all pages."""

from urllib.parse import quote, urlsplit

import pytest

from atoms_mcp.web.authorize import MAX_PATH_CHARS

CODE = "12345678-1234-1234-1234-123456789abc"
REQUEST_LINE_BYTES = 8190
LONGER_BASE_URL = 100


async def test_a_token_for_another_name_of_this_server_is_refused_before_anybody_is_asked(
    web, signed_in, ask
):
    own = f"{web.url}/api/mcp"
    others = {site.resource for site in web.sites.by_host.values()} - {own}

    page = await signed_in.get(ask(resource=others.pop()))

    assert page.status == 303
    assert page.query["error"] == "invalid_target"


@pytest.mark.parametrize("more", ["\\" * 2000, '"' * 2000, "y" * MAX_PATH_CHARS])
async def test_an_address_that_is_too_long_to_go_along_is_refused_at_once(signed_in, ask, more):
    page = await signed_in.get(f"{ask()}&x={more}")

    assert page.status == 400
    assert f"more than the {MAX_PATH_CHARS} characters" in page.text
    assert page.location is None


@pytest.mark.parametrize("sign", ["y", '"', "\\"])
async def test_the_longest_address_that_is_taken_goes_to_a_provider_and_back(
    supabase, visit, ask, sign
):
    start = f"{ask(name='N' * 256)}&x="
    page = await visit.get(start + sign * ((MAX_PATH_CHARS - len(start)) // len(quote(sign))))
    assert page.status == 200

    gone = await visit.press(page, "provider", "github")
    back = urlsplit(gone.query["redirect_to"])
    returned = f"{back.path}?{back.query}&code={CODE}"
    assert len(f"GET {returned} HTTP/1.1") < REQUEST_LINE_BYTES - LONGER_BASE_URL
    supabase.flows[CODE] = gone.query["code_challenge"]
    there = await visit.get(returned)

    assert there.status == 303
    assert (await visit.get(there.location)).status == 200


async def test_a_mail_for_the_longest_address_leads_back_as_well(supabase, visit, ask):
    start = f"{ask(name='N' * 256)}&x="
    page = await visit.get(start + "y" * (MAX_PATH_CHARS - len(start)))
    email = "a" * 240 + "@acme.example"

    sent = await visit.post("/recover", {"state": page.forms[0].fields["state"], "email": email})

    asked = next(seen for seen in supabase.seen if seen.path == "/auth/v1/recover")
    back = asked.query["redirect_to"]
    assert sent.status == 200
    assert len(f"GET {back}&code={CODE} HTTP/1.1") < REQUEST_LINE_BYTES


async def test_a_token_too_long_for_a_form_is_told_as_supabases_fault(
    supabase, visit, ask, monkeypatch
):
    supabase.enroll()
    long = supabase.claims(padding="x" * 9000)
    monkeypatch.setattr(supabase, "claims", lambda **changed: long | changed)
    page = await visit.get(ask())
    form = next(form for form in page.forms if "password" in form.fields)

    answer = await visit.post(
        form.action, {**form.fields, "email": supabase.email, "password": supabase.password}
    )

    assert answer.status == 502
