"""Second factors as clients of Supabase know them, judged by the official Python client."""

import pytest
from supabase_auth.errors import AuthApiError


async def enrolled(client, **more):
    return await client.auth.mfa.enroll({"factor_type": "totp", **more})


async def levels(client):
    told = await client.auth.mfa.get_authenticator_assurance_level()
    return told.current_level, told.next_level


async def test_a_verified_factor_lifts_the_session(connect, account, totp_now):
    client = await connect(account)
    factor = await enrolled(client, friendly_name="phone", issuer="Acme")
    assert await levels(client) == ("aal1", "aal1")

    challenge = await client.auth.mfa.challenge({"factor_id": factor.id})
    answer = await client.auth.mfa.verify(
        {
            "factor_id": factor.id,
            "challenge_id": challenge.id,
            "code": totp_now(factor.totp.secret),
        }
    )

    assert answer.user.email == account.email
    assert await levels(client) == ("aal2", "aal2")
    claims = (await client.auth.get_claims())["claims"]
    assert [entry["method"] for entry in claims["amr"]] == ["totp", "password"]
    [listed] = (await client.auth.mfa.list_factors()).totp
    assert (listed.id, listed.friendly_name) == (factor.id, "phone")


async def test_the_level_stays_when_the_session_is_refreshed(connect, account, totp_now):
    client = await connect(account)
    factor = await enrolled(client)
    code = totp_now(factor.totp.secret)
    await client.auth.mfa.challenge_and_verify({"factor_id": factor.id, "code": code})

    await client.auth.refresh_session()

    assert await levels(client) == ("aal2", "aal2")


async def test_a_new_login_is_told_that_the_factor_is_due(connect, account, totp_now):
    first = await connect(account)
    factor = await enrolled(first)
    code = totp_now(factor.totp.secret)
    await first.auth.mfa.challenge_and_verify({"factor_id": factor.id, "code": code})

    second = await connect(account)

    assert await levels(second) == ("aal1", "aal2")
    await second.auth.mfa.challenge_and_verify({"factor_id": factor.id, "code": code})
    assert await levels(second) == ("aal2", "aal2")
    assert (await first.auth.get_user()).user.email == account.email


async def test_a_wrong_code_is_told_as_such(connect, account, totp_now):
    client = await connect(account)
    factor = await enrolled(client)
    right = totp_now(factor.totp.secret)
    wrong = f"{(int(right) + 500_000) % 1_000_000:06d}"

    with pytest.raises(AuthApiError) as refused:
        await client.auth.mfa.challenge_and_verify({"factor_id": factor.id, "code": wrong})

    assert (refused.value.status, refused.value.code) == (422, "mfa_verification_failed")
    assert await levels(client) == ("aal1", "aal1")


async def test_a_verified_factor_is_removed_at_its_own_level_only(connect, account, totp_now):
    client = await connect(account)
    factor = await enrolled(client)
    code = totp_now(factor.totp.secret)
    await client.auth.mfa.challenge_and_verify({"factor_id": factor.id, "code": code})
    low = await connect(account)

    with pytest.raises(AuthApiError) as refused:
        await low.auth.mfa.unenroll({"factor_id": factor.id})
    gone = await client.auth.mfa.unenroll({"factor_id": factor.id})

    assert (refused.value.status, refused.value.code) == (422, "insufficient_aal")
    assert gone.id == factor.id
    assert (await client.auth.get_user()).user.factors in (None, [])
