"""What is connected, who may end it, and every way to make somebody end it unwillingly."""

import time
from datetime import UTC, datetime

import pytest
from connections_table import PLACE, ConnectionsTable, hold
from supabase_double import answering, refusal
from visit_double import let_in

from atoms_mcp.store.store import StoreDown
from atoms_mcp.web import keys

FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def table(supabase):
    return ConnectionsTable(supabase)


def stamp(seconds_ago):
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).isoformat()


def is_revoked(web, gid):
    return web.app[keys.STORE].is_marked(f"revoked:{gid}")


async def test_whoever_is_not_signed_in_does_that_first(visit):
    page = await visit.get("/account")

    assert page.status == 200
    assert any("password" in form.fields for form in page.forms)


async def test_what_is_connected_is_listed_in_words(signed_in, table):
    table.add(FIRST, "Inspector", created_at=stamp(3 * 86_400), last_used_at=stamp(90))
    table.add(
        SECOND,
        "Claude",
        scope="atoms:read",
        client_host="claude.ai",
        redirect_host="claude.example",
        created_at=stamp(40 * 86_400),
        last_used_at=stamp(3700),
    )

    page = await signed_in.get("/account")

    assert page.status == 200
    assert "ada@acme.example" in page.text
    assert "Inspector client.example · Read and write" in page.text
    assert "Connected 3 days ago · Last used 1 minute ago" in page.text
    assert "Claude claude.example · claude.ai · Read only" in page.text
    assert "Connected 1 month ago · Last used 1 hour ago" in page.text
    assert page.text.index("Inspector") < page.text.index("Claude claude")  # the last used first
    year = datetime.now(UTC).strftime("%Y").encode()
    assert b'<time datetime="' + year in page.raw
    assert b' UTC">' in page.raw


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "A program on this computer · Read"),
        ("[::1]", "A program on this computer · Read"),
        ("client.example:8443", "client.example:8443 · Read"),
        ("cursor://anysphere.cursor-mcp", "An app on this device (cursor://anysphere.cursor-mcp)"),
        ("com.example.app:", "An app on this device (com.example.app:)"),
    ],
)
async def test_it_is_said_where_an_app_is(signed_in, table, host, shown):
    table.add(FIRST, redirect_host=host)

    assert f"Inspector {shown}" in (await signed_in.get("/account")).text


async def test_names_of_clients_cannot_break_out_of_the_page(signed_in, table):
    table.add(FIRST, '"><script>alert(1)</script>\u202e', redirect_host='"><img src=x>')
    table.add(SECOND, "\u202e\u200b")

    page = await signed_in.get("/account")

    assert b"<script" not in page.raw
    assert b"<img src=x" not in page.raw
    assert "\u202e" not in page.text
    assert "An app without a name" in page.text


async def test_where_nothing_is_connected_that_is_said(signed_in, table):
    page = await signed_in.get("/account")

    assert table.rows == {}
    assert "No app is connected." in page.text
    assert "/" in page.links


async def test_without_the_table_the_page_works_and_says_what_to_do(supabase, signed_in):
    supabase.faults[PLACE] = answering(404, b'{"code":"PGRST205","message":"no"}')

    page = await signed_in.get("/account")
    answer = await signed_in.press(page, "where", "everywhere")

    assert page.status == 200
    assert "atoms-mcp schema" in page.text
    assert answer.location == "/account"
    assert "signed out everywhere" in (await signed_in.get("/account")).text


async def test_no_page_can_be_framed_or_kept(signed_in, table):
    page = await signed_in.get("/account")

    assert table.rows == {}
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"


# Disconnecting


async def test_an_app_is_disconnected_and_that_is_said_once(web, signed_in, table):
    table.add(FIRST)
    table.add(SECOND, "Claude")
    await hold(web, FIRST)
    await hold(web, SECOND)

    answer = await signed_in.press(await signed_in.get("/account"), "app", FIRST)

    assert answer.status == 303
    assert answer.location == "/account"
    assert list(table.rows) == [SECOND]
    assert await is_revoked(web, FIRST)
    assert not await is_revoked(web, SECOND)
    page = await signed_in.get("/account")
    assert "The app is disconnected." in page.text
    assert "Inspector" not in page.text
    assert "The app is disconnected." not in (await signed_in.get("/account")).text


async def test_the_browser_stays_signed_in_when_an_app_on_its_session_goes(
    web, supabase, signed_in, table
):
    table.add(FIRST, session_id="session-1")
    await hold(web, FIRST)

    await signed_in.press(await signed_in.get("/account"), "app", FIRST)

    assert supabase.count("/auth/v1/logout") == 0
    assert "ada@acme.example" in (await signed_in.get("/account")).text


async def test_nothing_is_revoked_that_is_not_on_the_users_own_list(web, signed_in, table):
    table.add(FIRST)
    page = await signed_in.get("/account")
    state = page.form("app", FIRST).fields["state"]

    for gid in (SECOND, "", "x", f"{FIRST}&id=neq.0"):
        answer = await signed_in.post("/account/revoke", {"state": state, "app": gid})
        assert answer.location == "/account"
        assert "not connected any more" in (await signed_in.get("/account")).text
    assert not await is_revoked(web, SECOND)
    assert list(table.rows) == [FIRST]


async def test_a_row_that_names_the_grant_of_somebody_else_ends_nothing(
    web, supabase, signed_in, table
):
    stamp_now = stamp(0)
    table.add(FIRST, session_id="session-9", created_at=stamp_now, last_used_at=stamp_now)
    await web.chains.holders.add("bob", "session-9", FIRST, web.clock() + 3600)

    await signed_in.press(await signed_in.get("/account"), "app", FIRST)

    assert not await is_revoked(web, FIRST)
    assert supabase.count("/auth/v1/logout") == 0
    assert "could not be disconnected" in (await signed_in.get("/account")).text


async def test_a_form_without_an_app_revokes_nothing(signed_in, table):
    table.add(FIRST)
    state = (await signed_in.get("/account")).form("app", FIRST).fields["state"]

    await signed_in.post("/account/revoke", {"state": state})

    assert list(table.rows) == [FIRST]


async def test_without_the_table_nothing_can_be_disconnected(supabase, signed_in, table):
    table.add(FIRST)
    page = await signed_in.get("/account")
    supabase.faults[PLACE] = answering(404, b'{"code":"PGRST205","message":"no"}')

    assert (await signed_in.press(page, "app", FIRST)).location == "/account"
    assert "could not be disconnected" in (await signed_in.get("/account")).text


# Signing out


async def test_signing_out_here_ends_this_browser(supabase, signed_in, table):
    table.add(FIRST)
    cookie = signed_in.cookies["atoms_session"]

    answer = await signed_in.press(await signed_in.get("/account"), "where", "here")

    assert answer.location == "/account"
    assert "atoms_session" not in signed_in.cookies
    assert supabase.count("/auth/v1/logout") == 1
    page = await signed_in.get("/account")
    assert "You are signed out in this browser." in page.text
    signed_in.cookies["atoms_session"] = cookie
    assert (await signed_in.get("/account")).location == "/account"  # worth nothing any more
    assert any("password" in f.fields for f in (await signed_in.get("/account")).forms)


async def test_signing_out_here_works_while_supabase_is_down(supabase, signed_in, table):
    table.add(FIRST)
    page = await signed_in.get("/account")
    supabase.faults["/auth/v1/logout"] = answering(503, b"{}")

    answer = await signed_in.press(page, "where", "here")

    assert answer.location == "/account"
    assert "atoms_session" not in signed_in.cookies


async def test_signing_out_everywhere_ends_every_app(web, supabase, signed_in, table):
    table.add(FIRST)
    await hold(web, FIRST)
    await hold(web, SECOND, "session-2")  # not on the list

    answer = await signed_in.press(await signed_in.get("/account"), "where", "everywhere")

    assert answer.location == "/account"
    assert [seen.query["scope"] for seen in supabase.seen if seen.path == "/auth/v1/logout"] == [
        "global"
    ]
    assert await is_revoked(web, FIRST)
    assert await is_revoked(web, SECOND)
    assert table.rows == {}
    assert "You are signed out everywhere." in (await signed_in.get("/account")).text


async def test_while_supabase_is_down_nobody_is_told_to_be_signed_out_everywhere(
    supabase, signed_in, table
):
    table.add(FIRST)
    page = await signed_in.get("/account")
    supabase.faults["/auth/v1/logout"] = answering(503, b"{}")

    answer = await signed_in.press(page, "where", "everywhere")

    assert answer.status == 503
    assert "atoms_session" in signed_in.cookies

    supabase.faults.pop("/auth/v1/logout")
    await signed_in.press(page, "where", "everywhere")
    assert "You are signed out everywhere." in (await signed_in.get("/account")).text


async def test_apps_are_revoked_before_supabase_is_asked_to_end_their_sessions(
    web, supabase, signed_in, table
):
    table.add(FIRST)
    await hold(web, FIRST, "session-2")
    page = await signed_in.get("/account")
    supabase.faults["/auth/v1/logout"] = answering(503, b"{}")

    await signed_in.press(page, "where", "everywhere")

    assert await is_revoked(web, FIRST)


async def test_a_list_that_cannot_be_emptied_keeps_nobody_signed_in(supabase, signed_in, table):
    page = await signed_in.get("/account")
    supabase.faults[PLACE] = answering(503, b"{}")

    await signed_in.press(page, "where", "everywhere")

    assert table.rows == {}
    assert "You are signed out everywhere." in (await signed_in.get("/account")).text


@pytest.mark.parametrize("where", ["moon", "", None])
async def test_a_form_that_does_not_say_where_ends_nothing(supabase, signed_in, table, where):
    table.add(FIRST)
    state = (await signed_in.get("/account")).form("app", FIRST).fields["state"]
    fields = {"state": state} if where is None else {"state": state, "where": where}

    answer = await signed_in.post("/account/sign-out", fields)

    assert answer.status == 400
    assert supabase.count("/auth/v1/logout") == 0


async def test_whoever_is_signed_out_already_may_do_it_again(supabase, signed_in, table):
    table.add(FIRST)
    page = await signed_in.get("/account")
    del signed_in.cookies["atoms_session"]

    here = await signed_in.press(page, "where", "here")
    everywhere = await signed_in.press(page, "where", "everywhere")

    assert (here.location, everywhere.location) == ("/account", "/account")
    assert supabase.count("/auth/v1/logout") == 0
    assert "signed out everywhere" not in (await signed_in.get("/account")).text


# What changed meanwhile


async def test_a_session_that_has_ended_leads_to_signing_in(supabase, signed_in, table):
    table.add(FIRST)
    supabase.ended.add("session-1")

    assert (await signed_in.get("/account")).location == "/account"
    assert "atoms_session" not in signed_in.cookies


@pytest.mark.parametrize(("name", "value"), [("app", FIRST), ("where", "everywhere")])
async def test_a_session_that_ended_ends_nothing_else(web, supabase, signed_in, table, name, value):
    table.add(FIRST)
    page = await signed_in.get("/account")
    supabase.ended.add("session-1")

    assert (await signed_in.press(page, name, value)).location == "/account"
    assert not await is_revoked(web, FIRST)


@pytest.mark.parametrize(("name", "value"), [("app", FIRST), ("where", "everywhere")])
async def test_a_form_of_somebody_else_ends_nothing_of_who_signed_in(
    web, supabase, signed_in, table, name, value
):
    table.add(FIRST)
    page = await signed_in.get("/account")
    await let_in(signed_in, "bob@umbrella.example", session_id="session-2")

    assert (await signed_in.press(page, name, value)).location == "/account"
    assert supabase.count("/auth/v1/logout") == 0
    assert not await is_revoked(web, FIRST)


async def test_a_signature_that_rest_refuses_leads_to_an_error_page(supabase, signed_in):
    supabase.faults[PLACE] = answering(401, b'{"code":"PGRST301","message":"no"}')

    page = await signed_in.get("/account")

    assert page.status == 401
    assert page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("place", ["/auth/v1/user", PLACE])
async def test_while_supabase_is_down_the_page_says_so(supabase, signed_in, table, place):
    assert table.rows == {}
    supabase.faults[place] = answering(503, b"{}")

    page = await signed_in.get("/account")

    assert page.status == 503
    assert page.headers["Content-Type"].startswith("text/html")


async def test_while_supabase_refuses_our_key_nobody_is_signed_out(supabase, signed_in, table):
    assert table.rows == {}

    async def refuse(_request):
        return refusal(429, "over_request_rate_limit")

    supabase.faults["/auth/v1/user"] = refuse

    assert (await signed_in.get("/account")).status == 503
    assert "atoms_session" in signed_in.cookies


async def test_while_the_store_is_down_nothing_is_done(web, signed_in, table, monkeypatch):
    table.add(FIRST)
    await hold(web, FIRST)
    page = await signed_in.get("/account")

    async def fail(*_arguments):
        raise StoreDown

    monkeypatch.setattr(signed_in.web.app[keys.STORE], "mark", fail)

    assert (await signed_in.press(page, "app", FIRST)).status == 503
    assert list(table.rows) == [FIRST]


# Forms that are not to be believed


@pytest.mark.parametrize(("name", "value"), [("app", FIRST), ("where", "everywhere")])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example"}, id="foreign"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, id="sandboxed"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": None}, id="null-alone"),
    ],
)
async def test_a_form_that_another_site_sends_is_refused(signed_in, table, headers, name, value):
    table.add(FIRST)
    page = await signed_in.get("/account")

    answer = await signed_in.press(page, name, value, headers=headers)

    assert answer.status == 403
    assert list(table.rows) == [FIRST]


@pytest.mark.parametrize("place", ["/account/revoke", "/account/sign-out"])
async def test_a_form_that_is_not_of_this_browser_is_refused(signed_in, make_visit, table, place):
    table.add(FIRST)
    stranger = await make_visit(signed_in.web, is_signed_in=True)
    theirs = (await stranger.get("/account")).form("app", FIRST).fields["state"]
    await signed_in.get("/account")
    fields = {"state": theirs}

    foreign = await signed_in.post(place, fields)
    del signed_in.cookies["atoms_form"]
    without = await signed_in.post(place, fields)

    assert (foreign.status, without.status) == (403, 403)
    assert list(table.rows) == [FIRST]


async def test_a_form_that_was_open_for_too_long_leads_back(signed_in, clock, table):
    table.add(FIRST)
    page = await signed_in.get("/account")
    clock.now += 1801

    answer = await signed_in.press(page, "app", FIRST)

    assert answer.status == 409
    assert "/account" in answer.links
    assert list(table.rows) == [FIRST]


@pytest.mark.parametrize("notice", ["evil", "<b>", "account.none", "everywhere"])
async def test_a_cookie_cannot_say_anything_of_its_own(signed_in, table, notice):
    assert table.rows == {}
    signed_in.cookies["atoms_notice"] = notice

    page = await signed_in.get("/account")

    assert page.status == 200
    assert "evil" not in page.text
    assert "signed out" not in page.text
    assert "atoms_notice" not in signed_in.cookies
