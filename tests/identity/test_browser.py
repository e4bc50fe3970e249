import pytest
from supabase_double import answering

from atoms_mcp.identity.browser import LIFETIME_S, BrowserSessions
from atoms_mcp.identity.chains import Chains, SessionOver
from atoms_mcp.identity.seal import Seal
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

LOGOUT = "/auth/v1/logout"


@pytest.fixture
async def browsers(supabase, clock):
    supabase.now = clock
    wire, store, seal = Wire(supabase.settings()), LocalStore(now=clock), Seal([b"k" * 32])
    auth = SupabaseAuth(wire)
    chains = Chains(auth, store, seal, clock)
    browsers = BrowserSessions(seal, chains, clock)
    browsers.seal, browsers.auth, browsers.chains = seal, auth, chains
    yield browsers
    await wire.close()
    await store.close()


@pytest.fixture
async def signed_in(supabase, browsers):
    return await browsers.start(await browsers.auth.sign_in(supabase.email, supabase.password))


async def test_a_cookie_says_who_signed_in(supabase, browsers, signed_in, clock):
    browser, cookie = signed_in

    assert browsers.read(cookie) == browser
    assert (browser.user_id, browser.email) == (supabase.user_id, supabase.email)
    assert browser.sid == "session-1"
    assert browser.expires_at == int(clock.now) + LIFETIME_S
    assert browser.refresh_token not in repr(browser) + cookie
    assert browser.key not in repr(browser)


async def test_a_cookie_ends_with_its_time(browsers, signed_in, clock):
    browser, cookie = signed_in
    clock.now = browser.expires_at - 1
    assert browsers.read(cookie) is not None
    clock.now += 1
    assert browsers.read(cookie) is None


async def test_what_is_no_cookie_of_ours_names_nobody(browsers, signed_in):
    _browser, cookie = signed_in
    claims = browsers.seal.open("browser", cookie)
    for value in (None, "", "x", cookie[:-1], cookie + "A", browsers.seal.seal("access", claims)):
        assert browsers.read(value) is None


async def test_a_cookie_of_another_version_names_nobody(browsers, signed_in):
    claims = browsers.seal.open("browser", signed_in[1])
    for name in claims:
        other = {key: value for key, value in claims.items() if key != name}
        assert browsers.read(browsers.seal.seal("browser", other)) is None


async def test_right_after_a_sign_in_nobody_is_asked(supabase, browsers, signed_in):
    supabase.seen.clear()

    assert (await browsers.current(signed_in[0])).refresh_token == "refresh1"
    assert supabase.seen == []


async def test_the_session_behind_it_is_renewed_in_time(browsers, signed_in, clock):
    clock.now += 3600

    assert (await browsers.current(signed_in[0])).refresh_token == "refresh2"


async def test_signing_out_ends_the_session_and_the_cookie(supabase, browsers, signed_in):
    browser, cookie = signed_in

    await browsers.end(browser)

    assert "session-1" in supabase.ended
    with pytest.raises(SessionOver):
        await browsers.current(browsers.read(cookie))


async def test_what_was_connected_from_it_stays_connected(supabase, browsers, signed_in, clock):
    browser, _cookie = signed_in
    await browsers.chains.holders.add(browser.user_id, browser.sid, "a-grant", clock.now + 100)

    await browsers.end(browser)

    assert supabase.count(LOGOUT) == 0
    with pytest.raises(SessionOver):
        await browsers.current(browser)
    assert (await browsers.chains.current(browser.sid, None)).refresh_token == "refresh1"


async def test_signing_out_everywhere_ends_all(supabase, browsers, signed_in, clock):
    browser, _cookie = signed_in
    await browsers.chains.holders.add(browser.user_id, browser.sid, "a-grant", clock.now + 100)

    await browsers.end_everywhere(browser)

    assert supabase.seen[-1].query["scope"] == "global"
    with pytest.raises(SessionOver):
        await browsers.current(browser)
    with pytest.raises(SessionOver):
        await browsers.end_everywhere(browser)


async def test_signing_out_everywhere_can_be_tried_again_until_supabase_has_done_it(
    supabase, browsers, signed_in
):
    supabase.faults[LOGOUT] = answering(503, b"{}")
    with pytest.raises(SupabaseError):
        await browsers.end_everywhere(signed_in[0])
    supabase.faults.clear()

    await browsers.end_everywhere(signed_in[0])

    assert "session-1" in supabase.ended


async def test_an_outage_of_the_store_after_that_changes_nothing(
    supabase, browsers, signed_in, monkeypatch
):
    async def fail(*_args):
        raise StoreDown("down")

    monkeypatch.setattr(browsers.chains.holders, "revoke", fail)

    await browsers.end_everywhere(signed_in[0])

    assert "session-1" in supabase.ended
