import uuid

import pytest
from auth_world import PASSWORD, Person

from atoms_mcp.local.auth.limits import Buckets, Limits
from atoms_mcp.local.auth.totp import code_at
from atoms_mcp.local.tokens import sign_access_token


class Phone:
    """An authenticator app with one factor of one person in it."""

    def __init__(self, person, token, clock):
        self.person, self.token, self.clock = person, token, clock

    async def enroll(self, **more):
        body = {"factor_type": "totp", **more}
        answer = await self.person.post("/factors", body, self.token)
        if answer.status == 200:
            told = await answer.json()
            self.factor, self.secret = told["id"], told["totp"]["secret"]
        return answer

    async def challenge(self, token=None):
        path = f"/factors/{self.factor}/challenge"
        return await self.person.post(path, {}, token or self.token)

    async def verify(self, challenge=None, code=None, token=None):
        if challenge is None:
            challenge = (await (await self.challenge(token)).json())["id"]
        body = {
            "challenge_id": challenge,
            "code": self.code() if code is None else code,
        }
        return await self.person.post(f"/factors/{self.factor}/verify", body, token or self.token)

    def code(self):
        return code_at(self.secret, self.clock())


@pytest.fixture
async def phone(person, clock):
    return Phone(person, (await person.sign_up())["access_token"], clock)


async def test_enrolling_tells_a_secret_and_where_it_is_for(phone):
    told = await (await phone.enroll(friendly_name="blue phone")).json()

    assert (told["type"], told["friendly_name"]) == ("totp", "blue phone")
    assert told["totp"]["uri"].startswith("otpauth://totp/127.0.0.1%3A8000:")
    assert f"secret={told['totp']['secret']}" in told["totp"]["uri"]


async def test_a_factor_counts_once_it_is_verified(phone):
    await phone.enroll(issuer="Acme")
    before = await (await phone.person.get("/user", phone.token)).json()

    lifted = await (await phone.verify()).json()

    assert [factor["status"] for factor in before["factors"]] == ["unverified"]
    [factor] = lifted["user"]["factors"]
    assert (factor["id"], factor["status"]) == (phone.factor, "verified")
    assert (factor["factor_type"], "secret" in factor) == ("totp", False)


async def test_verifying_ends_the_logins_that_showed_less(phone):
    await phone.enroll()
    low = (await (await phone.person.sign_in()).json())["access_token"]

    lifted = (await (await phone.verify()).json())["access_token"]
    late = (await (await phone.person.sign_in()).json())["access_token"]
    again = (await (await phone.verify(token=late)).json())["access_token"]

    assert (await phone.person.get("/user", low)).status == 403
    assert (await phone.person.get("/user", lifted)).status == 200
    assert (await phone.person.get("/user", again)).status == 200


async def test_tokens_from_before_the_second_factor_refresh_nothing(phone, told):
    first = await (await phone.person.sign_in()).json()
    phone.token = first["access_token"]
    await phone.enroll()
    lifted = await (await phone.verify()).json()

    late = await phone.person.refresh(first["refresh_token"])

    assert first["refresh_token"] != lifted["refresh_token"]
    assert await told(late) == (400, "refresh_token_already_used")


async def test_other_factors_that_were_begun_are_gone(phone):
    await phone.enroll(friendly_name="first")
    await phone.enroll(friendly_name="second")

    lifted = await (await phone.verify()).json()

    assert [one["friendly_name"] for one in lifted["user"]["factors"]] == ["second"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"factor_type": "stone"}, 400, "validation_failed"),
        ({"factor_type": "phone"}, 422, "mfa_phone_enroll_not_enabled"),
        ({"factor_type": "webauthn"}, 422, "mfa_webauthn_enroll_not_enabled"),
    ],
)
async def test_only_apps_are_enrolled(phone, told, body, status, code):
    answer = await phone.person.post("/factors", body, phone.token)

    assert await told(answer) == (status, code)


async def test_names_are_used_once_and_factors_are_few(phone, told):
    await phone.enroll(friendly_name="mine")

    assert await told(await phone.enroll(friendly_name="mine")) == (
        422,
        "mfa_factor_name_conflict",
    )
    for _ in range(9):
        await phone.enroll()
    assert await told(await phone.enroll()) == (422, "too_many_enrolled_mfa_factors")


async def test_a_name_that_was_taken_meanwhile_is_told_the_same(phone, pool, told):
    await phone.enroll()
    async with pool.acquire() as connection:
        # Another name for the answer, the same one for the index.
        await connection.execute(
            """
            create function auth.rename() returns trigger language plpgsql as
              $$ begin new.friendly_name := 'taken'; return new; end $$;
            create trigger rename before insert on auth.mfa_factors for each row
              execute function auth.rename();
            """
        )
    try:
        first = await phone.enroll(friendly_name="a")
        second = await phone.enroll(friendly_name="b")
    finally:
        async with pool.acquire() as connection:
            await connection.execute(
                "drop trigger rename on auth.mfa_factors; drop function auth.rename()"
            )

    assert first.status == 200
    assert await told(second) == (422, "mfa_factor_name_conflict")


async def test_a_second_factor_is_enrolled_with_the_first(phone, told):
    await phone.enroll()
    lifted = (await (await phone.verify()).json())["access_token"]
    low = (await (await phone.person.sign_in()).json())["access_token"]

    phone.token = low
    assert await told(await phone.enroll()) == (403, "insufficient_aal")
    phone.token = lifted
    assert (await phone.enroll()).status == 200


async def test_whoever_is_nobody_has_no_factor(phone, pool, told):
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set is_anonymous = true where email = $1", phone.person.email
        )

    assert await told(await phone.enroll()) == (403, "no_authorization")


async def test_a_factor_is_its_users_alone(phone, person, told):
    await phone.enroll()
    other = Person(person.client, f"{uuid.uuid4().hex}@example.com")
    token = (await other.sign_up())["access_token"]

    answers = [
        await phone.challenge(token),
        await phone.verify("x", token=token),
        await person.client.delete(
            f"/auth/v1/factors/{phone.factor}", headers={"Authorization": f"Bearer {token}"}
        ),
    ]

    assert {await told(answer) for answer in answers} == {(404, "mfa_factor_not_found")}


async def test_what_is_no_factor_is_not_found(phone, told):
    phone.factor = "me"

    assert await told(await phone.challenge()) == (404, "validation_failed")


@pytest.mark.parametrize("challenge", ["", "x", str(uuid.uuid4())])
async def test_a_challenge_has_to_be_the_factors(phone, told, challenge):
    await phone.enroll()

    assert await told(await phone.verify(challenge)) == (422, "mfa_factor_not_found")


async def test_a_challenge_is_answered_once_and_in_time(phone, clock, told):
    await phone.enroll()
    late = (await (await phone.challenge()).json())["id"]
    clock.advance(301)
    used = await (await phone.challenge()).json()

    assert await told(await phone.verify(late)) == (422, "mfa_challenge_expired")
    assert used["expires_at"] == pytest.approx(clock() + 300, abs=2)
    lifted = await phone.verify(used["id"])
    phone.token = (await lifted.json())["access_token"]
    assert await told(await phone.verify(used["id"])) == (422, "mfa_ip_address_mismatch")


async def test_a_challenge_is_answered_from_where_it_was_asked(phone, pool, told):
    await phone.enroll()
    challenge = (await (await phone.challenge()).json())["id"]
    async with pool.acquire() as connection:
        await connection.execute("update auth.mfa_challenges set ip_address = '192.0.2.1'")

    assert await told(await phone.verify(challenge)) == (422, "mfa_ip_address_mismatch")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("", 400, "validation_failed"), ("abcdef", 422, "mfa_verification_failed")],
)
async def test_a_wrong_code_lifts_nothing(phone, told, code, status, error):
    await phone.enroll()

    assert await told(await phone.verify(code=code)) == (status, error)
    assert (await phone.verify()).status == 200


async def test_a_factor_lifts_a_session_and_nothing_else(phone, ring, told):
    await phone.enroll()
    user = await (await phone.person.get("/user", phone.token)).json()
    free = sign_access_token(ring, {"sub": user["id"], "aud": "authenticated"})

    assert await told(await phone.verify(token=free)) == (403, "session_not_found")


async def test_a_session_that_ends_meanwhile_is_not_lifted(phone, pool, told):
    await phone.enroll()
    async with pool.acquire() as connection:
        await connection.execute(
            """
            create function auth.vanish() returns trigger language plpgsql as
              $$ begin delete from auth.sessions; return new; end $$;
            create trigger vanish before update of verified_at on auth.mfa_challenges
              for each row execute function auth.vanish();
            """
        )
    try:
        answer = await phone.verify()
    finally:
        async with pool.acquire() as connection:
            await connection.execute(
                "drop trigger vanish on auth.mfa_challenges; drop function auth.vanish()"
            )

    assert await told(answer) == (403, "session_not_found")


async def test_a_verified_factor_is_removed_by_whoever_shows_it(phone, told):
    await phone.enroll()
    lifted = (await (await phone.verify()).json())["access_token"]
    low = (await (await phone.person.sign_in()).json())["access_token"]

    async def remove(token):
        return await phone.person.client.delete(
            f"/auth/v1/factors/{phone.factor}", headers={"Authorization": f"Bearer {token}"}
        )

    assert await told(await remove(low)) == (422, "insufficient_aal")
    assert await (await remove(lifted)).json() == {"id": phone.factor}
    assert "factors" not in await (await phone.person.get("/user", lifted)).json()


async def test_a_new_password_takes_both_factors(phone, told):
    await phone.enroll()
    lifted = (await (await phone.verify()).json())["access_token"]
    low = (await (await phone.person.sign_in()).json())["access_token"]
    person = phone.person

    for change in ({"password": "another one"}, {"email": "else@example.com"}):
        assert await told(await person.put("/user", change, low)) == (401, "insufficient_aal")
    assert (await person.put("/user", {"data": {"a": 1}, "email": person.email}, low)).status == 200
    assert (await person.put("/user", {"password": PASSWORD + "2"}, lifted)).status == 200


async def test_attempts_are_counted(make_gateway, clock, told):
    limits = Limits(factors=Buckets("1 per 5 minute", burst=3))
    person = Person(await make_gateway(limits), f"{uuid.uuid4().hex}@example.com")
    phone = Phone(person, (await person.sign_up())["access_token"], clock)
    await phone.enroll()
    await phone.verify(code="000000")

    assert await told(await phone.verify("x")) == (429, "over_request_rate_limit")
