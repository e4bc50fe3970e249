from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request
from auth_world import ANON_KEY, ISSUER

from atoms_mcp.local.auth.body import CAPTCHA_TOKEN
from atoms_mcp.local.auth.context import USER_AGENT_CHARS, Context, entry
from atoms_mcp.local.auth.limits import Buckets, Limits

SOLVED = {"gotrue_meta_security": {"captcha_token": CAPTCHA_TOKEN}}


def test_time_is_told_as_rows_have_it(pool, ring):
    context = Context(pool, ring, ISSUER, ANON_KEY, now=lambda: 0.5)

    assert context.at() == datetime(1970, 1, 1, 0, 0, 0, 500_000, UTC)


def test_how_somebody_comes_in_is_kept_short():
    request = make_mocked_request("GET", "/", headers={"User-Agent": "x" * 1000})

    how = entry(request, "oauth", "demo")

    assert (how.method, how.provider) == ("oauth", "demo")
    assert len(how.user_agent) == USER_AGENT_CHARS
    assert entry(make_mocked_request("GET", "/"), "otp").user_agent is None


@pytest.mark.parametrize(
    "path",
    ["/signup", "/otp", "/magiclink", "/recover", "/resend", "/token?grant_type=password"],
)
async def test_a_protected_project_asks_for_a_captcha_first(make_gateway, told, path):
    limits = Limits(
        token=Buckets("1 per hour", burst=1),
        signup=Buckets("1 per hour", burst=1),
        mail_requests=Buckets("1 per hour", burst=1),
    )
    client = await make_gateway(limits, has_captcha=True)

    async def ask(body):
        return await told(await client.post(f"/auth/v1{path}", json=body))

    for body in ({}, {"gotrue_meta_security": 5}, {"gotrue_meta_security": {"captcha_token": "x"}}):
        assert await ask(body) == (400, "captcha_failed")
    assert (await ask(SOLVED))[1] == "validation_failed"
    assert await ask(SOLVED) == (429, "over_request_rate_limit")


async def test_a_refresh_needs_no_captcha(make_gateway, told):
    client = await make_gateway(has_captcha=True)

    answer = await client.post(
        "/auth/v1/token?grant_type=refresh_token", json={"refresh_token": "abcdefghijkl"}
    )

    assert await told(answer) == (400, "refresh_token_not_found")
