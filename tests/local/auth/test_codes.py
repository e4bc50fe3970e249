import uuid

import pytest
from auth_world import PASSWORD, Person

from atoms_mcp.local.auth.limits import Buckets, Limits

ASKING = ["/otp", "/magiclink", "/recover"]


@pytest.fixture
async def ann(somebody):
    """Somebody with an account."""
    person = await somebody()
    await person.sign_up()
    return person


@pytest.mark.parametrize(
    ("path", "kind"), [("/otp", "magiclink"), ("/magiclink", "magiclink"), ("/recover", "recovery")]
)
async def test_whoever_asks_is_mailed(ann, mails_to, path, kind):
    answer = await ann.post(path, {"email": ann.email.upper()})

    assert (answer.status, await answer.json()) == (200, {})
    assert [mail["kind"] for mail in await mails_to(ann)] == [kind]


async def test_the_link_leads_to_where_it_was_asked_for(ann, mails_to):
    await ann.post("/otp?redirect_to=http%3A%2F%2F127.0.0.1%3A5%2Fback", {"email": ann.email})
    await ann.post("/otp?redirect_to=http%3A%2F%2Fevil.example", {"email": ann.email})

    other, asked = await mails_to(ann)
    assert asked["link"].endswith("redirect_to=http%3A%2F%2F127.0.0.1%3A5%2Fback")
    assert other["link"].endswith("redirect_to=http%3A%2F%2F127.0.0.1%3A8000")


@pytest.mark.parametrize("path", ["/recover", "/resend"])
async def test_strangers_are_told_the_same_and_mailed_nothing(somebody, mails_to, path):
    stranger = await somebody()

    answer = await stranger.post(path, {"email": stranger.email, "type": "signup"})

    assert (answer.status, await answer.json()) == (200, {})
    assert await mails_to(stranger) == []


async def test_strangers_get_an_account_if_they_may(somebody, mails_to, told):
    stranger = await somebody()
    body = {"email": stranger.email, "create_user": False}

    assert await told(await stranger.post("/otp", body)) == (422, "otp_disabled")
    body = {"email": stranger.email, "data": {"nickname": "Ann"}}
    assert (await stranger.post("/otp", body)).status == 200

    [mail] = await mails_to(stranger)
    assert mail["kind"] == "magiclink"
    assert await told(await stranger.sign_in("")) == (400, "invalid_credentials")


@pytest.mark.parametrize("path", ["/otp", "/magiclink"])
async def test_a_closed_project_makes_no_accounts(somebody, mails_to, told, path):
    stranger = await somebody(has_signup=False)

    answer = await stranger.post(path, {"email": stranger.email})

    assert await told(answer) == (422, "signup_disabled")
    assert await mails_to(stranger) == []


async def test_the_first_code_confirms_where_addresses_are_confirmed(somebody, mails_to):
    stranger = await somebody(has_autoconfirm=False)

    await stranger.post("/otp", {"email": stranger.email})
    [mail] = await mails_to(stranger)
    body = {"email": stranger.email, "token": mail["code"], "type": "email"}
    answer = await (await stranger.post("/verify", body)).json()

    assert mail["kind"] == "signup"
    assert answer["user"]["email_confirmed_at"]
    assert answer["user"]["user_metadata"]["email_verified"] is True


async def test_a_confirmation_is_sent_again_while_it_is_due(somebody, mails_to):
    person = await somebody(has_autoconfirm=False)
    await person.sign_up()

    async def resend(kind):
        answer = await person.post("/resend", {"type": kind, "email": person.email})
        assert (answer.status, await answer.json()) == (200, {})
        return await mails_to(person)

    assert len(await resend("email_change")) == 1
    mails = await resend("signup")
    assert [mail["kind"] for mail in mails] == ["signup", "signup"]
    body = {"email": person.email, "token": mails[0]["code"], "type": "signup"}
    assert (await person.post("/verify", body)).status == 200
    assert len(await resend("signup")) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"email": "no address"}, 400, "validation_failed"),
        ({"email": 5}, 400, "bad_json"),
        ({"phone": "123"}, 422, "phone_provider_disabled"),
        ({"email": "a@b.c", "code_challenge": "x"}, 400, "validation_failed"),
    ],
)
@pytest.mark.parametrize("path", [*ASKING, "/resend"])
async def test_a_bad_request_says_what_is_wrong(person, told, path, body, status, code):
    answer = await person.post(path, {"type": "signup", **body})

    assert await told(answer) == (status, code)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/otp", {"create_user": "yes"}, "bad_json"),
        ("/otp", {"data": []}, "bad_json"),
        ("/resend", {"type": "magiclink"}, "validation_failed"),
        ("/resend", {}, "validation_failed"),
    ],
)
async def test_each_part_is_checked(person, told, path, body, code):
    assert await told(await person.post(path, {"email": "a@b.c", **body})) == (400, code)


async def test_requests_for_mails_are_counted_together(somebody, told):
    person = await somebody(Limits(mail_requests=Buckets("1 per hour", burst=4)))
    for path in ("/otp", "/magiclink", "/recover", "/resend"):
        body = {"email": person.email, "type": "signup"}
        assert (await person.post(path, body)).status == 200

    other = Person(person.client, f"{uuid.uuid4().hex}@example.com", PASSWORD)
    assert await told(await other.post("/otp", {"email": other.email})) == (
        429,
        "over_request_rate_limit",
    )
