import pytest
from supabase_double import FAULTS, answering, refusal

from atoms_mcp.identity.attempts import Attempts
from atoms_mcp.identity.credentials import Malformed, check_credentials
from atoms_mcp.identity.sign_in import FAILURE_FLOOR_S, SignIn, SignInRefused
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

TOKEN = "/auth/v1/token"
ADDRESS = "192.0.2.1"


class Sleeps(list):
    async def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def sleeps():
    return Sleeps()


@pytest.fixture
async def sign_in(supabase, sleeps):
    wire = Wire(supabase.settings())
    attempts = Attempts(per_account="3 per 5 minute", per_address="5 per 5 minute")
    yield SignIn(SupabaseAuth(wire), attempts, clock=lambda: 0.0, sleep=sleeps)
    await wire.close()


PASSWORD = "correct-horse-demo"


def credentials(email="ada@acme.example", password=PASSWORD):
    return check_credentials(email, password, None)


async def test_good_credentials_open_a_session(supabase, sign_in, sleeps):
    session = await sign_in.by_password(credentials(), ADDRESS)

    assert session.user.id == supabase.user_id
    assert sleeps == []


async def test_an_unknown_user_and_a_wrong_password_cannot_be_told_apart(sign_in, sleeps):
    refusals = []
    for wrong in (credentials(email="nobody@acme.example"), credentials(password="wrong")):
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_password(wrong, ADDRESS)
        refusals.append(vars(caught.value))

    assert refusals[0] == refusals[1]
    assert refusals[0]["status"] == 401
    assert sleeps == [FAILURE_FLOOR_S, FAILURE_FLOOR_S]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("user_banned", 403, "user_banned"),
        ("email_not_confirmed", 403, "email_not_confirmed"),
        ("captcha_failed", 403, "captcha_failed"),
        ("email_provider_disabled", 403, "password_sign_in_disabled"),
        ("validation_failed", 400, "malformed"),
    ],
)
async def test_refusals_of_supabase_are_explained(supabase, sign_in, code, status, error):
    async def refuse(_request):
        return refusal(422 if code == "email_provider_disabled" else 400, code)

    supabase.faults[TOKEN] = refuse

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_password(credentials(), ADDRESS)

    assert (caught.value.status, caught.value.error) == (status, error)
    assert caught.value.hint


async def test_a_captcha_is_asked_for_in_words(supabase, sign_in):
    supabase.faults[TOKEN] = answering(400, b'{"code":"captcha_failed","message":"no"}')

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_password(credentials(), ADDRESS)

    assert "captcha_token" in caught.value.hint


async def test_failures_are_limited_and_the_right_password_does_not_help(supabase, sign_in):
    for _ in range(3):
        with pytest.raises(SignInRefused):
            await sign_in.by_password(credentials(password="wrong"), ADDRESS)
    supabase.seen.clear()

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_password(credentials(email="ADA@acme.example"), "192.0.2.2")

    assert caught.value.status == 429
    assert caught.value.retry_after_s >= 1
    assert supabase.seen == []


async def test_an_outage_is_no_failure_of_the_account(supabase, sign_in):
    supabase.faults[TOKEN] = answering(503)
    for _ in range(10):
        with pytest.raises(SupabaseError):
            await sign_in.by_password(credentials(), ADDRESS)
    supabase.faults.clear()

    await sign_in.by_password(credentials(), ADDRESS)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [pytest.param(*row, id=name) for name, row in FAULTS.items() if name != "429"],
)
async def test_a_fault_upstream_is_no_wrong_password(supabase, sign_in, sleeps, fault, kind):
    supabase.faults[TOKEN] = fault

    with pytest.raises(SupabaseError) as caught:
        await sign_in.by_password(credentials(), ADDRESS)

    assert caught.value.kind == kind
    assert sleeps == []


@pytest.mark.parametrize("code", ["hook_payload_over_size_limit", "bad_json", "unknown"])
async def test_a_refusal_nobody_knows_is_no_wrong_password(supabase, sign_in, code):
    async def refuse(_request):
        return refusal(400, code)

    supabase.faults[TOKEN] = refuse

    with pytest.raises(SupabaseError) as caught:
        await sign_in.by_password(credentials(), ADDRESS)

    assert caught.value.kind == "wrong"


@pytest.mark.parametrize(("header", "wait_s"), [({"Retry_After": "7"}, 7), ({}, 5)])
async def test_a_busy_supabase_says_when_to_come_back(supabase, sign_in, header, wait_s):
    supabase.faults[TOKEN] = answering(429, b'{"code":"over_request_rate_limit"}', **header)

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_password(credentials(), ADDRESS)

    assert (caught.value.status, caught.value.retry_after_s) == (429, wait_s)


async def test_a_refresh_token_renews_the_session(sign_in):
    session = await sign_in.by_refresh_token("refresh0")

    assert session.refresh_token != "refresh0"


@pytest.mark.parametrize("value", [None, 7, "", "a\x00"])
async def test_odd_refresh_tokens_cost_no_call(supabase, sign_in, value):
    with pytest.raises(Malformed):
        await sign_in.by_refresh_token(value)

    assert supabase.seen == []


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        ("refresh_token_not_found", "session_over", 401),
        ("refresh_token_already_used", "session_over", 401),
        ("session_expired", "session_over", 401),
        ("validation_failed", "session_over", 401),
        ("user_banned", "user_banned", 403),
    ],
)
async def test_a_session_that_is_over_says_so(supabase, sign_in, code, error, status):
    async def refuse(_request):
        return refusal(400, code)

    supabase.faults[TOKEN] = refuse

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_refresh_token("refresh0")

    assert (caught.value.error, caught.value.status) == (error, status)


async def test_a_conflict_of_refreshes_is_no_end(supabase, sign_in):
    supabase.faults[TOKEN] = answering(409, b'{"code":"conflict","message":"no"}')

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_refresh_token("refresh0")

    assert caught.value.status == 429


async def test_a_refresh_in_an_outage_is_no_end(supabase, sign_in):
    supabase.faults[TOKEN] = answering(502, b"x")

    with pytest.raises(SupabaseError):
        await sign_in.by_refresh_token("refresh0")


async def test_without_attempts_nothing_is_limited(supabase, sleeps):
    wire = Wire(supabase.settings())
    sign_in = SignIn(SupabaseAuth(wire), None, sleep=sleeps)
    for _ in range(30):
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_password(credentials(password="wrong"), ADDRESS)
        assert caught.value.status == 401
    await wire.close()
