import asyncio

import pytest
from structlog.testing import capture_logs

from atoms_mcp.identity.mails import MAIL_FLOOR_S, Mails, MailSent
from atoms_mcp.identity.quota import Quota
from atoms_mcp.identity.refusals import MAIL, SignInRefused
from atoms_mcp.supabase.errors import SupabaseError

ADDRESS = "192.0.2.1"


@pytest.fixture
def mails(sleeps):
    return Mails(None, clock=lambda: 0.0, sleep=sleeps)


def saying(kind=None, status=None, code=None):
    async def ask():
        if kind is not None:
            raise SupabaseError(kind, "no", status=status, code=code)

    return ask


def other_task():
    """Give the one task that still runs beside the test's."""
    [task] = asyncio.all_tasks() - {asyncio.current_task()}
    return task


ALIKE = [
    saying(),
    saying("refused", 422, "otp_disabled"),
    saying("refused", 422, "signup_disabled"),
    saying("refused", 400, "email_address_not_authorized"),
    saying("busy", 429, "over_email_send_rate_limit"),
    saying("wrong", 500, "unexpected_failure"),
]


@pytest.mark.parametrize("ask", ALIKE)
async def test_whatever_hangs_on_the_account_is_answered_alike_after_the_same_time(
    mails, sleeps, ask
):
    assert await mails.request(ask, MAIL, ADDRESS) is None
    assert sleeps == [MAIL_FLOOR_S]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (saying("refused", 400, "captcha_failed"), "captcha_failed"),
        (saying("refused", 422, "email_provider_disabled"), "email_sign_in_disabled"),
        (saying("refused", 400, "validation_failed"), "malformed"),
        (saying("busy", 429, "over_request_rate_limit"), "supabase_busy"),
        (saying("busy", 429), "supabase_busy"),
    ],
)
async def test_what_does_not_hang_on_the_account_is_told(mails, ask, error):
    with pytest.raises(SignInRefused) as caught:
        await mails.request(ask, MAIL, ADDRESS)

    assert caught.value.error == error


@pytest.mark.parametrize(
    "ask",
    [
        saying("down"),
        saying("down", 503, "x"),
        saying("slow"),
        saying("wrong", 502),
        saying("refused", 401),
    ],
)
async def test_who_could_not_be_asked_is_no_mail(mails, ask):
    with pytest.raises(SupabaseError):
        await mails.request(ask, MAIL, ADDRESS)


async def test_a_slow_mail_goes_on_after_the_answer(sleeps):
    mails = Mails(None, floor_s=0.001, sleep=sleeps)
    released, sent = asyncio.Event(), asyncio.Event()

    async def ask():
        await released.wait()
        sent.set()

    await mails.request(ask, MAIL, ADDRESS)
    assert not sent.is_set()
    released.set()
    await asyncio.wait_for(sent.wait(), 5)


async def test_a_refusal_after_the_answer_is_logged_alone(sleeps):
    mails = Mails(None, floor_s=0.001, sleep=sleeps)
    released = asyncio.Event()

    async def ask():
        await released.wait()
        raise SupabaseError("wrong", "row data", status=500, code="unexpected_failure")

    with capture_logs() as lines:
        await mails.request(ask, MAIL, ADDRESS)
        task = other_task()
        released.set()
        await asyncio.wait({task}, timeout=5)

    assert [(line["event"], line["fault"]) for line in lines] == [
        ("mail.failed", "wrong 500 unexpected_failure")
    ]


@pytest.mark.parametrize(
    ("ask", "count"),
    [(saying("refused", 422, "otp_disabled"), 0), (saying("wrong", 500, "unexpected_failure"), 1)],
)
async def test_an_operator_reads_of_mails_that_fail_not_of_addresses_that_are_unknown(
    mails, ask, count
):
    with capture_logs() as lines:
        await mails.request(ask, MAIL, ADDRESS)

    assert [line["event"] for line in lines] == ["mail.failed"] * count


async def test_a_fault_of_ours_is_no_mail(mails):
    async def ask():
        raise RuntimeError("planted")

    with capture_logs() as lines, pytest.raises(RuntimeError):
        await mails.request(ask, MAIL, ADDRESS)

    assert lines[0]["log_level"] == "error"


async def test_who_leaves_does_not_stop_the_mail():
    mails = Mails(None, floor_s=60)
    released, began, sent = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ask():
        began.set()
        await released.wait()
        sent.set()

    request = asyncio.ensure_future(mails.request(ask, MAIL, ADDRESS))
    await asyncio.wait_for(began.wait(), 5)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    released.set()
    await asyncio.wait_for(sent.wait(), 5)


async def test_a_mail_that_is_given_up_is_no_fault():
    mails = Mails(None, floor_s=0.001)
    await mails.request(asyncio.Event().wait, MAIL, ADDRESS)
    task = other_task()
    with capture_logs() as lines:
        task.cancel()
        await asyncio.wait({task}, timeout=5)

    assert lines == []


async def test_an_address_that_had_its_share_asks_for_no_more(sleeps):
    mails = Mails(Quota("mails", "1 per 5 minute"), sleep=sleeps)
    await mails.request(saying("refused", 422, "otp_disabled"), MAIL, ADDRESS)
    with pytest.raises(SignInRefused) as caught:
        await mails.request(saying(), MAIL, ADDRESS)

    assert (caught.value.status, caught.value.error) == (429, "too_many_mails")
    assert 1 <= caught.value.retry_after_s <= 300
    await mails.request(saying(), MAIL, "192.0.2.2")


def test_the_verifier_is_in_no_text():
    assert "secret" not in repr(MailSent("secret"))
