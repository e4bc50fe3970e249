import asyncio
from dataclasses import replace

import pytest
from grant_world import BOTH, CALLBACK, ISSUER, RESOURCE, GrantWorld, client, new_pair
from structlog.testing import capture_logs
from supabase_double import answering, refusal

from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.identity.claims import InvalidToken
from atoms_mcp.identity.connections import Connection, client_key
from atoms_mcp.identity.grants import CODE_LIFETIME_S, REFRESH_LIFETIME_S, REUSE_S
from atoms_mcp.identity.seal import Seal
from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import SupabaseError

TOKEN = "/auth/v1/token"
LOGOUT = "/auth/v1/logout"
OTHER = client("another-client")


@pytest.fixture
async def make(supabase, clock):
    """Start a process; all share one store."""
    clock.now = float(int(clock.now))
    started = []
    store = LocalStore(now=clock)

    def make_one(**more):
        started.append(GrantWorld(supabase, clock, **{"store": store, **more}))
        return started[-1]

    yield make_one
    for world in started:
        await world.wire.close()
    await store.close()


@pytest.fixture
async def world(make):
    return make()


async def refused(awaitable, error="invalid_grant"):
    with pytest.raises(OAuthError) as caught:
        await awaitable
    assert caught.value.error == error
    assert caught.value.status == 400
    return caught.value.description


async def test_a_consent_becomes_tokens(supabase, world, clock):
    answer = await world.connect()

    assert answer.scope == "atoms:read atoms:write"
    assert answer.expires_in_s == 3600
    claims = world.access.open(answer.access_token)
    assert (claims.iss, claims.aud, claims.client_id) == (ISSUER, RESOURCE, "a-client")
    assert claims.exp == int(clock.now) + 3600
    caller = await world.verifier.verify(answer.access_token)
    assert caller.user_id == supabase.user_id
    assert caller.presented == answer.access_token
    assert caller.token == claims.jwt
    assert (caller.client_id, caller.grant_id) == ("a-client", claims.gid)
    assert caller.scopes == {"atoms:read", "atoms:write"}


async def test_right_after_a_sign_in_redeeming_asks_nobody(supabase, world):
    grant = await world.consent()
    supabase.seen.clear()

    await world.grants.redeem(grant, client())

    assert supabase.seen == []


async def test_nothing_of_a_token_can_be_read_by_its_client(world):
    grant = await world.consent()
    answer = await world.grants.redeem(grant, client())

    jwt = world.access.open(answer.access_token).jwt
    shown = f"{grant.code} {answer.access_token} {answer.refresh_token}"
    assert jwt not in shown
    assert "refresh1" not in shown
    assert answer.access_token not in repr(answer)
    assert answer.refresh_token not in repr(answer)


async def test_a_second_client_needs_no_second_sign_in(supabase, world):
    await world.connect()
    supabase.seen.clear()

    await world.connect(OTHER)

    assert supabase.seen == []


async def test_a_token_is_fresh_even_where_the_session_is_not(world, clock):
    await world.sign_in()
    clock.now += 3000

    assert (await world.connect()).expires_in_s == 3600


async def test_expires_in_is_what_is_left(world, clock):
    grant = await world.consent()
    clock.now += 50.6

    assert (await world.grants.redeem(grant, client())).expires_in_s == 3549


async def test_a_token_ends_with_what_is_inside(world, clock):
    answer = await world.connect()
    await world.verifier.verify(answer.access_token)
    clock.now += 3600

    with pytest.raises(InvalidToken, match="expired"):
        await world.verifier.verify(answer.access_token)


async def test_only_what_was_agreed_to_is_granted(world):
    answer = await world.connect(scopes=("atoms:read",))

    assert answer.scope == "atoms:read"
    assert (await world.verifier.verify(answer.access_token)).scopes == {"atoms:read"}
    renewed = await world.refresh(answer, scope="atoms:read atoms:write")
    assert renewed.scope == "atoms:read"


async def test_a_code_is_redeemed_once_and_a_replay_ends_what_it_gave(supabase, world):
    grant = await world.consent()
    answer = await world.grants.redeem(grant, client())
    await world.verifier.verify(answer.access_token)

    assert "used before" in await refused(world.grants.redeem(grant, client()))

    with pytest.raises(InvalidToken, match="revoked"):
        await world.verifier.verify(answer.access_token)
    await refused(world.refresh(answer))
    assert supabase.count(LOGOUT) == 1


async def test_of_many_who_redeem_at_once_one_gets_it_and_then_nobody_has(world):
    grant = await world.consent()
    results = await asyncio.gather(
        *(world.grants.redeem(grant, client()) for _ in range(10)), return_exceptions=True
    )

    answers = [result for result in results if not isinstance(result, Exception)]
    assert len(answers) <= 1
    assert all(isinstance(r, OAuthError) for r in results if r not in answers)
    for answer in answers:
        with pytest.raises(InvalidToken):
            await world.verifier.verify(answer.access_token)


async def test_a_replay_at_another_process_ends_the_grant_as_well(make, clock):
    one, other = make(), make(mode="jwt")
    grant = await one.consent()
    answer = await one.grants.redeem(grant, client())
    await other.verifier.verify(answer.access_token)

    await refused(other.grants.redeem(grant, client()))

    with pytest.raises(InvalidToken, match="revoked"):
        await other.verifier.verify(answer.access_token)
    clock.now += 15
    with pytest.raises(InvalidToken, match="revoked"):
        await one.verifier.verify(answer.access_token)


async def test_a_replay_is_told_to_the_operator_without_secrets(supabase, world):
    grant = await world.consent()
    answer = await world.grants.redeem(grant, client())
    second = await world.refresh(answer)
    await world.refresh(second)
    with capture_logs() as lines:
        await refused(world.refresh(answer))
        await refused(world.grants.redeem(grant, client()))

    assert [(line["event"], line["kind"]) for line in lines] == [
        ("grant.replayed", "refresh token"),
        ("grant.replayed", "code"),
    ]
    assert all(line["user_id"] == supabase.user_id for line in lines)
    for secret in (grant.code, answer.refresh_token, answer.access_token, "refresh1"):
        assert secret not in str(lines)


@pytest.mark.requirement("auth-code-once")
async def test_a_replay_long_after_the_code_expired_ends_the_grant(world, clock):
    grant = await world.consent()
    answer = await world.grants.redeem(grant, client())
    clock.now += CODE_LIFETIME_S + 600

    await refused(world.grants.redeem(grant, client()))
    await refused(world.refresh(answer))


async def test_a_replay_ends_the_grant_whatever_supabase_says(supabase, world):
    grant = await world.consent()
    answer = await world.grants.redeem(grant, client())
    supabase.faults[LOGOUT] = answering(503)

    await refused(world.grants.redeem(grant, client()))
    with pytest.raises(InvalidToken):
        await world.verifier.verify(answer.access_token)


@pytest.mark.requirement("auth-code-short")
async def test_a_code_lives_for_a_minute(world, clock):
    grant = await world.consent()
    clock.now = int(clock.now) + CODE_LIFETIME_S

    assert "expired" in await refused(world.grants.redeem(grant, client()))


@pytest.mark.requirement("auth-pkce")
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"verifier": new_pair()[0]}, id="other-verifier"),
        pytest.param({"redirect_uri": CALLBACK + "/"}, id="other-redirect"),
        pytest.param({"redirect_uri": None}, id="no-redirect"),
        pytest.param({"code": "x"}, id="no-code"),
        pytest.param({"code": ""}, id="empty-code"),
        pytest.param({"code": "a.b.c.d.e"}, id="junk"),
    ],
)
async def test_who_cannot_prove_it_gets_nothing_and_spoils_nothing(supabase, world, changed):
    grant = await world.consent()
    supabase.seen.clear()

    await refused(world.grants.redeem(replace(grant, **changed), client()))

    assert supabase.seen == []
    assert (await world.grants.redeem(grant, client())).access_token


async def test_the_code_of_another_client_is_worth_nothing(world):
    grant = await world.consent()

    await refused(world.grants.redeem(grant, OTHER))
    assert (await world.grants.redeem(grant, client())).access_token


async def test_a_redirect_that_was_not_named_need_not_be_named_again(world):
    for uri in (CALLBACK, None):
        grant = await world.consent(has_redirect_uri=False)
        assert await world.grants.redeem(replace(grant, redirect_uri=uri), client())
    grant = await world.consent(has_redirect_uri=False)
    await refused(world.grants.redeem(replace(grant, redirect_uri="https://x.example"), client()))


async def test_the_resource_may_be_repeated_but_not_changed(world):
    grant = await world.consent()
    await refused(
        world.grants.redeem(replace(grant, resource="https://evil.example/mcp"), client()),
        "invalid_target",
    )
    answer = await world.grants.redeem(replace(grant, resource=RESOURCE + "/"), client())
    await refused(world.refresh(answer, resource="https://evil.example"), "invalid_target")
    assert await world.refresh(answer, resource=RESOURCE)


async def test_what_was_issued_for_another_server_is_worth_nothing_here(world):
    grant = await world.consent(resource="https://staging.example/api/mcp")

    await refused(world.grants.redeem(grant, client()))


async def test_a_token_cannot_stand_in_for_another_kind(world):
    grant = await world.consent()
    answer = await world.grants.redeem(grant, client())

    for token in (answer.access_token, answer.refresh_token):
        await refused(world.grants.redeem(replace(grant, code=token), client()))
    for token in (answer.access_token, grant.code):
        await refused(world.refresh(token))
    for token in (answer.refresh_token, grant.code):
        with pytest.raises(InvalidToken):
            await world.verifier.verify(token)


async def test_an_outage_of_supabase_does_not_use_up_a_code(supabase, world, clock):
    await world.sign_in()
    clock.now += 3600
    world.chains.forget("session-1")
    supabase.faults[TOKEN] = answering(503)
    with pytest.raises(SupabaseError):
        await world.consent()
    supabase.faults.clear()
    grant = await world.consent()
    await world.chains._drop("session-1")  # noqa: SLF001 - a store that lost it
    supabase.faults[TOKEN] = answering(503)

    with pytest.raises(SupabaseError):
        await world.grants.redeem(grant, client())
    supabase.faults.clear()
    assert await world.grants.redeem(grant, client())


async def test_without_a_store_nothing_is_redeemed(world, monkeypatch):
    grant = await world.consent()

    async def fail(*_args):
        raise StoreDown("down")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "take_once", fail)
        with pytest.raises(StoreDown):
            await world.grants.redeem(grant, client())
    assert await world.grants.redeem(grant, client())


async def failing(*_args):
    raise StoreDown("down")


async def test_a_code_that_met_an_outage_can_be_sent_again(supabase, world, monkeypatch):
    grant = await world.consent()

    with monkeypatch.context() as patch:
        patch.setattr(world.chains.holders, "add", failing)
        with pytest.raises(StoreDown):
            await world.grants.redeem(grant, client())
    answer = await world.grants.redeem(grant, client())

    await world.verifier.verify(answer.access_token)
    assert supabase.ended == set()


@pytest.mark.parametrize(("name", "key"), [("swap", "user:"), ("put", "grant:")])
async def test_a_refresh_that_met_an_outage_can_be_sent_again_however_late(
    world, clock, monkeypatch, name, key
):
    answer = await world.connect()
    write = getattr(world.store, name)

    async def fail(where, *rest, **more):
        if where.startswith(key):
            raise StoreDown("down")
        return await write(where, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, name, fail)
        with pytest.raises(StoreDown):
            await world.refresh(answer)
    clock.now += REUSE_S + 1

    await world.verifier.verify((await world.refresh(answer)).access_token)


async def test_a_replayed_code_leaves_nothing_on_the_session(world):
    grant = await world.consent()
    await world.grants.redeem(grant, client())
    await refused(world.grants.redeem(grant, client()))

    assert not await world.chains.holders.get_all(world.browser.user_id)


async def test_nobody_gets_a_code_after_signing_out(world):
    await world.sign_in()
    await world.browsers.end(world.browser)

    with pytest.raises(SessionOver):
        await world.consent()


async def test_a_session_that_ended_gives_no_token(supabase, world):
    grant = await world.consent()
    await world.browsers.end(world.browser)
    supabase.refresh_token = "refresh9"

    await refused(world.grants.redeem(grant, client()))


@pytest.mark.requirement("auth-rotation")
async def test_a_refresh_gives_new_tokens(supabase, world, clock):
    answer = await world.connect()
    clock.now += 3000

    renewed = await world.refresh(answer)

    assert renewed.access_token != answer.access_token
    assert renewed.refresh_token != answer.refresh_token
    assert renewed.expires_in_s == 3600
    assert renewed.scope == answer.scope
    assert supabase.refresh_token == "refresh2"
    assert (await world.verifier.verify(renewed.access_token)).user_id == supabase.user_id
    before, after = (world.access.open(a.access_token) for a in (answer, renewed))
    assert before.gid == after.gid


async def test_a_grant_goes_on_for_as_long_as_it_is_used(world, clock):
    answer = await world.connect()
    for _ in range(5):
        clock.now += REFRESH_LIFETIME_S - 10
        answer = await world.refresh(answer)
    clock.now += REFRESH_LIFETIME_S

    assert "expired" in await refused(world.refresh(answer))


async def test_one_scope_can_be_asked_for_and_the_rest_comes_back(world):
    answer = await world.connect()

    narrowed = await world.refresh(answer, scope="atoms:read")
    assert narrowed.scope == "atoms:read"
    assert (await world.verifier.verify(narrowed.access_token)).scopes == {"atoms:read"}
    assert (await world.refresh(narrowed)).scope == "atoms:read atoms:write"


async def test_a_scope_that_was_not_granted_is_not_given(world):
    answer = await world.connect(scopes=("atoms:read",))

    await refused(world.refresh(answer, scope="atoms:write"), "invalid_scope")
    assert await world.refresh(answer)


async def test_the_refresh_token_of_another_client_is_worth_nothing(world):
    answer = await world.connect()

    await refused(world.refresh(answer, OTHER))
    assert await world.refresh(answer)


async def test_a_lost_answer_can_be_asked_for_again(supabase, world):
    first = await world.connect()
    second = await world.refresh(first)

    again = await world.refresh(first)

    assert supabase.count(TOKEN) == 2
    for answer in (second, again):
        assert (await world.verifier.verify(answer.access_token)).user_id == supabase.user_id
    assert await world.refresh(again)
    assert await world.refresh(second)


async def test_a_token_that_comes_again_later_was_stolen_from_one_of_two(supabase, world, clock):
    first = await world.connect()
    second = await world.refresh(first)
    clock.now += REUSE_S
    assert await world.refresh(first)
    clock.now += 1

    assert "used before" in await refused(world.refresh(first))

    await refused(world.refresh(second))
    with pytest.raises(InvalidToken):
        await world.verifier.verify(second.access_token)
    assert supabase.count(LOGOUT) == 1


async def test_many_refreshes_at_once_share_one_renewal(supabase, world):
    answer = await world.connect()

    renewed = await asyncio.gather(*(world.refresh(answer) for _ in range(10)))

    assert supabase.count(TOKEN) == 2
    last = renewed[0]
    for _ in range(3):
        last = await world.refresh(last)


@pytest.mark.requirement("auth-rotation")
async def test_an_old_refresh_token_ends_the_grant(supabase, world):
    first = await world.connect()
    second = await world.refresh(first)
    third = await world.refresh(second)
    await world.verifier.verify(third.access_token)

    assert "used before" in await refused(world.refresh(first))

    await refused(world.refresh(third))
    await refused(world.refresh(second))
    with pytest.raises(InvalidToken):
        await world.verifier.verify(third.access_token)
    assert supabase.count(LOGOUT) == 1


async def test_where_the_store_forgot_the_generation_the_token_decides(world):
    first = await world.connect()
    second = await world.refresh(first)
    gid = world.access.open(first.access_token).gid
    await world.store.delete(f"grant:{gid}")

    third = await world.refresh(second)
    await world.store.put(f"grant:{gid}", "0", 2**40)
    assert await world.refresh(third)


async def test_grants_of_one_session_are_renewed_apart(world):
    mine, others = await world.connect(), await world.connect(OTHER)
    for _ in range(3):
        mine = await world.refresh(mine)

    others = await world.refresh(others, OTHER)
    assert await world.refresh(mine)
    assert await world.refresh(others, OTHER)


async def test_an_outage_ends_no_grant(supabase, world):
    answer = await world.connect()
    supabase.faults[TOKEN] = answering(503)
    with pytest.raises(SupabaseError):
        await world.refresh(answer)
    supabase.faults.clear()

    assert await world.refresh(answer)


async def test_a_session_that_ended_ends_the_grant(supabase, world):
    answer = await world.connect()

    async def refuse(_request):
        return refusal(400, "refresh_token_not_found")

    supabase.faults[TOKEN] = refuse
    assert "session" in await refused(world.refresh(answer))
    await refused(world.refresh(answer))


async def test_redeem_here_refresh_there_and_back(make):
    one, other = make(), make()
    grant = await one.consent()

    answer = await other.grants.redeem(grant, client())
    for world in (one, other, one):
        answer = await world.refresh(answer)
    assert await other.verifier.verify(answer.access_token)


async def test_keys_are_rotated_without_logging_anybody_out(make):
    old, new = b"o" * 32, b"n" * 32
    before, after = make(secrets=(old,)), make(secrets=(new, old))
    grant = await before.consent()
    kept = await before.connect(OTHER)

    answer = await after.grants.redeem(grant, client())
    renewed = await after.refresh(kept, OTHER)

    assert await after.verifier.verify(kept.access_token)
    only_new = make(secrets=(new,))
    for token in (answer.access_token, renewed.access_token):
        assert only_new.access.open(token)
    assert await only_new.refresh(answer)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_client_revokes_its_grant(supabase, world, kind):
    answer = await world.connect()
    await world.verifier.verify(answer.access_token)

    await world.grants.revoke_token(getattr(answer, kind), client())

    with pytest.raises(InvalidToken, match="revoked"):
        await world.verifier.verify(answer.access_token)
    await refused(world.refresh(answer))
    assert "session-1" in supabase.ended
    await world.grants.revoke_token(getattr(answer, kind), client())


async def test_an_expired_token_can_be_revoked_too(world, clock):
    answer = await world.connect()
    clock.now += 4000

    await world.grants.revoke_token(answer.access_token, client())
    await refused(world.refresh(answer))


async def test_a_session_ends_with_the_last_of_its_grants(supabase, world):
    mine, others = await world.connect(), await world.connect(OTHER)

    await world.grants.revoke_token(mine.refresh_token, client())
    assert supabase.count(LOGOUT) == 0
    assert await world.verifier.verify(others.access_token)
    others = await world.refresh(others, OTHER)
    await world.grants.revoke_token(others.refresh_token, OTHER)
    assert supabase.count(LOGOUT) == 1


async def test_what_is_no_token_of_ours_is_passed_over(supabase, world):
    grant = await world.consent()
    supabase.seen.clear()
    for token in ("x", "a.b.c.d.e", grant.code, supabase.token()):
        await world.grants.revoke_token(token, client())

    assert supabase.seen == []
    assert await world.grants.redeem(grant, client())


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_nobody_revokes_the_token_of_another_client(world, kind):
    answer = await world.connect()

    await refused(world.grants.revoke_token(getattr(answer, kind), OTHER))
    assert await world.refresh(answer)


async def test_a_revocation_that_supabase_cannot_be_told_of_is_said_so(supabase, world):
    answer = await world.connect()
    supabase.faults[LOGOUT] = answering(503)

    with pytest.raises(SupabaseError):
        await world.grants.revoke_token(answer.refresh_token, client())
    await refused(world.refresh(answer))


def listed(gid, sid="session-1", used_at=0):
    return Connection(gid, "c", "C", None, "h", "atoms:read", sid, 0, used_at)


def gid_of(world, answer):
    return world.access.open(answer.access_token).gid


async def test_a_user_ends_a_grant_and_keeps_the_sign_in(supabase, world):
    answer = await world.connect()

    assert await world.grants.revoke_listed(
        listed(gid_of(world, answer)), supabase.user_id, "session-1"
    )

    await refused(world.refresh(answer))
    assert supabase.count(LOGOUT) == 0
    assert await world.browsers.current(world.browser)


async def test_a_user_ends_a_grant_from_elsewhere(supabase, world):
    mine, others = await world.connect(), await world.connect(OTHER)

    for n, answer in enumerate((mine, others)):
        gid = gid_of(world, answer)
        assert await world.grants.revoke_listed(listed(gid), supabase.user_id, "session-2")
        assert supabase.count(LOGOUT) == n
    await refused(world.refresh(others, OTHER))


async def test_a_row_with_the_grant_of_somebody_else_ends_nothing_of_theirs(supabase, world, clock):
    answer = await world.connect()
    row = listed(gid_of(world, answer), used_at=clock.now)

    for sid in ("session-1", "session-2"):
        assert not await world.grants.revoke_listed(replace(row, session_id=sid), "bob", "s")

    await world.verifier.verify(answer.access_token)
    assert await world.refresh(answer)
    assert supabase.count(LOGOUT) == 0


async def test_where_the_store_has_lost_a_grant_its_own_session_is_ended(supabase, world, clock):
    answer = await world.connect()
    row = listed(gid_of(world, answer), used_at=clock.now)
    await world.store.delete(f"user:{supabase.user_id}:grants")

    # The browser lives on it, so it cannot be ended here.
    assert not await world.grants.revoke_listed(row, supabase.user_id, "session-1")
    assert await world.grants.revoke_listed(row, supabase.user_id, "session-2")

    assert supabase.count(LOGOUT) == 1


async def test_a_listed_grant_that_is_over_already_is_over(supabase, world, clock):
    answer = await world.connect()
    row = listed(gid_of(world, answer), used_at=clock.now)
    await world.grants.revoke_token(answer.refresh_token, client())
    assert await world.grants.revoke_listed(row, supabase.user_id, "session-2")

    ended = listed("unknown", used_at=clock.now)
    assert not await world.grants.revoke_listed(ended, supabase.user_id, "session-2")
    await world.sign_in()
    supabase.refresh_token = "refresh99"
    clock.now += 4000
    assert await world.grants.revoke_listed(ended, supabase.user_id, "session-2")
    old = listed("unknown", used_at=clock.now - REFRESH_LIFETIME_S)
    assert await world.grants.revoke_listed(old, supabase.user_id, "session-2")


async def test_a_client_that_shows_its_token_ends_its_grant(supabase, world):
    mine, others = await world.connect(), await world.connect(OTHER)
    gids = [gid_of(world, answer) for answer in (mine, others)]

    await world.grants.revoke_proved(supabase.user_id, gids[0], "session-1", "jwt")
    assert supabase.count(LOGOUT) == 0
    assert ("remove", gids[0], "jwt") in world.notes.told
    await refused(world.refresh(mine))
    await world.grants.revoke_proved(supabase.user_id, gids[1], "session-1", "jwt")
    assert supabase.count(LOGOUT) == 1
    await world.grants.revoke_proved(supabase.user_id, "unknown", None, "jwt")
    assert supabase.count(LOGOUT) == 1


async def test_all_grants_of_a_user_are_revoked_on_whatever_session_and_of_nobody_else(world):
    mine, others = await world.connect(), await world.connect(OTHER)
    for answer in (mine, others):
        await world.verifier.verify(answer.access_token)

    await world.grants.revoke_all("bob")
    assert await world.verifier.verify(mine.access_token)
    await world.grants.revoke_all(world.browser.user_id)
    await world.grants.revoke_all(world.browser.user_id)

    for answer, asking in ((mine, client()), (others, OTHER)):
        await refused(world.refresh(answer, asking))
        with pytest.raises(InvalidToken):
            await world.verifier.verify(answer.access_token)


async def test_a_whole_list_is_struck_off(world):
    await world.grants.clear_list("jwt")

    assert world.notes.told == [("clear", "jwt")]


async def test_the_list_of_connections_is_kept(world):
    asking = client("https://app.example.com/client.json", origin="document", name="App")
    answer = await world.connect(asking)
    gid = world.access.open(answer.access_token).gid
    await world.refresh(answer, asking)
    await world.grants.revoke_token(answer.refresh_token, asking)

    (what, connection, token), touch, remove = world.notes.told
    assert what == "record"
    assert token == world.access.open(answer.access_token).jwt
    assert (connection.id, connection.client_id) == (gid, asking.client_id)
    assert (connection.client_name, connection.client_host) == ("App", "app.example.com")
    assert (connection.scope, connection.session_id) == (" ".join(BOTH), "session-1")
    assert connection.redirect_host
    assert [touch[:2], remove[:2]] == [("touch", gid), ("remove", gid)]


async def test_a_registered_client_is_listed_by_a_digest(world):
    asking = client("s" * 1000)
    answer = await world.connect(asking)

    connection = world.notes.told[0][1]
    assert connection.client_id == client_key(asking.client_id)
    assert len(answer.access_token) < 2000
    await refused(world.refresh(answer, client("s" * 999)))
    assert await world.refresh(answer, asking)


async def test_a_project_with_endless_tokens_is_told_so(supabase, world, monkeypatch):
    long = supabase.claims(padding="x" * 6000)
    monkeypatch.setattr(supabase, "claims", lambda **changed: long | changed)

    assert "too long" in await refused(world.connect(), "invalid_request")
    long["padding"] = "x" * 12_000
    with pytest.raises(SupabaseError):
        await world.sign_in()


async def test_a_code_of_another_version_is_refused(world):
    grant = await world.consent()
    claims = Seal([b"k" * 32]).open("code", grant.code)
    del claims["gid"]

    await refused(
        world.grants.redeem(replace(grant, code=world.seal.seal("code", claims)), client())
    )
