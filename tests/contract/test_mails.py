"""Mails and what they hold, as clients of Supabase know them, judged by the official client.

The mails are read where the embedded stack keeps them, so these run against that only.
"""

import httpx
import pytest
from supabase import AsyncClientOptions, acreate_client
from supabase_auth.errors import AuthApiError

PASSWORD = "brave-heron-17"
WAIT_S = 5


@pytest.fixture(scope="module")
def strict(start_stack, tmp_path_factory):
    """A stack on which new accounts confirm their address first."""
    return start_stack(tmp_path_factory.mktemp("strict"), ATOMS_LOCAL_AUTOCONFIRM="off")


@pytest.fixture
async def connect_to():
    """Open official clients of a stack."""
    opened = []

    async def open_one(stack, **options):
        wire = httpx.AsyncClient(timeout=WAIT_S)
        opened.append(wire)
        chosen = AsyncClientOptions(
            auto_refresh_token=False, httpx_client=wire, postgrest_client_timeout=None, **options
        )
        return await acreate_client(stack.url, stack.anon_key, chosen)

    yield open_one
    for wire in opened:
        await wire.aclose()


def follow(mail):
    """Follow the link of a mail as a browser does, and give the address that it leads to."""
    answer = httpx.get(mail["link"])
    assert answer.status_code == 303
    return httpx.URL(answer.headers["Location"])


async def test_a_code_by_mail_signs_in(stack, connect_to):
    email = stack.new_account()
    client = await connect_to(stack)

    await client.auth.sign_in_with_otp({"email": email, "options": {"should_create_user": False}})
    [mail] = stack.mails(email)
    answer = await client.auth.verify_otp({"email": email, "token": mail["code"], "type": "email"})

    assert mail["kind"] == "magiclink"
    assert answer.session.user.email == email
    claims = (await client.auth.get_claims())["claims"]
    assert claims["amr"][0]["method"] == "otp"
    with pytest.raises(AuthApiError) as refused:
        await client.auth.verify_otp({"email": email, "token": mail["code"], "type": "email"})
    assert (refused.value.status, refused.value.code) == (403, "otp_expired")


async def test_strangers_get_a_code_only_where_accounts_may_be_made(stack, connect_to, new_address):
    client, email = await connect_to(stack), new_address()

    with pytest.raises(AuthApiError) as refused:
        await client.auth.sign_in_with_otp(
            {"email": email, "options": {"should_create_user": False}}
        )
    assert (refused.value.status, refused.value.code) == (422, "otp_disabled")
    assert stack.mails(email) == []

    await client.auth.sign_in_with_otp({"email": email, "options": {"data": {"nickname": "Ann"}}})
    [mail] = stack.mails(email)
    answer = await client.auth.verify_otp({"email": email, "token": mail["code"], "type": "email"})
    assert answer.user.user_metadata["nickname"] == "Ann"


async def test_the_hash_of_a_link_signs_in_as_well(stack, connect_to):
    email = stack.new_account()
    client = await connect_to(stack)
    await client.auth.sign_in_with_otp({"email": email})
    token_hash = httpx.URL(stack.mails(email)[0]["link"]).params["token"]

    answer = await client.auth.verify_otp({"token_hash": token_hash, "type": "email"})

    assert answer.session.user.email == email


async def test_a_link_leads_to_where_it_was_asked_for_with_the_tokens(stack, connect_to):
    email = stack.new_account()
    client = await connect_to(stack, flow_type="implicit")
    there = "http://127.0.0.1:7654/back?a=1"
    await client.auth.sign_in_with_otp({"email": email, "options": {"email_redirect_to": there}})

    url = follow(stack.mails(email)[0])
    told = dict(httpx.QueryParams(url.fragment))

    assert str(url.copy_with(fragment=None)) == there
    assert told["token_type"] == "bearer"
    await client.auth.set_session(told["access_token"], told["refresh_token"])
    assert (await client.auth.get_user()).user.email == email


async def test_a_forgotten_password_is_set_anew(stack, connect_to):
    email = stack.new_account()
    client = await connect_to(stack)

    await client.auth.reset_password_for_email(email)
    [mail] = stack.mails(email)
    await client.auth.verify_otp({"email": email, "token": mail["code"], "type": "recovery"})
    await client.auth.update_user({"password": PASSWORD})

    assert mail["kind"] == "recovery"
    fresh = await connect_to(stack)
    answer = await fresh.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert answer.user.email == email


async def test_strangers_who_forgot_are_told_the_same(stack, connect_to, new_address):
    client, email = await connect_to(stack), new_address()

    await client.auth.reset_password_for_email(email)

    assert stack.mails(email) == []


async def test_a_magic_link_comes_back_with_a_code_for_its_client(stack, connect_to):
    email = stack.new_account()
    client = await connect_to(stack, flow_type="pkce")
    await client.auth.sign_in_with_otp({"email": email})

    url = follow(stack.mails(email)[0])
    answer = await client.auth.exchange_code_for_session({"auth_code": url.params["code"]})

    assert answer.session.user.email == email
    assert (await client.auth.get_claims())["claims"]["amr"][0]["method"] == "magiclink"


async def test_a_new_account_confirms_its_address_by_a_code(strict, connect_to, new_address):
    client, email = await connect_to(strict), new_address()
    credentials = {"email": email, "password": PASSWORD}

    made = await client.auth.sign_up(credentials)
    assert made.session is None
    assert made.user.confirmation_sent_at is not None
    with pytest.raises(AuthApiError) as refused:
        await client.auth.sign_in_with_password(credentials)
    assert refused.value.code == "email_not_confirmed"

    [mail] = strict.mails(email)
    answer = await client.auth.verify_otp({"email": email, "token": mail["code"], "type": "signup"})

    assert mail["kind"] == "signup"
    assert answer.user.email_confirmed_at is not None
    assert (await client.auth.sign_in_with_password(credentials)).user.id == made.user.id


async def test_a_confirmation_is_sent_again_and_the_first_is_void(strict, connect_to, new_address):
    client, email = await connect_to(strict), new_address()
    await client.auth.sign_up({"email": email, "password": PASSWORD})

    await client.auth.resend({"type": "signup", "email": email})
    new, old = strict.mails(email)

    assert "otp_expired" in str(follow(old))
    assert dict(httpx.QueryParams(follow(new).fragment))["type"] == "signup"


async def test_a_taken_address_is_answered_as_if_it_were_new(strict, connect_to, new_address):
    client, email = await connect_to(strict), new_address()
    credentials = {"email": email, "password": PASSWORD}
    made = await client.auth.sign_up(credentials)
    mail = strict.mails(email)[0]
    await client.auth.verify_otp({"email": email, "token": mail["code"], "type": "signup"})

    again = await client.auth.sign_up(credentials)

    assert again.session is None
    assert again.user.id != made.user.id
    assert again.user.identities == []
    assert len(strict.mails(email)) == 1
