import json

import pytest
from supabase_double import FAULTS, answering, refusal, s256
from yarl import URL

from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

TOKEN = "/auth/v1/token"
USER = "/auth/v1/user"
LOGOUT = "/auth/v1/logout"


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


@pytest.mark.parametrize("code", ["bad_jwt", "session_not_found", "user_not_found"])
async def test_a_session_that_is_over_is_signed_out(supabase, auth, code):
    supabase.faults[LOGOUT] = answering(403, f'{{"code":"{code}","message":"no"}}'.encode())

    await auth.sign_out("t", "global")

    assert supabase.seen[0].query["scope"] == "global"


@pytest.mark.parametrize(
    ("status", "body"), [(503, b""), (401, b"{}"), (401, b'{"message":"Invalid API key"}')]
)
async def test_who_cannot_be_asked_has_signed_nobody_out(supabase, auth, status, body):
    supabase.faults[LOGOUT] = answering(status, body)

    with pytest.raises(SupabaseError):
        await auth.sign_out("t")


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


async def test_a_code_is_mailed_to_known_addresses_only(supabase, auth):
    await auth.send_code(supabase.email)

    assert supabase.mailed == [{"email": supabase.email, "create_user": False}]
    assert "redirect_to" not in supabase.seen[0].query


async def test_a_mail_is_asked_for_with_its_way_back(supabase, auth):
    back = {"redirect_to": "http://127.0.0.1:8000/sign-in/callback?a=b&c"}
    await auth.send_code(supabase.email, code_challenge="c", captcha_token="t", **back)
    await auth.recover(supabase.email, code_challenge="c", captcha_token="t", **back)
    supabase.project["mailer_autoconfirm"] = False
    await auth.sign_up("new@acme.example", "long enough", code_challenge="c", **back)

    assert [dict(seen.query) for seen in supabase.seen] == [back] * 3
    for mail in supabase.mailed:
        assert (mail["code_challenge"], mail["code_challenge_method"]) == ("c", "s256")
    captchas = [mail.get("gotrue_meta_security") for mail in supabase.mailed]
    assert captchas == [{"captcha_token": "t"}, {"captcha_token": "t"}, None]


async def test_a_mailed_code_opens_a_session(supabase, auth):
    session = await auth.verify_code(supabase.email, "123456", "recovery")

    assert session.user.id == supabase.user_id
    assert await supabase.seen[0].json() == {
        "type": "recovery",
        "email": supabase.email,
        "token": "123456",
    }


async def test_a_new_account_is_signed_in_where_the_project_confirms_by_itself(supabase, auth):
    assert (await auth.sign_up("new@acme.example", "long enough")).access_token
    supabase.project["mailer_autoconfirm"] = False
    assert await auth.sign_up("new@acme.example", "long enough") is None


async def test_a_weak_password_is_refused_with_its_reasons(auth):
    with pytest.raises(SupabaseError) as caught:
        await auth.sign_up("new@acme.example", "short")

    assert (caught.value.code, caught.value.reasons) == ("weak_password", ("length",))


async def test_a_way_back_is_redeemed_by_its_verifier(supabase, auth):
    supabase.flows["a-code"] = s256("a-verifier")

    session = await auth.exchange_code("a-code", "a-verifier")

    assert session.user.id == supabase.user_id
    assert supabase.seen[0].query["grant_type"] == "pkce"


@pytest.mark.parametrize(("scopes", "more"), [(None, {}), ("email", {"scopes": "email"})])
def test_a_browser_is_sent_to_a_provider_with_everything_encoded_once(supabase, auth, scopes, more):
    url = auth.authorize_url("github", "http://127.0.0.1/cb?state=a b&c", "challenge", scopes)

    assert URL(url).with_query(None) == URL(f"{supabase.url}/auth/v1/authorize")
    assert dict(URL(url).query) == {
        "provider": "github",
        "redirect_to": "http://127.0.0.1/cb?state=a b&c",
        "code_challenge": "challenge",
        "code_challenge_method": "s256",
        **more,
    }


async def test_a_password_is_changed_as_its_user(supabase, auth):
    user = await auth.update_user("t", password="a new one")

    assert user.id == supabase.user_id
    assert supabase.passwords == ["a new one"]
    assert supabase.seen[0].headers["Authorization"] == "Bearer t"


async def test_a_factor_is_challenged_and_verified(supabase, auth):
    factor_id = supabase.enroll()

    challenge_id = await auth.challenge_factor("t", factor_id)
    session = await auth.verify_factor("t", factor_id, challenge_id, "654321")

    assert session.user.factors[0].id == factor_id
    assert [seen.headers["Authorization"] for seen in supabase.seen] == ["Bearer t"] * 2


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "ä"])
async def test_no_id_leads_out_of_its_folder(supabase, auth, name):
    for call in (auth.challenge_factor("t", name), auth.get_authorization("t", name)):
        with pytest.raises(SupabaseError) as caught:
            await call
        assert caught.value.status == 404
    paths = [seen.raw_path for seen in supabase.seen]
    assert len({path.count("/") for path in paths}) == 1
    assert not any("?" in path for path in paths)


async def test_the_project_tells_which_ways_to_sign_in_work(auth):
    settings = await auth.project_settings()

    assert (settings.providers, settings.has_email, settings.is_autoconfirm) == (
        ("github",),
        True,
        True,
    )


async def test_a_request_at_supabases_own_server_is_asked_for_and_decided(supabase, auth):
    supabase.authorizations["a1"] = {"authorization_id": "a1", "client": {"id": "c1"}}

    assert (await auth.get_authorization("t", "a1")).client_id == "c1"
    decided = await auth.decide_authorization("t", "a1", approve=True)
    refused = await auth.decide_authorization("t", "a1", approve=False)

    assert decided.redirect_url.endswith("?approve")
    assert refused.redirect_url.endswith("?deny")


async def test_what_a_user_allowed_there_is_listed_and_taken_back(supabase, auth):
    grants = "/auth/v1/user/oauth/grants"
    supabase.faults[grants] = answering(200, b"[]")
    assert await auth.list_consents("t") == ()

    supabase.faults[grants] = answering(204)
    await auth.revoke_consent("t", "c 1&x=y")

    last = supabase.seen[-1]
    assert (last.method, dict(last.query)) == ("DELETE", {"client_id": "c 1&x=y"})
    assert last.headers["Authorization"] == "Bearer t"
