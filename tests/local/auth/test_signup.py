import asyncio
import uuid

import pytest
from auth_world import PASSWORD, Person

from atoms_mcp.local.auth.limits import Limits


@pytest.fixture
async def ann(somebody):
    """Somebody new at a project that wants addresses confirmed."""
    return await somebody(has_autoconfirm=False)


async def test_an_account_is_signed_in_where_addresses_count_as_confirmed(person):
    answer = await person.sign_up(data={"full_name": "Ann"})

    assert answer["access_token"]
    assert answer["user"]["user_metadata"]["full_name"] == "Ann"


async def test_a_taken_address_is_told_where_nothing_hides_it(person, told):
    await person.sign_up()

    answer = await person.post("/signup", {"email": person.email, "password": PASSWORD})

    assert await told(answer) == (422, "user_already_exists")


async def test_two_who_sign_up_at_once_get_one_account(person):
    body = {"email": person.email, "password": PASSWORD}

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(person.post("/signup", body) for _ in range(3)))

    assert sorted(answer.status for answer in answers) == [200, 422, 422]


async def test_an_unconfirmed_account_is_told_bare_and_mailed(ann, mails_to, told):
    user = await ann.sign_up(data={"full_name": "Ann"})

    [mail] = await mails_to(ann)
    assert "access_token" not in user
    assert user["email"] == ann.email
    assert user["confirmation_sent_at"]
    assert [one["provider"] for one in user["identities"]] == ["email"]
    assert user["user_metadata"]["email_verified"] is False
    assert mail["kind"] == "signup"
    assert await told(await ann.sign_in()) == (400, "email_not_confirmed")


async def test_signing_up_again_sends_the_mail_again_and_changes_nothing(ann, mails_to):
    first = await ann.sign_up()
    second = await ann.sign_up(password="another one")  # of a stranger, maybe

    mails = await mails_to(ann)
    body = {"email": ann.email, "token": mails[0]["code"], "type": "signup"}
    await ann.post("/verify", body)

    assert first["id"] == second["id"]
    assert len(mails) == 2
    assert (await ann.sign_in()).status == 200
    assert (await ann.sign_in("another one")).status == 400


async def test_a_confirmed_address_is_answered_as_if_it_were_new(ann, mails_to):
    user = await ann.sign_up()
    body = {"email": ann.email, "token": (await mails_to(ann))[0]["code"], "type": "signup"}
    await ann.post("/verify", body)

    again = await ann.sign_up(data={"a": 1})
    fresh = await Person(ann.client, f"{uuid.uuid4().hex}@example.com").sign_up(data={"a": 1})

    assert again["id"] != user["id"]
    assert (again["identities"], again["role"]) == ([], "")
    assert again["user_metadata"] == {"a": 1}
    assert set(again) == set(fresh)
    assert len(await mails_to(ann)) == 1


async def test_mails_to_one_address_lie_apart(somebody, told):
    person = await somebody(Limits(mail_gap_s=60.0), has_autoconfirm=False)
    await person.sign_up()

    answer = await person.post("/signup", {"email": person.email, "password": PASSWORD})

    assert await told(answer) == (429, "over_email_send_rate_limit")


async def test_a_closed_project_takes_nobody(somebody, told):
    person = await somebody(has_signup=False)

    answer = await person.post("/signup", {"email": person.email, "password": PASSWORD})

    assert await told(answer) == (422, "signup_disabled")


async def test_an_account_from_before_is_not_signed_in_by_its_address(somebody, make_gateway, told):
    strict = await somebody(has_autoconfirm=False)
    await strict.sign_up()
    lenient = Person(await make_gateway(), strict.email)

    answer = await lenient.post("/signup", {"email": strict.email, "password": "guessed it"})

    assert await told(answer) == (422, "user_already_exists")
