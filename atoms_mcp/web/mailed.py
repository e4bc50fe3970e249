"""The page on which the code of a mail is typed, whatever it was mailed for.

Its link does the same without typing, and leads to `web.callback`.
"""

from aiohttp import web

from atoms_mcp.web.forms import Form
from atoms_mcp.web.page_problem import PageProblem
from atoms_mcp.web.sign_in import render_step, typed

# A mail that confirms a new account is sent once; the account is there, and signing in says more.
SENT_ONCE = "sign_up"


def render_code(
    request: web.Request, form: Form, kind: str, path: str, problem: PageProblem | None = None
) -> web.Response:
    """Give the page. `kind` is what was mailed and names its texts, `path` takes the code."""
    facts = {"texts": f"mailed.{kind}", "to": path, "again": None if kind == SENT_ONCE else path}
    return render_step(request, "code.html", form.claims, facts, problem=problem, email=typed(form))
