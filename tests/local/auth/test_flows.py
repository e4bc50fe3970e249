import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from atoms_mcp.local.auth import code_store
from atoms_mcp.local.auth.code_store import Departure
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.flows import refuse_at
from atoms_mcp.local.auth.pkce import Challenge

VERIFIER = "v" * 43
CHALLENGE = Challenge(VERIFIER, "plain")


@pytest.fixture
async def ann(somebody):
    """Somebody with an account."""
    person = await somebody()
    person.id = uuid.UUID((await person.sign_up())["user"]["id"])
    return person


@pytest.fixture
def arrived(pool, ann, clock):
    """Bring a sign-in back, and give its code."""

    async def come(challenge=CHALLENGE, method="oauth", *, is_known=True):
        at = datetime.fromtimestamp(clock(), UTC)
        async with pool.acquire() as connection:
            departure = Departure("demo", method, "http://back", challenge)
            flow_id = await code_store.add_flow(connection, departure, at)
            if is_known:
                await code_store.finish_flow(connection, flow_id, ann.id, at)
            return str((await code_store.get_flow(connection, flow_id)).auth_code)

    return come


@pytest.fixture
def exchange(ann):
    async def ask(code, verifier=VERIFIER):
        body = {"auth_code": code, "code_verifier": verifier}
        return await ann.post("/token?grant_type=pkce", body)

    return ask


@pytest.mark.parametrize(
    ("method", "provider"), [("oauth", "demo"), ("magiclink", None), ("recovery", None)]
)
async def test_a_code_and_its_verifier_are_tokens_once(
    arrived, exchange, told, *, method, provider
):
    code = await arrived(method=method)

    answer = await (await exchange(code)).json()

    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    [shown] = claims["amr"]
    assert (shown["method"], shown.get("provider")) == (method, provider)
    assert await told(await exchange(code)) == (404, "flow_state_not_found")


async def test_a_wrong_verifier_is_refused_and_the_right_one_still_counts(arrived, exchange, told):
    code = await arrived()

    assert await told(await exchange(code, "w" * 43)) == (400, "bad_code_verifier")
    assert (await exchange(code)).status == 200


async def test_a_code_ends_after_five_minutes(arrived, exchange, clock, told):
    code = await arrived()
    clock.advance(301)

    assert await told(await exchange(code)) == (422, "flow_state_expired")


async def test_codes_that_were_not_handed_out_are_unknown(arrived, exchange, told):
    codes = [
        str(uuid.uuid4()),
        "x",
        await arrived(is_known=False),
        await arrived(challenge=None),
    ]

    answers = {await told(await exchange(code)) for code in codes}

    assert answers == {(404, "flow_state_not_found")}


@pytest.mark.parametrize(("code", "verifier"), [("", "x"), ("x", ""), ("", "")])
async def test_both_are_needed(exchange, told, code, verifier):
    assert await told(await exchange(code, verifier)) == (400, "validation_failed")


async def test_the_banned_get_no_tokens(ann, arrived, exchange, pool, told):
    code = await arrived()
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set banned_until = now() + $2 where email = $1",
            ann.email,
            timedelta(hours=1),
        )

    assert await told(await exchange(code)) == (400, "user_banned")


def test_a_refusal_is_told_to_pages_and_servers():
    error = AuthError(403, "otp_expired", "Too late")
    told = "error=access_denied&error_code=otp_expired&error_description=Too+late"

    assert refuse_at("http://a/?x=1", error, has_query=False) == f"http://a/?x=1#{told}"
    assert refuse_at("http://a/", error, has_query=True) == f"http://a/?{told}#{told}"
    other = refuse_at("http://a/", AuthError(400, "bad", "No"), has_query=False)
    assert "error=invalid_request" in other
