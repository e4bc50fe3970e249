"""The page on which the code of a mail is typed, and what takes it, whatever it was mailed for.

Its link does the same without typing, and leads to `web.callback`.
"""

from dataclasses import dataclass

from aiohttp import web

from atoms_mcp.supabase.auth import CodeType
from atoms_mcp.web.address import client_address
from atoms_mcp.web.entry import let_in
from atoms_mcp.web.forms import Form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.page_problem import TOLD, PageProblem, describe
from atoms_mcp.web.sign_in import render_step, typed


@dataclass(frozen=True, slots=True)
class Mail:
    """One kind of mail: the name of its way and texts, the path that takes its code, its type."""

    kind: str
    path: str
    type: CodeType

    @property
    def is_sent_once(self) -> bool:
        """Whether no other one is sent: the new account is there, and signing in says more."""
        return self.type == "signup"


def render_code(
    request: web.Request, form: Form, mail: Mail, problem: PageProblem | None = None
) -> web.Response:
    """Give the page on which the code is typed."""
    facts = {
        "texts": f"mailed.{mail.kind}",
        "to": mail.path,
        "again": None if mail.is_sent_once else mail.path,
    }
    return render_step(request, "code.html", form.claims, facts, problem=problem, email=typed(form))


async def take_code(request: web.Request, form: Form, mail: Mail) -> web.Response:
    """Let in whoever typed the code, or give the page again with what was wrong."""
    try:
        session = await request.app[SIGN_IN].by_code(
            typed(form), form.fields["code"], client_address(request), kind=mail.type
        )
        is_recovery = mail.type == "recovery"
        return await let_in(request, session, form.claims, is_recovery=is_recovery)
    except TOLD as exc:
        problem = describe(request, exc)
    return render_code(request, form, mail, problem)
