import asyncio

import pytest
from supabase_double import FAULTS, answering, refusal

from atoms_mcp.identity.chains import (
    KEPT_S,
    Chains,
    SessionOver,
    SessionUnknown,
    find_expiry,
    find_session_id,
)
from atoms_mcp.identity.seal import Seal
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.auth import Session, SupabaseAuth, User
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

TOKEN = "/auth/v1/token"
LOGOUT = "/auth/v1/logout"
SID = "session-1"


@pytest.fixture
async def store(clock):
    store = LocalStore(now=clock)
    yield store
    await store.close()


@pytest.fixture
async def make(supabase, clock, store):
    """Make the chains of one process; all share one store and one key."""
    supabase.now = clock
    wire = Wire(supabase.settings())
    auth = SupabaseAuth(wire)

    def make_one(seal=None, **more):
        return Chains(auth, store, seal or Seal([b"k" * 32]), clock, **more)

    make_one.auth = auth
    yield make_one
    await wire.close()


@pytest.fixture
async def signed_in(supabase, make):
    session = await make.auth.sign_in(supabase.email, supabase.password)
    supabase.seen.clear()
    return session


async def test_what_was_kept_is_given_without_asking_anybody(supabase, make, signed_in):
    chains = make()

    assert await chains.keep(signed_in) == SID
    assert await chains.current(SID, "stale") is signed_in
    assert supabase.seen == []


async def test_another_process_finds_it_as_well(supabase, make, signed_in):
    await make().keep(signed_in)

    assert await make().current(SID, "stale") == signed_in
    assert supabase.seen == []


async def test_a_token_about_to_expire_is_renewed(supabase, make, clock, signed_in):
    chains = make()
    await chains.keep(signed_in)
    clock.now = signed_in.expires_at - 60.5
    assert await chains.current(SID, "stale") is signed_in
    clock.now = signed_in.expires_at - 60

    renewed = await chains.current(SID, "stale")

    assert renewed.refresh_token == "refresh2"
    assert renewed.expires_at > clock.now + 3000
    assert await chains.current(SID, "stale") is renewed
    assert supabase.count(TOKEN) == 1


async def test_a_margin_beyond_its_life_counts_to_the_half_of_it(make, clock, supabase, signed_in):
    chains = make()
    await chains.keep(signed_in)

    clock.now = signed_in.expires_at - 1801
    assert await chains.current(SID, "x", margin_s=100_000) is signed_in
    clock.now += 2
    assert await chains.current(SID, "x", margin_s=100_000) is not signed_in
    assert supabase.count(TOKEN) == 1


async def test_the_newest_refresh_token_is_used_whatever_is_presented(supabase, make, signed_in):
    one, other = make(), make()
    await one.keep(signed_in)
    await one.renew(SID, signed_in.refresh_token)

    renewed = await other.renew(SID, signed_in.refresh_token)

    assert renewed.refresh_token == "refresh3"
    assert supabase.refresh_token == "refresh3"


async def test_the_presented_one_serves_where_the_store_has_lost_it(make, signed_in):
    assert (await make().renew(SID, signed_in.refresh_token)).refresh_token == "refresh2"


async def test_a_key_that_was_dropped_is_like_a_loss(make, signed_in):
    await make(Seal([b"o" * 32])).keep(signed_in)

    assert (await make().renew(SID, signed_in.refresh_token)).refresh_token == "refresh2"


async def test_an_older_key_still_opens_what_it_sealed(supabase, make, signed_in):
    await make(Seal([b"o" * 32])).keep(signed_in)

    assert await make(Seal([b"n" * 32, b"o" * 32])).current(SID, "stale") == signed_in
    assert supabase.seen == []


async def test_what_is_remembered_serves_where_the_store_has_lost_it(make, store, signed_in):
    chains = make()
    await chains.keep(signed_in)
    await store.delete(f"chain:{SID}")

    assert (await chains.renew(SID, "stale")).refresh_token == "refresh2"


async def test_many_at_once_share_one_renewal(supabase, make, clock, signed_in):
    chains = make()
    await chains.keep(signed_in)
    clock.now = signed_in.expires_at

    asked = [chains.current(SID, "x") if n % 2 else chains.renew(SID, "x") for n in range(20)]
    got = await asyncio.gather(*asked)

    assert {session.refresh_token for session in got} == {"refresh2"}
    assert supabase.count(TOKEN) == 1


async def test_sessions_are_renewed_apart(supabase, make):
    chains = make()
    supabase.faults[TOKEN] = answering(503)

    results = await asyncio.gather(
        chains.renew("a", "x"), chains.renew("b", "y"), return_exceptions=True
    )

    assert all(isinstance(result, SupabaseError) for result in results)
    assert supabase.count(TOKEN) == 2


@pytest.mark.parametrize(
    "code",
    [
        "validation_failed",
        "refresh_token_not_found",
        "refresh_token_already_used",
        "session_not_found",
        "session_expired",
        "user_banned",
    ],
)
async def test_a_refusal_of_the_token_ends_the_session(supabase, make, store, signed_in, code):
    chains = make()
    await chains.keep(signed_in)

    async def refuse(_request):
        return refusal(400, code)

    supabase.faults[TOKEN] = refuse
    with pytest.raises(SessionOver):
        await chains.renew(SID, "x")

    assert await store.get(f"chain:{SID}") is None
    with pytest.raises(SessionOver):
        await chains.current(SID, "x")


@pytest.mark.parametrize("status", [403, 404, 422])
async def test_a_banned_user_has_no_session_whatever_the_status(supabase, make, status):
    async def refuse(_request):
        return refusal(status, "user_banned")

    supabase.faults[TOKEN] = refuse
    with pytest.raises(SessionOver):
        await make().renew(SID, "x")


@pytest.mark.parametrize(
    "fault",
    [
        *(FAULTS[name][0] for name in ("500", "503", "429", "html", "reset", "half")),
        answering(401, b'{"message":"Invalid API key"}'),
        answering(409, b'{"code":"conflict","message":"too many"}'),
    ],
)
async def test_an_outage_ends_nothing(supabase, make, signed_in, fault):
    chains = make()
    await chains.keep(signed_in)
    supabase.faults[TOKEN] = fault
    with pytest.raises(SupabaseError):
        await chains.renew(SID, "x")
    supabase.faults.clear()

    assert await chains.current(SID, "x") is signed_in
    assert (await chains.renew(SID, "x")).refresh_token == "refresh2"


async def test_without_a_store_nothing_is_renewed_and_nothing_lost(
    supabase, make, store, signed_in, monkeypatch
):
    chains = make()
    await chains.keep(signed_in)

    async def fail(_key):
        raise StoreDown("down")

    monkeypatch.setattr(store, "get", fail)
    assert await chains.current(SID, "x") is signed_in
    with pytest.raises(StoreDown):
        await chains.renew(SID, "x")
    assert supabase.seen == []


async def test_a_session_that_nothing_is_known_of_is_over(supabase, make):
    with pytest.raises(SessionOver):
        await make().current(SID, None)
    assert supabase.seen == []


async def test_only_so_many_are_remembered(supabase, make, store):
    chains = make(max_remembered=2)
    for name in ("a", "b", "c"):
        token = supabase.token(session_id=name)
        user = User(supabase.user_id, supabase.email, is_anonymous=False)
        assert await chains.keep(Session(token, f"rt-{name}", 3600, 2**40, user)) == name

    for name in ("a", "b", "c"):
        await store.delete(f"chain:{name}")
    with pytest.raises(SessionOver):
        await chains.current("a", None)
    assert (await chains.current("b", None)).refresh_token == "rt-b"
    assert supabase.seen == []


async def test_it_is_kept_as_long_as_its_tokens_are_good(make, store, clock, signed_in):
    await make().keep(signed_in)
    clock.now += KEPT_S - 1
    assert await store.get(f"chain:{SID}") is not None
    clock.now += 1
    assert await store.get(f"chain:{SID}") is None


async def test_nothing_of_it_can_be_read_in_the_store(make, store, signed_in):
    await make().keep(signed_in)

    kept = await store.get(f"chain:{SID}")
    assert signed_in.refresh_token not in kept
    assert signed_in.access_token not in kept


async def test_a_session_is_ended_at_supabase_and_forgotten(supabase, make, store, signed_in):
    chains = make()
    await chains.keep(signed_in)

    await chains.end(SID, None)

    assert supabase.count(LOGOUT) == 1
    assert supabase.seen[0].query["scope"] == "local"
    assert await store.get(f"chain:{SID}") is None
    await chains.end(SID, None)
    assert len(supabase.seen) == 1


async def test_a_session_that_is_over_needs_no_end(supabase, make, signed_in):
    chains = make()
    await chains.keep(signed_in)
    supabase.faults[LOGOUT] = answering(403, b'{"code":"session_not_found","message":"no"}')

    await chains.end(SID, None)

    with pytest.raises(SessionOver):
        await chains.current(SID, None)


async def test_a_session_that_cannot_be_ended_now_stays(supabase, make, signed_in):
    chains = make()
    await chains.keep(signed_in)
    supabase.faults[LOGOUT] = answering(503)

    with pytest.raises(SupabaseError):
        await chains.end(SID, None)
    assert await chains.current(SID, None) is signed_in


async def test_a_session_without_an_id_is_not_one(supabase):
    user = User(supabase.user_id, supabase.email, is_anonymous=False)
    for token in (supabase.token(session_id=...), "no-jwt", "a.b.c", "a.W10.c"):
        with pytest.raises(SupabaseError) as caught:
            find_session_id(Session(token, "rt", 3600, 1, user))
        assert caught.value.kind == "wrong"


def test_the_token_itself_says_when_it_ends(supabase):
    user = User("u", "e", is_anonymous=False)

    def ends(exp, expires_at=2000):
        return find_expiry(Session(supabase.token(exp=exp), "rt", 3600, expires_at, user))

    assert ends(1000) == 1000
    assert ends(3000) == 2000
    assert ends(...) == 2000
    assert ends("soon") == 2000


async def test_what_another_version_kept_is_as_good_as_lost(make, store, clock, signed_in):
    seal = Seal([b"k" * 32])
    await store.put(f"chain:{SID}", seal.seal("chain", {"rt": "refresh1"}), clock.now + 100)

    with pytest.raises(SessionUnknown):
        await make().current(SID, None)
    assert (await make().current(SID, signed_in.refresh_token)).refresh_token == "refresh2"


async def test_who_has_a_token_in_hand_is_not_told_that_nothing_is_known(make, signed_in):
    chains = make()

    ended, renewed = await asyncio.gather(
        chains.current(SID, None),
        chains.renew(SID, signed_in.refresh_token),
        return_exceptions=True,
    )

    assert isinstance(ended, SessionUnknown)
    assert renewed.refresh_token == "refresh2"


async def test_a_renewal_is_one_though_somebody_else_only_wanted_to_know(supabase, make, signed_in):
    await make().keep(signed_in)
    chains = make()

    seen, renewed = await asyncio.gather(chains.current(SID, "stale"), chains.renew(SID, "stale"))

    assert seen == signed_in
    assert renewed.refresh_token == "refresh2"
    assert supabase.count(TOKEN) == 1


async def test_who_needs_a_longer_life_gets_one(supabase, make, clock, signed_in):
    await make().keep(signed_in)
    chains = make()
    clock.now = signed_in.expires_at - 600

    short, long, alike = await asyncio.gather(
        chains.current(SID, "stale", margin_s=0),
        chains.current(SID, "stale", margin_s=1800),
        chains.current(SID, "stale", margin_s=60),
    )

    assert (short, alike) == (signed_in, signed_in)
    assert long.refresh_token == "refresh2"
    assert supabase.count(TOKEN) == 1


async def test_who_joins_a_renewal_gets_what_it_gave(supabase, make, signed_in):
    chains = make()
    await chains.keep(signed_in)

    one, other = await asyncio.gather(
        chains.renew(SID, "stale"), chains.current(SID, None, margin_s=3601)
    )

    assert one.refresh_token == "refresh2"
    assert other in (one, signed_in)
    assert supabase.count(TOKEN) == 1
