"""What follows a proof: the second factor, a new password, and at last the cookie and the way on.

Between these steps the session is carried in the form, sealed, so that whoever has but the first
proof has nothing in hand.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from atoms_mcp.identity.second_factor import TOTP, needs_second_factor
from atoms_mcp.supabase.auth import Factor, Session, User
from atoms_mcp.web.address import client_address
from atoms_mcp.web.forms import Form, begin_form
from atoms_mcp.web.keys import SIGN_IN
from atoms_mcp.web.page_problem import TOLD, PageProblem, describe
from atoms_mcp.web.pages import render_page
from atoms_mcp.web.redirect import send_on
from atoms_mcp.web.sign_in import PATH, PURPOSE, render_sign_in, step
from atoms_mcp.web.visitor import get_visitor, see_off, welcome

SECOND_FACTOR = "second-factor"
NEW_PASSWORD = "new-password"  # noqa: S105 - the name of a step
HELD_S = 10 * 60
# Refusals after which the step cannot be tried again.
FINAL = frozenset(
    {"session_over", "user_banned", "second_factor_gone", "second_factor_needed"}
    | {"second_factor_unsupported", "reauthentication_needed", "password_sign_in_disabled"}
)


async def let_in(
    request: web.Request,
    session: Session,
    claims: Mapping[str, Any],
    *,
    is_recovery: bool = False,
) -> web.Response:
    """Go on with a session that somebody has just proved to be theirs.

    `claims` are of the form or of the way that led here: `next` and `client`.

    Raises:
        SupabaseError, StoreDown: the session cannot be kept.
    """
    if needs_second_factor(session) is not None:
        held = _hold(session, claims, is_recovery=is_recovery)
        return _render_second_factor(request, held)
    if is_recovery:
        return _render_new_password(request, _hold(session, claims))
    response = send_on(claims["next"])
    before = get_visitor(request)
    if before is not None:
        await see_off(request, response, before)
    await welcome(request, response, session)
    return response


@step("factor", "code", purpose=SECOND_FACTOR)
async def second_factor(request: web.Request, form: Form) -> web.Response:
    """Take the code of an authenticator."""
    session = _session(form.claims)
    wanted = needs_second_factor(session)
    chosen = form.fields.get("factor") or (wanted.id if wanted else "")
    try:
        raised = await request.app[SIGN_IN].by_second_factor(
            session, chosen, form.fields.get("code"), client_address(request)
        )
        return await let_in(request, raised, form.claims, is_recovery=form.claims["is_recovery"])
    except TOLD as exc:
        problem = describe(request, exc)
    if problem.code in FINAL:
        return await _begin_again(request, form, problem)
    return _render_second_factor(request, form.claims, problem, chosen)


@step("email", "password", purpose=NEW_PASSWORD)
async def new_password(request: web.Request, form: Form) -> web.Response:
    """Set the password of an account that was recovered, and let its user in."""
    session = _session(form.claims)
    try:
        await request.app[SIGN_IN].set_password(session, form.fields.get("password"))
        return await let_in(request, session, form.claims)
    except TOLD as exc:
        problem = describe(request, exc)
    if problem.code in FINAL:
        return await _begin_again(request, form, problem)
    return _render_new_password(request, form.claims, problem)


async def not_begun(request: web.Request) -> web.Response:
    """Send on who opens a step's address by hand: signing in comes first."""
    del request
    return send_on(PATH)


async def _begin_again(request: web.Request, form: Form, problem: PageProblem) -> web.Response:
    claims = form.claims
    email = _session(claims).user.email
    return await render_sign_in(
        request, claims["next"], problem=problem, email=email, client=claims["client"]
    )


def _render_second_factor(
    request: web.Request,
    held: Mapping[str, Any],
    problem: PageProblem | None = None,
    chosen: str | None = None,
) -> web.Response:
    user = _session(held).user
    factors = [factor for factor in user.factors if factor.is_verified and factor.type == TOTP]
    facts = {"factors": factors, "chosen": chosen}
    return _render(request, (SECOND_FACTOR, "second_factor.html"), held, facts, problem)


def _render_new_password(
    request: web.Request, held: Mapping[str, Any], problem: PageProblem | None = None
) -> web.Response:
    return _render(request, (NEW_PASSWORD, "new_password.html"), held, {}, problem)


def _render(
    request: web.Request,
    page: tuple[str, str],
    held: Mapping[str, Any],
    facts: Mapping[str, Any],
    problem: PageProblem | None,
) -> web.Response:
    """Give a page whose form holds the session; it has a way back to the beginning, too."""
    purpose, template = page
    kept = {name: held[name] for name in ("next", "client", "session", "is_recovery")}
    shown = {
        "state": begin_form(request, purpose, life_s=HELD_S, **kept),
        "entry": begin_form(request, PURPOSE, next=held["next"], client=held["client"]),
        "email": _session(held).user.email,
        "problem": problem,
        **facts,
    }
    if problem is None:
        return render_page(request, template, shown)
    return render_page(request, template, shown, status=problem.status, headers=problem.headers)


def _hold(
    session: Session, claims: Mapping[str, Any], *, is_recovery: bool = False
) -> Mapping[str, Any]:
    return {
        "next": claims["next"],
        "client": claims.get("client"),
        "session": asdict(session),
        "is_recovery": is_recovery,
    }


def _session(held: Mapping[str, Any]) -> Session:
    body = held["session"]
    factors = tuple(Factor(**factor) for factor in body["user"]["factors"])
    return Session(**{**body, "user": User(**{**body["user"], "factors": factors})})
