import pytest
from supabase_double import FAULTS, answering, refusal, s256
from yarl import URL

from atoms_mcp.identity.attempts import Attempts
from atoms_mcp.identity.credentials import Malformed, check_credentials
from atoms_mcp.identity.mails import MAIL_FLOOR_S
from atoms_mcp.identity.quota import Quota
from atoms_mcp.identity.sign_in import (
    FAILURE_FLOOR_S,
    MailSent,
    SignIn,
    SignInRefused,
    needs_second_factor,
)
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

TOKEN = "/auth/v1/token"
ADDRESS = "192.0.2.1"
BACK = "http://127.0.0.1:8000/sign-in/callback"


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
    session = await sign_in.by_refresh_token("refresh0", ADDRESS)

    assert session.refresh_token != "refresh0"


async def test_renewing_is_not_limited(supabase, sign_in):
    for _ in range(12):
        assert await sign_in.by_refresh_token(supabase.refresh_token, ADDRESS)


async def test_who_keeps_showing_wrong_refresh_tokens_has_to_wait(supabase, sign_in):
    for n in range(3):
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_refresh_token(f"garbage{n}-garbage", ADDRESS)
        assert caught.value.error == "session_over"
    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_refresh_token("garbage-garbage", ADDRESS)

    assert (caught.value.status, caught.value.error) == (429, "too_many_failures")
    assert supabase.count(TOKEN) == 3
    # Others go on.
    assert await sign_in.by_refresh_token("refresh0", "192.0.2.2")


@pytest.mark.parametrize("value", [None, 7, "", "a\x00", "x", "a.b.c.d.e.f.g", "a" * 1025])
async def test_odd_refresh_tokens_cost_no_call(supabase, sign_in, value):
    with pytest.raises(Malformed):
        await sign_in.by_refresh_token(value, ADDRESS)

    assert supabase.seen == []


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        ("refresh_token_not_found", "session_over", 401),
        ("refresh_token_already_used", "session_over", 401),
        ("session_expired", "session_over", 401),
        ("validation_failed", "session_over", 401),
        ("invalid_grant", "session_over", 401),
        ("user_banned", "user_banned", 403),
    ],
)
async def test_a_session_that_is_over_says_so(supabase, sign_in, code, error, status):
    async def refuse(_request):
        return refusal(400, code)

    supabase.faults[TOKEN] = refuse

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_refresh_token("refresh0", ADDRESS)

    assert (caught.value.error, caught.value.status) == (error, status)


async def test_a_conflict_of_refreshes_is_no_end(supabase, sign_in):
    supabase.faults[TOKEN] = answering(409, b'{"code":"conflict","message":"no"}')

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_refresh_token("refresh0", ADDRESS)

    assert caught.value.status == 429


async def test_a_refresh_in_an_outage_is_no_end(supabase, sign_in):
    supabase.faults[TOKEN] = answering(502, b"x")

    with pytest.raises(SupabaseError):
        await sign_in.by_refresh_token("refresh0", ADDRESS)


async def test_without_attempts_nothing_is_limited(supabase, sleeps):
    wire = Wire(supabase.settings())
    sign_in = SignIn(SupabaseAuth(wire), None, sleep=sleeps)
    for _ in range(30):
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_password(credentials(password="wrong"), ADDRESS)
        assert caught.value.status == 401
    await wire.close()


FAULT_ROWS = [pytest.param(*row, id=name) for name, row in FAULTS.items() if name != "429"]


def refusing(status, code):
    async def refuse(_request):
        return refusal(status, code)

    return refuse


async def test_a_mailed_code_opens_a_session(supabase, sign_in, sleeps):
    session = await sign_in.by_code(" ada@acme.example ", "123 456", ADDRESS)

    assert session.user.id == supabase.user_id
    assert sleeps == []


async def test_a_wrong_code_and_an_unknown_address_cannot_be_told_apart(sign_in, sleeps):
    told = []
    for email, code in (("ada@acme.example", "000000"), ("nobody@acme.example", "123456")):
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_code(email, code, ADDRESS)
        told.append(vars(caught.value))

    assert told[0] == told[1]
    assert (told[0]["status"], told[0]["error"]) == (401, "code_refused")
    assert sleeps == [FAILURE_FLOOR_S] * 2


async def test_wrong_codes_and_wrong_passwords_are_counted_together(supabase, sign_in):
    with pytest.raises(SignInRefused):
        await sign_in.by_password(credentials(password="wrong"), ADDRESS)
    for email in ("ADA@acme.example", "ada@acme.example"):
        with pytest.raises(SignInRefused):
            await sign_in.by_code(email, "000000", ADDRESS)
    supabase.seen.clear()

    for attempt in (
        sign_in.by_code("ada@acme.example", "123456", "192.0.2.2"),
        sign_in.by_password(credentials(), "192.0.2.2"),
    ):
        with pytest.raises(SignInRefused) as caught:
            await attempt
        assert (caught.value.status, caught.value.error) == (429, "too_many_failures")
    assert supabase.seen == []


async def test_one_address_cannot_try_codes_of_many_accounts(supabase, sign_in):
    for number in range(5):
        with pytest.raises(SignInRefused):
            await sign_in.by_code(f"person{number}@acme.example", "000000", ADDRESS)
    supabase.seen.clear()

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_code("ada@acme.example", "123456", ADDRESS)

    assert caught.value.status == 429
    assert supabase.seen == []


@pytest.mark.parametrize(
    ("email", "code"), [("nobody", "123456"), ("a@b.c", "12345"), (None, None), ("a@b.c", "\x00")]
)
async def test_odd_codes_cost_no_call(supabase, sign_in, email, code):
    with pytest.raises(Malformed):
        await sign_in.by_code(email, code, ADDRESS)

    assert supabase.seen == []


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (403, "otp_expired", 401),
        (422, "otp_disabled", 401),
        (403, "user_banned", 403),
        (429, "over_request_rate_limit", 429),
    ],
)
async def test_refusals_of_a_code_are_explained(supabase, sign_in, status, code, told):
    supabase.faults["/auth/v1/verify"] = refusing(status, code)

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_code("ada@acme.example", "123456", ADDRESS)

    assert caught.value.status == told


@pytest.mark.parametrize(("fault", "kind"), FAULT_ROWS)
async def test_a_fault_upstream_is_no_wrong_code(supabase, sign_in, fault, kind):
    supabase.faults["/auth/v1/verify"] = fault

    with pytest.raises(SupabaseError) as caught:
        await sign_in.by_code("ada@acme.example", "123456", ADDRESS)

    assert caught.value.kind == kind


async def test_a_code_for_a_new_password_is_verified_as_one(supabase, sign_in):
    await sign_in.by_code("ada@acme.example", "123456", ADDRESS, kind="recovery")

    assert (await supabase.seen[0].json())["type"] == "recovery"


async def test_a_second_factor_raises_the_session(supabase, sign_in):
    factor_id = supabase.enroll()
    half = await sign_in.by_password(credentials(), ADDRESS)
    assert needs_second_factor(half).id == factor_id

    whole = await sign_in.by_second_factor(half, factor_id, "654 321", ADDRESS)

    assert needs_second_factor(whole) is None
    assert whole.refresh_token != half.refresh_token


async def test_a_wrong_second_factor_is_counted_and_half_a_sign_in_clears_nothing(
    supabase, sign_in, sleeps
):
    factor_id = supabase.enroll()
    for _ in range(3):
        half = await sign_in.by_password(credentials(), ADDRESS)
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_second_factor(half, factor_id, "000000", ADDRESS)
        assert (caught.value.status, caught.value.error) == (401, "second_factor_refused")
    assert sleeps == [FAILURE_FLOOR_S] * 3
    supabase.seen.clear()

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_second_factor(half, factor_id, "654321", "192.0.2.2")
    assert caught.value.status == 429
    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_password(credentials(), "192.0.2.2")
    assert caught.value.status == 429
    assert supabase.seen == []


async def test_a_whole_sign_in_clears_the_failures_of_its_account(supabase, sign_in):
    factor_id = supabase.enroll()
    for number in range(4):
        half = await sign_in.by_password(credentials(), f"192.0.2.{number}")
        with pytest.raises(SignInRefused):
            await sign_in.by_second_factor(half, factor_id, "000000", f"192.0.2.{number}")
        await sign_in.by_second_factor(half, factor_id, "654321", f"192.0.2.{number}")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (422, "mfa_challenge_expired", "second_factor_expired"),
        (422, "mfa_ip_address_mismatch", "second_factor_expired"),
        (422, "mfa_totp_verify_not_enabled", "second_factor_unsupported"),
        (403, "mfa_verification_rejected", "second_factor_refused"),
        (403, "bad_jwt", "session_over"),
        (403, "session_not_found", "session_over"),
        (403, "user_banned", "user_banned"),
        (429, "over_request_rate_limit", "supabase_busy"),
    ],
)
async def test_refusals_of_a_second_factor_are_explained(supabase, sign_in, status, code, told):
    factor_id = supabase.enroll()
    half = await sign_in.by_password(credentials(), ADDRESS)
    supabase.faults[f"/auth/v1/factors/{factor_id}/verify"] = refusing(status, code)

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_second_factor(half, factor_id, "654321", ADDRESS)

    assert caught.value.error == told


@pytest.mark.parametrize("is_gone_upstream", [True, False])
async def test_a_factor_that_is_gone_says_so(supabase, sign_in, is_gone_upstream):
    factor_id = supabase.enroll()
    half = await sign_in.by_password(credentials(), ADDRESS)
    if is_gone_upstream:
        supabase.factors.clear()

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_second_factor(
            half, factor_id if is_gone_upstream else "../x", "654321", ADDRESS
        )

    assert (caught.value.status, caught.value.error) == (409, "second_factor_gone")


async def test_a_factor_of_another_type_is_not_asked_for(supabase, sign_in):
    factor_id = supabase.enroll("phone")
    half = await sign_in.by_password(credentials(), ADDRESS)
    supabase.seen.clear()

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_second_factor(half, factor_id, "654321", ADDRESS)

    assert caught.value.error == "second_factor_unsupported"
    assert supabase.seen == []


async def test_an_odd_second_factor_costs_no_call(supabase, sign_in):
    half = await sign_in.by_password(credentials(), ADDRESS)
    supabase.seen.clear()

    with pytest.raises(Malformed):
        await sign_in.by_second_factor(half, "f", "12345x", ADDRESS)

    assert supabase.seen == []


@pytest.mark.parametrize(("fault", "kind"), FAULT_ROWS)
async def test_a_fault_upstream_is_no_wrong_second_factor(supabase, sign_in, fault, kind):
    factor_id = supabase.enroll()
    half = await sign_in.by_password(credentials(), ADDRESS)
    supabase.faults[f"/auth/v1/factors/{factor_id}/challenge"] = fault

    with pytest.raises(SupabaseError) as caught:
        await sign_in.by_second_factor(half, factor_id, "654321", ADDRESS)

    assert caught.value.kind == kind


async def test_a_provider_is_begun_with_a_challenge_and_ended_with_its_verifier(supabase, sign_in):
    url, verifier = await sign_in.begin_provider("github", BACK)
    query = URL(url).query
    assert verifier not in url
    assert (query["provider"], query["redirect_to"]) == ("github", BACK)
    assert query["code_challenge"] == s256(verifier)
    supabase.flows["a-code"] = query["code_challenge"]

    session = await sign_in.by_provider("a-code", verifier, ADDRESS)

    assert session.user.id == supabase.user_id


async def test_a_provider_that_needs_it_is_asked_for_the_address(supabase, sign_in):
    supabase.project["external"]["azure"] = True

    url, _ = await sign_in.begin_provider("azure", BACK)

    assert URL(url).query["scopes"] == "email"


@pytest.mark.parametrize("provider", ["google", "email", "", None, 7, ["github"], "github&x=y"])
async def test_a_provider_that_is_not_on_is_not_begun(sign_in, provider):
    with pytest.raises(SignInRefused) as caught:
        await sign_in.begin_provider(provider, BACK)

    assert (caught.value.status, caught.value.error) == (403, "provider_disabled")


@pytest.mark.parametrize(
    ("code", "verifier"), [("a-code", "another"), ("unknown", "v" * 43), ("used", "v" * 43)]
)
async def test_a_way_back_that_is_not_ours_opens_nothing(supabase, sign_in, code, verifier):
    supabase.flows["a-code"] = s256("the right one")

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_provider(code, verifier, ADDRESS)

    assert (caught.value.status, caught.value.error) == (400, "sign_in_expired")


async def test_ways_back_that_fail_are_limited_for_their_address_alone(supabase, sign_in):
    for number in range(3):
        with pytest.raises(SignInRefused) as caught:
            await sign_in.by_provider(f"guess{number}", "v" * 43, ADDRESS)
        assert caught.value.status == 400
    supabase.flows["a-code"] = s256("a-verifier")
    supabase.seen.clear()

    with pytest.raises(SignInRefused) as caught:
        await sign_in.by_provider("a-code", "a-verifier", ADDRESS)
    assert caught.value.status == 429
    assert supabase.seen == []
    assert await sign_in.by_provider("a-code", "a-verifier", "192.0.2.2")


@pytest.mark.parametrize("value", [None, 7, "", "a\x00", "ä", "x" * 5000])
async def test_odd_ways_back_cost_no_call(supabase, sign_in, value):
    with pytest.raises(Malformed):
        await sign_in.by_provider(value, "v", ADDRESS)

    assert supabase.seen == []


@pytest.mark.parametrize(("fault", "kind"), FAULT_ROWS)
async def test_a_fault_upstream_ends_no_way_back(supabase, sign_in, fault, kind):
    supabase.faults[TOKEN] = fault

    with pytest.raises(SupabaseError) as caught:
        await sign_in.by_provider("a-code", "v", ADDRESS)

    assert caught.value.kind == kind


MAILING = ["request_code", "request_recovery"]


@pytest.mark.parametrize("door", MAILING)
async def test_a_mail_is_answered_alike_for_known_and_unknown(supabase, sign_in, sleeps, door):
    known = await getattr(sign_in, door)("ada@acme.example", ADDRESS)
    unknown = await getattr(sign_in, door)("nobody@acme.example", ADDRESS)

    assert known == unknown == MailSent()
    assert sleeps == [MAIL_FLOOR_S] * 2
    assert [mail["email"] for mail in supabase.mailed] == ["ada@acme.example"]


async def test_no_account_is_made_by_asking_for_a_code(supabase, sign_in):
    await sign_in.request_code("ada@acme.example", ADDRESS)

    assert supabase.mailed[0]["create_user"] is False


@pytest.mark.parametrize("door", MAILING)
async def test_the_link_of_a_mail_comes_back_to_its_verifier(supabase, sign_in, door):
    sent = await getattr(sign_in, door)("ada@acme.example", ADDRESS, BACK, captcha_token="c")

    assert supabase.seen[0].query["redirect_to"] == BACK
    mail = supabase.mailed[0]
    assert mail["code_challenge"] == s256(sent.verifier)
    assert mail["gotrue_meta_security"] == {"captcha_token": "c"}
    supabase.flows["of-the-mail"] = mail["code_challenge"]
    assert await sign_in.by_provider("of-the-mail", sent.verifier, ADDRESS)


@pytest.mark.parametrize("door", MAILING)
async def test_a_link_to_the_projects_own_site_has_no_challenge(supabase, sign_in, door):
    await getattr(sign_in, door)("ada@acme.example", ADDRESS)

    assert "code_challenge" not in supabase.mailed[0]


@pytest.mark.parametrize("door", MAILING)
@pytest.mark.parametrize("email", [None, "", "ada", "a\x00@b.c", "a@" + "b" * 300])
async def test_odd_addresses_cost_no_mail(supabase, sign_in, door, email):
    with pytest.raises(Malformed):
        await getattr(sign_in, door)(email, ADDRESS)

    assert supabase.seen == []


@pytest.mark.parametrize(
    ("door", "path"), [("request_code", "otp"), ("request_recovery", "recover")]
)
async def test_a_protected_project_asks_for_a_captcha_before_a_mail(supabase, sign_in, door, path):
    supabase.faults[f"/auth/v1/{path}"] = refusing(400, "captcha_failed")

    with pytest.raises(SignInRefused) as caught:
        await getattr(sign_in, door)("ada@acme.example", ADDRESS)

    assert caught.value.error == "captcha_failed"


async def test_mails_of_all_doors_are_counted_together(supabase, sleeps):
    wire = Wire(supabase.settings())
    quota = Quota("mails", "3 per 5 minute")
    sign_in = SignIn(SupabaseAuth(wire), None, mails=quota, sleep=sleeps, mail_floor_s=5)
    await sign_in.request_code("nobody@acme.example", ADDRESS)
    await sign_in.request_recovery("ada@acme.example", ADDRESS)
    await sign_in.sign_up("new@acme.example", "long enough", None, ADDRESS)
    supabase.seen.clear()
    for request in (
        sign_in.request_code("ada@acme.example", ADDRESS),
        sign_in.request_recovery("ada@acme.example", ADDRESS),
        sign_in.sign_up("newer@acme.example", "long enough", None, ADDRESS),
    ):
        with pytest.raises(SignInRefused) as caught:
            await request
        assert (caught.value.status, caught.value.error) == (429, "too_many_mails")
    await wire.close()

    assert supabase.seen == []


async def test_a_new_account_is_signed_in_where_the_project_confirms_by_itself(supabase, sign_in):
    session = await sign_in.sign_up("new@acme.example", "long enough", "c", ADDRESS)

    assert session.access_token
    assert (await supabase.seen[-1].json())["gotrue_meta_security"] == {"captcha_token": "c"}


async def test_an_account_that_is_there_is_told_where_the_project_tells_it(sign_in):
    with pytest.raises(SignInRefused) as caught:
        await sign_in.sign_up("ada@acme.example", "long enough", None, ADDRESS)
    assert (caught.value.status, caught.value.error) == (409, "already_registered")


async def test_a_sign_up_that_needs_a_mail_is_answered_alike(supabase, sign_in, sleeps):
    supabase.project["mailer_autoconfirm"] = False

    new = await sign_in.sign_up("new@acme.example", "long enough", None, ADDRESS)
    known = await sign_in.sign_up("ada@acme.example", "long enough", None, ADDRESS)

    assert new == known == MailSent()
    assert sleeps == [MAIL_FLOOR_S] * 2
    assert [mail["email"] for mail in supabase.mailed] == ["new@acme.example"]


async def test_an_account_is_not_told_even_if_supabase_tells_it(supabase, sign_in):
    supabase.project["mailer_autoconfirm"] = False
    supabase.faults["/auth/v1/signup"] = refusing(422, "user_already_exists")

    assert await sign_in.sign_up("ada@acme.example", "long enough", None, ADDRESS) == MailSent()


async def test_settings_that_were_changed_meanwhile_do_not_sign_anybody_in(supabase, sign_in):
    await sign_in.project.settings()
    supabase.project["mailer_autoconfirm"] = False

    sent = await sign_in.sign_up("new@acme.example", "long enough", None, ADDRESS, BACK)

    assert supabase.mailed[0]["code_challenge"] == s256(sent.verifier)


@pytest.mark.parametrize("is_autoconfirm", [True, False])
async def test_a_weak_password_is_told_what_it_lacks(supabase, sign_in, is_autoconfirm):
    supabase.project["mailer_autoconfirm"] = is_autoconfirm

    with pytest.raises(SignInRefused) as caught:
        await sign_in.sign_up("new@acme.example", "short", None, ADDRESS)

    assert (caught.value.status, caught.value.error) == (422, "weak_password")
    assert "too short" in caught.value.message


@pytest.mark.parametrize("is_autoconfirm", [True, False])
@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (422, "signup_disabled", "sign_up_disabled"),
        (400, "captcha_failed", "captcha_failed"),
        (400, "email_provider_disabled", "password_sign_in_disabled"),
        (400, "validation_failed", "malformed"),
        (429, "over_request_rate_limit", "supabase_busy"),
    ],
)
async def test_refusals_of_a_sign_up_are_explained(
    supabase, sign_in, is_autoconfirm, status, code, told
):
    supabase.project["mailer_autoconfirm"] = is_autoconfirm
    supabase.faults["/auth/v1/signup"] = refusing(status, code)

    with pytest.raises(SignInRefused) as caught:
        await sign_in.sign_up("new@acme.example", "long enough", None, ADDRESS)

    assert caught.value.error == told


@pytest.mark.parametrize(
    ("email", "password"), [("ada", "long enough"), ("a@b.c", ""), ("a@b.c", "x" * 73), (1, 2)]
)
async def test_odd_sign_ups_cost_no_call(supabase, sign_in, email, password):
    with pytest.raises(Malformed):
        await sign_in.sign_up(email, password, None, ADDRESS)

    assert supabase.seen == []


async def test_a_new_password_is_set_as_the_user(supabase, sign_in):
    session = await sign_in.by_password(credentials(), ADDRESS)

    await sign_in.set_password(session, "a new one")

    assert supabase.passwords == ["a new one"]


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (422, "weak_password", "weak_password"),
        (422, "same_password", "same_password"),
        (401, "insufficient_aal", "second_factor_needed"),
        (400, "reauthentication_needed", "reauthentication_needed"),
        (400, "current_password_required", "reauthentication_needed"),
        (403, "session_not_found", "session_over"),
    ],
)
async def test_refusals_of_a_new_password_are_explained(supabase, sign_in, status, code, told):
    session = await sign_in.by_password(credentials(), ADDRESS)
    supabase.faults["/auth/v1/user"] = refusing(status, code)

    with pytest.raises(SignInRefused) as caught:
        await sign_in.set_password(session, "a new one")

    assert caught.value.error == told


async def test_an_odd_new_password_costs_no_call(supabase, sign_in):
    session = await sign_in.by_password(credentials(), ADDRESS)
    supabase.seen.clear()

    with pytest.raises(Malformed):
        await sign_in.set_password(session, "x" * 73)

    assert supabase.seen == []


async def test_a_wrong_api_key_ends_no_session(supabase, sign_in):
    supabase.faults[TOKEN] = answering(401, b'{"message":"Invalid API key"}')

    with pytest.raises(SupabaseError) as caught:
        await sign_in.by_refresh_token("refresh0", ADDRESS)

    assert caught.value.kind == "wrong"
