import json

import pytest
from supabase_double import FAULTS, answering, refusal

from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

TOKEN = "/auth/v1/token"
USER = "/auth/v1/user"


@pytest.fixture
async def auth(supabase):
    wire = Wire(supabase.settings())
    yield SupabaseAuth(wire)
    await wire.close()


def test_the_issuer_is_below_the_project(supabase, auth):
    assert auth.issuer == f"{supabase.url}/auth/v1"


async def test_a_password_opens_a_session(supabase, auth):
    session = await auth.sign_in(supabase.email, supabase.password)

    sent = supabase.seen[0]
    assert sent.query["grant_type"] == "password"
    assert sent.headers["X-Supabase-Api-Version"] == "2024-01-01"
    assert await sent.json() == {"email": supabase.email, "password": supabase.password}
    assert session.user.id == supabase.user_id
    assert session.user.email == supabase.email
    assert session.expires_in_s == 3600


async def test_a_captcha_goes_where_auth_looks_for_it(supabase, auth):
    await auth.sign_in(supabase.email, supabase.password, captcha_token="c")

    sent = await supabase.seen[0].json()
    assert sent["gotrue_meta_security"] == {"captcha_token": "c"}


async def test_a_wrong_password_is_refused_with_its_code(supabase, auth):
    with pytest.raises(SupabaseError) as caught:
        await auth.sign_in(supabase.email, "wrong")

    assert (caught.value.kind, caught.value.code) == ("refused", "invalid_credentials")


async def test_a_refresh_token_gives_the_next_one(supabase, auth):
    first = await auth.sign_in(supabase.email, supabase.password)
    second = await auth.refresh(first.refresh_token)

    assert second.refresh_token != first.refresh_token
    assert supabase.seen[1].query["grant_type"] == "refresh_token"


async def test_secrets_are_not_in_the_text_of_a_session(supabase, auth):
    session = await auth.sign_in(supabase.email, supabase.password)

    assert session.access_token not in repr(session)
    assert session.refresh_token not in repr(session)


async def test_the_user_of_a_token_is_asked_for_with_it(supabase, auth):
    user = await auth.get_user(supabase.token())

    assert user.id == supabase.user_id
    assert not user.is_anonymous
    assert supabase.seen[0].headers["Authorization"].startswith("Bearer ey")


async def test_a_user_may_have_no_email(supabase, auth):
    supabase.faults[USER] = answering(200, b'{"id":"1","is_anonymous":true}')

    user = await auth.get_user("t")

    assert (user.email, user.is_anonymous) == ("", True)


async def test_signing_out_ends_the_one_session(supabase, auth):
    await auth.sign_out("token")

    assert supabase.seen[0].query["scope"] == "local"
    assert supabase.seen[0].method == "POST"


async def test_keys_and_health_are_objects(supabase, auth):
    assert (await auth.fetch_jwks())["keys"] == [supabase.pair.jwk]
    assert await auth.health() is None


async def test_a_key_set_without_keys_is_wrong(supabase, auth):
    supabase.faults["/auth/v1/.well-known/jwks.json"] = answering(200, b'{"keys":{}}')

    with pytest.raises(SupabaseError) as caught:
        await auth.fetch_jwks()

    assert caught.value.kind == "wrong"


@pytest.mark.parametrize(
    "name", ["access_token", "refresh_token", "expires_in", "expires_at", "user"]
)
@pytest.mark.parametrize("value", [None, "", True, [], {}])
async def test_a_session_with_a_part_that_is_none_is_wrong(supabase, auth, name, value):
    whole = {
        "access_token": "a",
        "refresh_token": "r",
        "expires_in": 1,
        "expires_at": 2,
        "user": {"id": "1"},
    }
    supabase.faults[TOKEN] = answering(200, json.dumps({**whole, name: value}).encode())

    with pytest.raises(SupabaseError) as caught:
        await auth.sign_in("a@b.c", "x")

    assert caught.value.kind == "wrong"


@pytest.mark.parametrize(
    ("fault", "kind"), [pytest.param(*row, id=name) for name, row in FAULTS.items()]
)
async def test_no_fault_upstream_passes_for_a_user(supabase, auth, fault, kind):
    supabase.faults[USER] = fault

    with pytest.raises(SupabaseError) as caught:
        await auth.get_user("t")

    assert caught.value.kind == kind


async def test_a_login_is_tried_once(supabase, auth):
    async def busy(_request):
        return refusal(503, "x")

    supabase.faults[TOKEN] = busy
    with pytest.raises(SupabaseError):
        await auth.sign_in("a@b.c", "x")

    assert supabase.count(TOKEN) == 1
