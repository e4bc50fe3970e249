"""Asking Supabase for a mail, so that nobody learns from it whether an account exists.

Supabase says of an unknown address that it is unknown, of a known one that a mail went out a
moment ago or that no mail can be sent, and takes its time for the sending. All of that is
answered alike here, and after the same time; what an operator has to know is logged. What
does not hang on the account is told.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import structlog

from atoms_mcp.identity.quota import Quota, TooOften
from atoms_mcp.identity.refusals import Refusal, SignInRefused, find_refusal
from atoms_mcp.supabase.auth import Session
from atoms_mcp.supabase.errors import SupabaseError

# Every mail is answered after this, sent or not: longer than most are on their way upstream.
MAIL_FLOOR_S = 1.0
# Said of an address that is unknown, and of one that was written to a moment ago.
USUAL = frozenset({"otp_disabled", "over_email_send_rate_limit"})

log = structlog.get_logger(__name__)

Ask = Callable[[], Coroutine[object, object, Session | None]]


@dataclass(frozen=True, slots=True)
class MailSent:
    """If there is something to mail, a mail is on its way.

    `verifier` redeems the code that the mail's link brings back, together with
    `SignIn.by_provider`; None where no way back was named.
    """

    verifier: str | None = field(default=None, repr=False)


class Mails:
    """Asks for mails, as many as `quota` allows an address (any number without one)."""

    def __init__(
        self,
        quota: Quota | None,
        *,
        floor_s: float = MAIL_FLOOR_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._quota = quota
        self._floor_s = floor_s
        self._clock = clock
        self._sleep = sleep
        self._asking: set[asyncio.Task[Session | None]] = set()

    async def request(self, ask: Ask, table: Mapping[str, Refusal], address: str | None) -> None:
        """Ask, and return alike whether or not anything was sent.

        What takes Supabase longer than the floor goes on after the answer.

        Raises:
            SignInRefused: too many mails, or a refusal of `table`.
            SupabaseError: it could not be asked.
        """
        await self.count(address)
        began_at = self._clock()
        task = asyncio.ensure_future(ask())
        self._asking.add(task)
        task.add_done_callback(self._end)
        await asyncio.wait({task}, timeout=self._floor_s)
        try:
            if task.done():
                task.result()
        except SupabaseError as exc:
            if not _hangs_on_account(exc, table):
                raise find_refusal(exc, table).error_for(exc) from exc
        await self._sleep(self._floor_s - (self._clock() - began_at))

    async def count(self, address: str | None) -> None:
        """Count one mail for the address.

        Raises:
            SignInRefused: it has had too many.
        """
        if self._quota is None:
            return
        try:
            await self._quota.take(address)
        except TooOften as exc:
            raise SignInRefused(
                429,
                "too_many_mails",
                "Too many mails were asked for from this address.",
                f"Wait {exc.retry_after_s} seconds, then try again. Look for a mail that has "
                "come already, in the folder for spam, too.",
                retry_after_s=exc.retry_after_s,
            ) from None

    def _end(self, task: asyncio.Task[Session | None]) -> None:
        self._asking.discard(task)
        exc = None if task.cancelled() else task.exception()
        if isinstance(exc, SupabaseError):
            if exc.code not in USUAL:
                log.warning("mail.failed", fault=str(exc))
        elif exc is not None:
            log.error("mail.failed", exc_info=exc)


def _hangs_on_account(exc: SupabaseError, table: Mapping[str, Refusal]) -> bool:
    """Tell whether Auth may have said this because there is, or is not, such an account.

    Whatever has no code is not Auth's word: a gateway's, or nobody's.
    """
    if exc.code is None or exc.code in table:
        return False
    if exc.kind == "busy":
        return exc.code in USUAL
    return exc.kind in {"refused", "wrong"}
