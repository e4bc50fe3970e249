"""What a page says when something went wrong, at the field or on top of the page.

The answer's status and headers are those that the same error has as JSON; the words are of the
pages' own, because they are for a person who can type something else.
"""

from dataclasses import dataclass

from aiohttp import hdrs, web

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.identity.refusals import SignInRefused
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web.forms import FormOver
from atoms_mcp.web.keys import EXCHANGE
from atoms_mcp.web.pages import TEXTS
from atoms_mcp.web.problem import Problem
from atoms_mcp.web.refusals import to_problem
from atoms_mcp.web.texts import Texts

# What a page of signing in tells on itself; anything else is a page of its own.
TOLD = (Malformed, SignInRefused, SupabaseError, StoreDown)
AT_FIELD = {
    "code_refused": "code",
    "second_factor_refused": "code",
    "second_factor_expired": "code",
    "weak_password": "password",
    "same_password": "password",
}
WARNINGS = frozenset({"captcha_failed"})
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class PageProblem:
    """One problem as a page shows it; `field` names the input it belongs to, if any."""

    status: int
    code: str
    title: str
    hint: str
    kind: str = "bad"
    field: str | None = None
    retry_after_s: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Give what the answer has to say in its head."""
        return {} if self.retry_after_s is None else {hdrs.RETRY_AFTER: str(self.retry_after_s)}


def describe(request: web.Request, exc: AtomsError) -> PageProblem:
    """Put an error into the words of the pages, and its code into the log.

    What is malformed is said at its field: `email`, `password` or `code`.
    """
    exchange, text = request[EXCHANGE], request.app[TEXTS]
    problem = exc if isinstance(exc, FormOver) else to_problem(exc, exchange.site, "")
    exchange.facts["error_code"] = problem.error
    if isinstance(exc, Malformed):
        title, hint = text(f"problem.{exc.field}.title"), text(f"problem.{exc.field}.hint")
        return PageProblem(problem.status, problem.error, title, hint, field=exc.field)
    waits = (problem.headers or {}).get(hdrs.RETRY_AFTER)
    retry_after_s = None if waits is None else int(waits)
    title, hint = _words(text, problem, retry_after_s)
    return PageProblem(
        problem.status,
        problem.error,
        title,
        hint,
        kind="warn" if problem.error in WARNINGS else "bad",
        field=AT_FIELD.get(problem.error),
        retry_after_s=retry_after_s,
    )


def _words(text: Texts, problem: Problem, retry_after_s: int | None) -> tuple[str, str]:
    """Give title and hint: the pages' own where they have some, else those of the problem."""
    name = f"problem.{problem.error}"
    if f"{name}.title" not in text.names():
        return problem.message, problem.hint
    wait = _render_wait(text, retry_after_s or 0)
    return text(f"{name}.title"), text(f"{name}.hint", wait=wait)


def _render_wait(text: Texts, seconds: int) -> str:
    if seconds < MINUTE_S:
        return text("wait.second") if seconds == 1 else text("wait.seconds", count=seconds)
    minutes = -(-seconds // MINUTE_S)
    return text("wait.minute") if minutes == 1 else text("wait.minutes", count=minutes)
